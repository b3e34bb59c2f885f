import WeighbridgeVerdicts

extension LayerStatus {
  /// What it says about a layer, in a few plain words.
  public var meaning: String {
    switch self {
    case .ok: "right, on recorded inputs and in the whole run"
    case .source: "wrong by itself, on the recorded inputs"
    case .glue: "its children are right, what joins them is wrong"
    case .inherited: "right by itself; an earlier error arrives here"
    case .reshaped: "right, and recorded under another shape: a warning"
    case .amplifier: "right, and it enlarges errors far more than layers like it: a remark"
    case .nonfinite: "NaN or infinite where the recording is not"
    case .missing: "not judged: no recorded activation, or one that cannot be compared"
    }
  }
}
