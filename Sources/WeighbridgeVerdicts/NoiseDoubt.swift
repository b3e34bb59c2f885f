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

  /// What is said of the activations that it is about.
  package var text: String {
    switch self {
    case .notRepeatable:
      "two runs of PyTorch differ here, by chance and not by rounding: no noise is used, and they are "
        + "judged on recorded inputs alone; record without dropout, random numbers and memory that "
        + "nobody set"
    case .notFinite: "the recorded noise is not a finite number, and was not used"
    case .aboveActivation:
      "the recorded noise is larger than the activation itself, and was not used"
    case .bounded:
      "the recorded noise is above what rounding makes in as many operations, and was held at that"
    }
  }
}
