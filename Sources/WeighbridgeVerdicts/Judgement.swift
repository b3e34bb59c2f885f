/// Whether one tensor is right, and by what rule.
public struct Judgement: Sendable, Hashable {
  /// What the error was held against.
  public enum Basis: String, Sendable, Hashable {
    /// The noise that PyTorch recorded for itself, and ours where it is known.
    case recordedNoise = "recorded-noise"
    /// Our own noise alone: float32 against float64 of the same model.
    case ownNoise = "own-noise"
    /// The recorded dtype's roundoff alone, where it is coarser than float32 and no noise is known.
    case precision
    /// |error| ≤ atol + rtol·|reference|, element by element: asked for, or PyTorch's defaults.
    case elementwise
  }

  /// What the error was held against.
  public var basis: Basis
  /// The noise ratio; for `elementwise` max |error| / (atol + rtol·|reference|).
  public var ratio: Double
  /// The largest `ratio` that holds.
  public var limit: Double
  /// The same ratio of the largest element; `nil` for `elementwise`.
  public var largestRatio: Double?
  /// The largest `largestRatio` that holds; `nil` for `elementwise`.
  public var largestLimit: Double?
  /// The same ratio of a sampled reference's means; `nil` for a whole one.
  public var meanRatio: Double?
  /// The largest `meanRatio` that holds; `nil` for a whole reference.
  public var meanLimit: Double?
  /// Why the recorded noise was not taken as it is.
  public var doubt: NoiseDoubt?
  /// The largest RMS of an error that holds; `nil` for `elementwise`.
  public var allowed: Double?
  /// Whether both ratios are within their limits and no element is non-finite on one side only.
  public var holds: Bool

  package init(
    basis: Basis, ratio: Double, limit: Double, largestRatio: Double? = nil,
    largestLimit: Double? = nil, meanRatio: Double? = nil, meanLimit: Double? = nil,
    doubt: NoiseDoubt? = nil, allowed: Double? = nil, holds: Bool
  ) {
    (self.basis, self.ratio, self.limit) = (basis, ratio, limit)
    (self.largestRatio, self.largestLimit) = (largestRatio, largestLimit)
    (self.meanRatio, self.meanLimit) = (meanRatio, meanLimit)
    (self.doubt, self.allowed, self.holds) = (doubt, allowed, holds)
  }
}
