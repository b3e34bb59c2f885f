import WeighbridgeComparison
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Which runs are made: what is asked for, and what can be afforded.
struct RunPlan: Sendable {
  /// Beyond these, `auto` skips the float64 run: the outputs of the float32 run are kept until then.
  private static let byteLimit = 2 << 30
  private static let forwardSecondsLimit = 2.0
  /// By how much longer it may take where a layer would be called wrong without it: that is worth more
  /// time than a run whose result is already certain.
  private static let patience = 10.0

  private let options: ValidationOptions
  private let isWanted: Bool
  private let isOffered: Bool
  private let byteCount: Int

  /// - Parameter isOffered: Whether the model can be had in float64.
  init(_ options: ValidationOptions, _ reference: Reference, isOffered: Bool) {
    (self.options, self.isOffered) = (options, isOffered)
    isWanted = options.tolerance == nil && !reference.hasNoiseEverywhere
    byteCount = reference.activationByteCount
  }

  var isolates: Bool { options.isolates }

  /// Whether results must be kept for the float64 run.
  var keepsResults: Bool {
    guard isOffered else { return false }
    switch options.oracle {
    case .never: return false
    case .always: return true
    case .auto: return isWanted && byteCount <= Self.byteLimit
    }
  }

  /// Whether the float64 run is made from the start, and what to tell the reader.
  func oracle(after cumulative: Trace) -> (runs: Bool, remark: Remark?) {
    guard options.oracle == .auto, isWanted, isOffered else { return (keepsResults, nil) }
    if byteCount > Self.byteLimit {
      return (false, .oracleTooLarge(byteCount: byteCount))
    }
    if cumulative.forwardSeconds > Self.forwardSecondsLimit {
      return (false, .oracleTooSlow(seconds: cumulative.forwardSeconds))
    }
    return (true, nil)
  }

  /// What may be measured beyond the first runs.
  ///
  /// - Parameter hasOwnNoise: Whether our own noise is known, or could not be measured.
  func terms(after cumulative: Trace, hasOwnNoise: Bool) -> Terms {
    let isAffordable =
      byteCount <= Self.byteLimit
      && cumulative.forwardSeconds <= Self.patience * Self.forwardSecondsLimit
    let mayMeasure = options.tolerance == nil && isAffordable
    var terms = Terms()
    (terms.requiresAll, terms.allowsPartial) = (options.requiresAll, options.allowsPartial)
    terms.measuresAll = options.measuresAll
    terms.mayMeasureOwn = mayMeasure && isOffered && options.oracle == .auto && !hasOwnNoise
    terms.mayMeasure = mayMeasure
    terms.hasTwin = usesTwin
    terms.mayMoveResults = mayMeasure && !isOffered && options.isolates
    terms.movingLimit = OwnRounding.runLimit
    return terms
  }

  /// Whether single layers are held against the model in float64.
  var usesTwin: Bool { isOffered && options.oracle != .never }

  /// Whether a float64 run that fails is an error.
  var insistsOnOracle: Bool { options.oracle != .auto }
}
