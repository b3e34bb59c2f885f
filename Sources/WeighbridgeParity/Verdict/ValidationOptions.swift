import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeVerdicts

/// When the model is also run in float64, to learn how far rounding alone takes it.
public enum OracleMode: String, Sendable, Hashable, CaseIterable {
  /// When some recorded activation has no noise, unless the run would take too long or too much
  /// memory.
  case auto
  /// Whatever time and memory it takes.
  case always
  /// Our own noise is then unknown, and recorded noise alone counts where there is some.
  case never
}

/// When the parameters are looked for that nothing compared reacts to.
public enum ReachMode: String, Sendable, Hashable, CaseIterable {
  /// As far as one more forward's time goes, half a second in any case, and until a sample of them tells
  /// whether most are seen.
  case auto
  /// Whatever it takes.
  case always
  /// No parameter is looked for.
  case never
}

/// How a validation is done.
public struct ValidationOptions: Sendable {
  /// Replaces every noise-based limit.
  public var tolerance: ElementwiseTolerance?
  /// When the model is also run in float64.
  public var oracle = OracleMode.auto
  /// Whether recorded activations that the model lacks, and modules without a recorded activation,
  /// make the verdict a failure.
  public var requiresAll = false
  /// Whether a verdict may pass that compared no output, or less than half of what is recorded.
  public var allowsPartial = false
  /// Whether each module is also judged on recorded inputs.
  public var isolates = true
  /// Whether a pass also tells which parameters it says nothing of.
  public var reach = ReachMode.auto
  /// Whether the model is the network that this reference holds, computed as it was recorded, operation by
  /// operation: then nothing but weights can be wrong.
  public var forwardIsRecorded = false
  /// Seconds that looking for them may take in any case.
  package var reachSeconds = 0.5
  /// Whether every layer is held against its own rounding, place by place, and not only those whose error
  /// is large.
  public var measuresAll = false
  /// What noise ratios hold, and other thresholds.
  public var limits = Limits()

  /// The defaults of `weighbridge validate`.
  public init() {}
}
