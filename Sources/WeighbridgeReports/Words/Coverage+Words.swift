import WeighbridgeVerdicts

extension Coverage {
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
