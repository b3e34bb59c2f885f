// One import is all that an app needs: modules to write its networks with, and the files themselves.
@_exported import WeighbridgeModules
@_exported import WeighbridgeWeights
