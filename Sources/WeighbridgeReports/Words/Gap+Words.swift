import WeighbridgeVerdicts

extension Gap: CustomStringConvertible {
  /// What keeps the verdict from being a pass.
  public var description: String {
    switch self {
    case .noOutputs: "the reference has no outputs"
    case .outputs(let count, let total, let ground):
      "\(count) of \(total) recorded outputs compared"
        + (ground.map { ": what is recorded \($0)" } ?? "")
    case .activations(let count, let total):
      "\(count) of \(total) recorded activations compared"
    case .unseen: "most of the parameters could be anything: no compared value reacts to them"
    case .decided:
      "the outputs, all that was compared, are a few zeros and ones: other weights may give them, too"
    case .coarse(let dtype): "recorded in \(dtype), which shows almost no error"
    }
  }
}
