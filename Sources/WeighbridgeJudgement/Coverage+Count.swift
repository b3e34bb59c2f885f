import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension Coverage {
  /// Counts what is compared.
  package init(_ result: ParityResult, _ reference: Reference, trace: Trace, modelOutputs: Int) {
    self.init()
    compared = result.layers.count { $0.status != .missing && $0.path != .root }
    recorded = reference.keys.count
    modules = zip(trace.calls, trace.findings).reduce(0) {
      $0 + ($1.0.path == .root ? 0 : $1.1.count)
    }
    outputs = result.outputs.count { $0.status != .missing }
    recordedOutputs = reference.outputCount
    self.modelOutputs = modelOutputs
    reason = result.outputs.first { $0.status == .missing }?.grounds.first
  }
}
