import WeighbridgeModules

/// How much a verdict saw: what was compared of what was recorded, and of what the model has.
public struct Coverage: Sendable, Hashable {
  /// Tensors that modules returned and that were held against recorded ones.
  public var compared = 0
  /// Activations in the reference.
  public var recorded = 0
  /// Tensors that the model's modules returned.
  public var modules = 0
  /// The model's outputs that were held against recorded ones.
  public var outputs = 0
  /// Outputs in the reference.
  public var recordedOutputs = 0
  /// Outputs of the model.
  public var modelOutputs = 0
  /// Why recorded outputs could not be compared, the first of several reasons.
  var reason: String?

  /// What keeps this from being the whole proof: without it a verdict is no pass, unless that is asked
  /// for.
  public var gaps: [String] {
    var gaps: [String] = []
    if recordedOutputs == 0 {
      gaps.append("the reference has no outputs")
    } else if outputs < min(recordedOutputs, max(1, modelOutputs)) {
      gaps.append(
        "\(outputs) of \(recordedOutputs) recorded outputs compared"
          + (reason.map { ": what is recorded \($0)" } ?? ""))
    }
    if recorded > 0, 2 * compared < recorded {
      gaps.append("\(compared) of \(recorded) recorded activations compared")
    }
    return gaps
  }

  /// `all 12 activations, 1 output`, or what of what.
  var text: String {
    let activations =
      compared == recorded && recorded == modules
      ? "all \(compared) activations"
      : "\(compared) of \(recorded) activations of \(modules) modules' results"
    let total = max(recordedOutputs, modelOutputs)
    let outputs =
      outputs == total
      ? "\(outputs) output\(outputs == 1 ? "" : "s")" : "\(outputs) of \(total) outputs"
    return "compared \(activations), \(outputs)"
  }
}

extension Coverage {
  /// Counts what is compared.
  init(_ result: ParityResult, _ reference: Reference, trace: RunTrace, modelOutputs: Int) {
    compared = result.layers.count { $0.status != .missing && $0.path != .root }
    recorded = reference.keys.count
    modules = zip(trace.calls, trace.findings).reduce(0) {
      $0 + ($1.0.path == .root ? 0 : $1.1.count)
    }
    outputs = result.outputs.count { $0.status != .missing }
    recordedOutputs = reference.outputCount
    self.modelOutputs = modelOutputs
    reason = result.outputs.first { $0.status == .missing }?.reason
  }
}
