import WeighbridgeModules
import WeighbridgeReferences

/// What a reader should know beside the figures: what was skipped, assumed or accepted. Reports word it.
public enum Remark: Sendable, Hashable {
  // What was not compared.
  /// These lines could not be compared.
  case incomparable([String], Ground)
  /// None of so many recorded activations is a module of the model.
  case foreign(Int)
  /// Modules that were called more or less often than recorded.
  case calls([Count])
  /// Modules that PyTorch knows by two names.
  case aliases([Alias])
  /// Entries outside the layout.
  case ignored([String])
  /// What a pass leaves out, where it may.
  case gap(Gap)
  /// Which parameters are seen was not found out.
  case reachUnknown(WeighbridgeError)

  // The recording.
  /// Recorded noises that were not taken as they are.
  case doubt(NoiseDoubt, [String])
  /// Dtypes in the metadata that are not known.
  case unknownDTypes([String])
  /// Lines that the metadata calls coarser than their values are.
  case finer([String])
  /// A recording in a coarse dtype.
  case blindness(Blindness)
  /// Activations that are recorded as samples; whether something ran on them.
  case sampling(Sampling, ran: Bool)
  /// So many recorded paths begin with what wrappers put before them.
  case wrappers([String], count: Int)
  /// An input of the model that holds NaN or infinities.
  case nonFiniteInput(Int)

  // Rounding.
  /// Recorded noise believed as it is, since every module holds.
  case grown([String])
  /// Our own rounding, by moving results, accepted.
  case moved([String])
  /// The run of a program differs from the probed one within rounding.
  case productionRounds([String])
  /// Rounding decides what the run of a program returns.
  case productionDecides([String])
  /// The float64 run was skipped: the activations take so many bytes.
  case oracleTooLarge(byteCount: Int)
  /// The float64 run was skipped: the float32 run took so many seconds.
  case oracleTooSlow(seconds: Double)
  /// The float64 run, for our own noise, failed.
  case oracleFailed(WeighbridgeError)
  /// The model does not run in float64: moving results measured the rounding of single layers.
  case noTwin(WeighbridgeError)

  // Two references.
  /// Neither file tells the order of execution.
  case unordered
  /// An activation is sampled at other elements in each.
  case sampledApart(String)
  /// Nothing ran, so that consequences are guesses.
  case nothingRan

  /// What a program says itself, in its own words.
  case said(String)

  /// How often a module was called.
  public struct Count: Sendable, Hashable {
    /// The module.
    public var path: ModulePath
    /// In our run.
    public var ours: Int
    /// In the recorded one.
    public var recorded: Int

    package init(path: ModulePath, ours: Int, recorded: Int) {
      (self.path, self.ours, self.recorded) = (path, ours, recorded)
    }
  }

  /// A module that is recorded under another of its names.
  public struct Alias: Sendable, Hashable {
    /// Its name in the model.
    public var name: String
    /// Its name in the reference.
    public var recorded: String

    package init(name: String, recorded: String) { (self.name, self.recorded) = (name, recorded) }
  }

  /// How much of a reference is sampled.
  public struct Sampling: Sendable, Hashable {
    /// The reference's file.
    public var path: String
    /// How many activations are sampled.
    public var count: Int
    /// How many there are.
    public var total: Int
    /// How many elements a sample has at most.
    public var limit: Int
    /// The seed that elements were drawn with.
    public var seed: Int

    package init(path: String, count: Int, total: Int, limit: Int, seed: Int) {
      (self.path, self.count, self.total) = (path, count, total)
      (self.limit, self.seed) = (limit, seed)
    }
  }
}
