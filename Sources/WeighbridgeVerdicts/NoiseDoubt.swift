import WeighbridgeModules

/// Why a recorded noise was not taken as it is. A file decides about it, so it must not be able to
/// excuse an error.
public enum NoiseDoubt: String, Sendable, Hashable, CaseIterable {
  /// Two float32 runs of PyTorch differ: chance is no rounding, and no noise is used.
  case notRepeatable = "not-repeatable"
  /// NaN or infinite: not used.
  case notFinite = "not-finite"
  /// Larger than the activation itself: not used.
  case aboveActivation = "above-activation"
  /// Above what the operations up to it make of rounding: held at that.
  case bounded
}
