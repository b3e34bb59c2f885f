// Who judges a model names causes, too.
@_exported import WeighbridgeCauses
