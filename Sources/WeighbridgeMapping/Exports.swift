// Reports are JSON documents, which live beside the native weight file.
@_exported import WeighbridgeWeights
