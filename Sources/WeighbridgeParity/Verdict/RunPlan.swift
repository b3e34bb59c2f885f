import WeighbridgeComparison
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeTensors
import WeighbridgeVerdicts

/// Which runs are made: what is asked for, and what can be afforded.
struct RunPlan: Sendable {
  /// Beyond these, `auto` skips the float64 run: the outputs of the float32 run are kept until then.
  private static let byteLimit = 2 << 30
  private static let forwardSecondsLimit = 2.0
  /// By how much longer it may take where a layer would be called wrong without it: that is worth more
  /// time than a run whose result is already certain.
  private static let patience = 10.0
  /// And how much may be kept then: more, where the machine has four times as much memory.
  private static let patientByteLimit = max(byteLimit, min(8 << 30, PhysicalMemory.byteCount / 4))

  private let options: ValidationOptions
  private let isWanted: Bool
  private let isOffered: Bool
  private let byteCount: Int

  /// - Parameter isOffered: Whether the model can be had in float64.
  init(_ options: ValidationOptions, _ reference: Reference, isOffered: Bool) {
    self.init(
      options, hasNoise: reference.hasNoiseEverywhere, isOffered: isOffered,
      byteCount: reference.activationByteCount)
  }

  init(_ options: ValidationOptions, hasNoise: Bool, isOffered: Bool, byteCount: Int) {
    (self.options, self.isOffered, self.byteCount) = (options, isOffered, byteCount)
    isWanted = options.tolerance == nil && !hasNoise
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
    guard
      let remark = excess(
        cumulative.forwardSeconds, above: Self.forwardSecondsLimit, byteLimit: Self.byteLimit)
    else { return (true, nil) }
    return (false, remark)
  }

  /// What may be measured beyond the first runs.
  ///
  /// - Parameters:
  ///   - seconds: What the model itself took.
  ///   - hasOwnNoise: Whether our own noise is known, or could not be measured.
  func terms(afterForwardOf seconds: Double, hasOwnNoise: Bool) -> Terms {
    let mayMeasure = options.tolerance == nil && beyondPatience(seconds) == nil
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

  /// Why our own rounding is not measured, even where a layer is called wrong without it; `nil` where it is.
  private func beyondPatience(_ seconds: Double) -> Remark? {
    excess(
      seconds, above: Self.patience * Self.forwardSecondsLimit, byteLimit: Self.patientByteLimit)
  }

  /// What is above its limit: the activations, or the time of the model itself.
  private func excess(_ seconds: Double, above limit: Double, byteLimit: Int) -> Remark? {
    guard byteCount <= byteLimit else { return .oracleTooLarge(byteCount: byteCount) }
    return seconds <= limit ? nil : .oracleTooSlow(seconds: seconds)
  }

  /// What a verdict that fails says of rounding that was not measured.
  func unmeasured(afterForwardOf seconds: Double) -> Remark? {
    guard options.tolerance == nil, options.oracle == .auto, isOffered else { return nil }
    return beyondPatience(seconds)
  }

  /// Whether single layers are held against the model in float64.
  var usesTwin: Bool { isOffered && options.oracle != .never }

  /// Whether a float64 run that fails is an error.
  var insistsOnOracle: Bool { options.oracle != .auto }
}
