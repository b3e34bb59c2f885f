// Everything a user of the package imports: readers, mapping, modules, models and the verdict. What
// the built-in models are mistaken for is linked, and nothing of it is named.

import WeighbridgeModelCauses

@_exported import WeighbridgeAlignment
@_exported import WeighbridgeCheckpoints
@_exported import WeighbridgeEngine
@_exported import WeighbridgeMapping
@_exported import WeighbridgeModels
@_exported import WeighbridgeModules
@_exported import WeighbridgeNative
@_exported import WeighbridgeParity
@_exported import WeighbridgeReports
@_exported import WeighbridgeTensors
@_exported import WeighbridgeWeights
