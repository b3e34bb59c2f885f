import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences

/// Decides whether the float64 run is done.
struct OraclePlan {
  /// Beyond these, `auto` skips it: the outputs of the float32 run are kept until then.
  private static let byteLimit = 2 << 30
  private static let forwardSecondsLimit = 2.0

  /// Whether `auto` may run it before it calls a layer wrong. That is worth more time than a run
  /// whose result is already certain.
  static func isAffordable(_ reference: Reference, _ forwardSeconds: Double) -> Bool {
    reference.activationByteCount <= byteLimit && forwardSeconds <= 10 * forwardSecondsLimit
  }

  private let mode: OracleMode
  private let isWanted: Bool
  private let isOffered: Bool
  private let byteCount: Int

  init(
    _ mode: OracleMode, _ reference: Reference, isOffered: Bool, _ tolerance: ElementwiseTolerance?
  ) {
    self.mode = mode
    self.isOffered = isOffered
    isWanted = tolerance == nil && !reference.hasNoiseEverywhere
    byteCount = reference.activationByteCount
  }

  /// Whether outputs must be kept for it.
  var mayRun: Bool {
    guard isOffered else { return false }
    switch mode {
    case .never: return false
    case .always: return true
    case .auto: return isWanted && byteCount <= Self.byteLimit
    }
  }

  /// Whether it is done, and what to tell the reader.
  func decision(forwardSeconds: Double) -> (runs: Bool, note: String?) {
    guard mode == .auto, isWanted, isOffered else { return (mayRun, nil) }
    let instead = "PyTorch's elementwise defaults stand in where no noise is recorded"
    if byteCount > Self.byteLimit {
      return (
        false,
        "float64 oracle skipped: the activations take \(byteCount >> 20) MB; \(instead) "
          + "(--oracle always runs it)"
      )
    }
    if forwardSeconds > Self.forwardSecondsLimit {
      return (
        false,
        "float64 oracle skipped: the float32 run alone took \(Int(forwardSeconds)) s; \(instead) "
          + "(--oracle always runs it)"
      )
    }
    return (true, nil)
  }
}
