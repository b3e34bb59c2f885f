"""Files that were made to hurt whoever reads them, and the measurement that they do not."""
