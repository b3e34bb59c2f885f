// What a verdict is made of: who judges a model reads references, figures and causes, too.

@_exported import WeighbridgeCauses
@_exported import WeighbridgeComparison
@_exported import WeighbridgeReferences
@_exported import WeighbridgeRunning
@_exported import WeighbridgeVerdicts
