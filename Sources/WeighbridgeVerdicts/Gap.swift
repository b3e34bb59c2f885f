import WeighbridgeModules

/// What keeps a verdict from being the whole proof. Reports word it.
public enum Gap: Sendable, Hashable {
  /// The reference has no outputs.
  case noOutputs
  /// Only so many of the recorded outputs were compared, and why the first was not.
  case outputs(Int, of: Int, Ground?)
  /// Less than half of the recorded activations were compared.
  case activations(Int, of: Int)
  /// No compared value reacts to most of the parameters.
  case unseen
  /// Nothing but outputs was compared, and they are a few zeros and ones, to which other weights may come
  /// by chance.
  case decided
  /// What was recorded in this dtype shows almost no error.
  case coarse(DType)
}
