import WeighbridgeModules

/// How far two tensors of one shape are from each other.
///
/// Sums run in float64. Elements that are NaN on both sides, or infinite with the same sign, are
/// equal and contribute nothing. An element that is non-finite on one side only, or differently on
/// both, makes `maxAbs` and `rms` non-finite too: NaN where a NaN is involved, else infinite.
public struct Figures: Sendable, Hashable {
  /// The number of elements.
  public var count = 0
  /// max |got − reference|.
  public var maxAbs = 0.0
  /// Where that is; `nil` for an empty tensor.
  public var worst: Element?
  /// √(mean (got − reference)²).
  public var rms = 0.0
  /// √(mean reference²), over finite elements.
  public var referenceRMS = 0.0
  /// max |reference| over finite elements.
  public var referenceMax = 0.0
  /// max |got − reference| / |reference| over elements whose reference is not 0.
  public var maxRel = 0.0
  /// ⟨got, reference⟩ / (‖got‖·‖reference‖); 1 when both are all zeros, 0 when one is.
  public var cosine = 1.0
  /// The largest number of float32 steps between two elements; of float64 steps when both tensors
  /// are float64. +0 and −0 are the same.
  public var maxULP: UInt64 = 0
  /// max |got − reference| / (atol + rtol·|reference|), when an elementwise tolerance was asked for.
  public var elementwiseRatio: Double?
  /// The largest error beside its neighbours: the RMS error of a few dozen neighbouring elements over
  /// their own RMS and what is usual in the tensor. `nil` where it was not measured: float32 alone is.
  public var localShare: Double?
  /// How many elements are not finite, on either side.
  public var nonFinite = NonFinite()
  /// How far means are that a sampled reference's sums give; `nil` for a whole one. All other figures
  /// are then those of the sampled elements.
  public var means: Means?

  /// The figures of nothing: no elements and no error.
  public init() {}

  /// Ours against recorded means over an activation's last axes.
  public struct Means: Sendable, Hashable {
    /// The number of means.
    public var count = 0
    /// The largest difference of two means. No mean is further off than the furthest element.
    public var largest = 0.0
    /// Where that is on the leading axes.
    public var worst: [Int] = []
    /// max difference / (atol + rtol·mean |got|), when an elementwise tolerance was asked for.
    public var elementwiseRatio = 0.0
    /// Sums where one side is not finite and the other is not the same.
    public var mismatched = 0
    /// Recorded sums that are NaN.
    public var referenceNaN = 0

    /// The figures of no means.
    public init() {}
  }

  /// One element of both tensors.
  public struct Element: Sendable, Hashable {
    /// Its index on every axis.
    public var index: [Int]
    /// Our value.
    public var got: Double
    /// The recorded value.
    public var reference: Double

    package init(index: [Int], got: Double, reference: Double) {
      (self.index, self.got, self.reference) = (index, got, reference)
    }
  }

  /// How many elements are not finite numbers.
  public struct NonFinite: Sendable, Hashable {
    /// NaNs of ours.
    public var gotNaN = 0
    /// Infinite values of ours, of both signs.
    public var gotInfinite = 0
    /// NaNs of the reference.
    public var referenceNaN = 0
    /// Infinite values of the reference, of both signs.
    public var referenceInfinite = 0
    /// Elements where one side is not finite and the other is not the same.
    public var mismatched = 0

    /// None.
    public init() {}
  }

  /// 20·log₁₀(rms of the reference / rms of the error), in dB; infinite when equal.
  public var signalToNoise: Double {
    guard rms != 0 else { return .infinity }
    return 20 * (referenceRMS / rms).logarithm10
  }

  /// Whether every element is the same, NaN being the same as NaN.
  public var isIdentical: Bool { maxAbs == 0 && nonFinite.mismatched == 0 }
}

/// |got − reference| ≤ absolute + relative·|reference| for every element, as PyTorch's
/// `torch.testing.assert_close`.
public struct ElementwiseTolerance: Sendable, Hashable {
  /// PyTorch's `rtol`.
  public var relative: Double
  /// PyTorch's `atol`.
  public var absolute: Double

  /// - Parameters:
  ///   - relative: PyTorch's `rtol`: how much of |reference| an error may be.
  ///   - absolute: PyTorch's `atol`: what it may be beside that.
  public init(relative: Double, absolute: Double) {
    self.relative = relative
    self.absolute = absolute
  }

  /// The defaults of `torch.testing.assert_close` for the less precise of two dtypes; exact equality
  /// when neither is a floating-point type.
  public static func pyTorchDefault(_ a: DType, _ b: DType) -> ElementwiseTolerance {
    func tolerance(_ dtype: DType) -> ElementwiseTolerance {
      switch dtype {
      case .bfloat16: .init(relative: 1.6e-2, absolute: 1e-5)
      case .float16: .init(relative: 1e-3, absolute: 1e-5)
      case .float32: .init(relative: 1.3e-6, absolute: 1e-5)
      case .float64: .init(relative: 1e-7, absolute: 1e-7)
      default: .init(relative: 0, absolute: 0)
      }
    }
    let (a, b) = (tolerance(a), tolerance(b))
    return .init(
      relative: max(a.relative, b.relative), absolute: max(a.absolute, b.absolute))
  }
}
