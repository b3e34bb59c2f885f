import WeighbridgeModules

/// The constants that decide whether a tensor is right. They stand here alone.
///
/// With e the RMS of our error against the recorded value, n_ref the recorded noise (PyTorch's
/// float32 against its own float64) and n_got ours (our float32 against our float64 run),
///
///     noise ratio = e / (n_ref + n_got + floor · u · rms(reference))
///
/// is about 1 for a right layer, whatever its scale or depth; u is the unit roundoff of the coarser
/// of float32 and the recorded dtype, 2⁻²⁴ for float32. A layer passes at noise ratio ≤ `noiseRatio`,
/// and if also its largest error, over the same sum of maxima, stays ≤ `largestRatio`: a single
/// wrong element hardly moves an RMS.
public struct Limits: Sendable, Hashable {
  /// k: the largest noise ratio that passes.
  public var noiseRatio = 4.0
  /// The limit for the largest element.
  public var largestRatio = 8.0
  /// The limit for the means that a sampled reference's sums give: the largest difference over the
  /// noise's largest element. A mean is never further off than its furthest element.
  public var meanRatio = 8.0
  /// c: roundoffs of the reference's RMS that are never an error, for layers whose noise is 0.
  public var floor = 4.0
  /// How far above the roundoffs of what was added up a recorded noise is believed: see `Rounding`.
  public var cancellation = 32.0

  /// The limit for a layer's error on recorded inputs over its own rounding there, float32 against
  /// float64. Recorded noise holds for the whole run up to a layer; this is for one layer alone, whose
  /// rounding in PyTorch is not known but of the same size. Wide, since algorithms differ; weights
  /// rounded to half precision are a thousand times above it.
  public var isolatedRatio = 32.0
  /// How many elements a layer returns at least for that: of fewer, our own rounding may by luck be far
  /// below what float32 makes there.
  public var isolatedElements = 16
  /// The error of neighbouring elements beside their own size from which they are held against their own
  /// rounding: what makes a layer's noise may be far larger elements elsewhere. Of 10,000 right tensors on
  /// recorded inputs one is above 1/90,000.
  public var localShare = 0x1p-12
  /// The same where the rounding is not known from float64, or is that of the whole run and not of one
  /// layer: what float32 makes beside its neighbours of a right layer was at most 1/700.
  public var roughLocalShare = 0x1p-8
  /// The limit for the error of a channel, row or head over its own rounding; of right ones it was at most
  /// 16 on recorded inputs, and 23 in whole runs.
  public var localRatio = 32.0

  public init() {}

  /// Half the distance from 1 to the next number of a dtype, never finer than float32's, in which
  /// the model runs.
  static func unitRoundoff(_ recorded: DType) -> Double {
    switch recorded {
    case .float8E5M2: 0x1p-3
    case .float8E4M3: 0x1p-4
    case .bfloat16: 0x1p-8
    case .float16: 0x1p-11
    default: 0x1p-24
    }
  }
}

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

  public var basis: Basis
  /// The noise ratio; for `elementwise` max |error| / (atol + rtol·|reference|).
  public var ratio: Double
  public var limit: Double
  /// The same ratio of the largest element; `nil` for `elementwise`.
  public var largestRatio: Double?
  public var largestLimit: Double?
  /// The same ratio of a sampled reference's means; `nil` for a whole one.
  public var meanRatio: Double?
  public var meanLimit: Double?
  /// Why the recorded noise was not taken as it is.
  public var doubt: NoiseDoubt?
  /// The largest RMS of an error that holds; `nil` for `elementwise`.
  public var allowed: Double?
  /// Whether both ratios are within their limits and no element is non-finite on one side only.
  public var holds: Bool
}

/// Decides by noise where there is a noise, element by element otherwise.
struct Judge: Sendable {
  var limits = Limits()
  /// What the user asked for in place of everything else.
  var override: ElementwiseTolerance?

  /// The elementwise tolerance to measure against while comparing: the user's; or PyTorch's
  /// defaults, where no noise is recorded.
  func elementwiseTolerance(recorded: DType, hasNoise: Bool) -> ElementwiseTolerance? {
    if let override { return override }
    if !recorded.isFloatingPoint { return ElementwiseTolerance(relative: 0, absolute: 0) }
    return hasNoise ? nil : .pyTorchDefault(.float32, recorded)
  }

  /// - Parameters:
  ///   - recorded: The recorded dtype, or a coarser one on the way to the tensor.
  ///   - terms: How many numbers were added up on the way to an element, which bounds what is believed of
  ///     a recorded noise; `nil` where that is not known.
  ///   - believesAll: Whether a recorded noise is taken as it is, however large.
  func judge(
    _ figures: Figures, recorded: DType, reference: Reference.Noise?, own: Reference.Noise?,
    terms: Double? = nil, believesAll: Bool = false
  ) -> Judgement {
    let share = Rounding(terms: terms, dtype: recorded).share(limits)
    let believed =
      believesAll
      ? (noise: reference, doubt: nil) : reference?.believed(beside: figures, share: share)
    let noises = [believed?.noise, own].compactMap { $0 }
      .filter { $0.rms.isFinite && $0.max.isFinite }
    let isCoarse = Limits.unitRoundoff(recorded) > Limits.unitRoundoff(.float32)
    guard override == nil, recorded.isFloatingPoint, isCoarse || !noises.isEmpty else {
      return elementwise(figures, doubt: override == nil ? believed?.doubt : nil)
    }
    let unit = limits.floor * Limits.unitRoundoff(recorded)
    let scale = noises.reduce(unit * figures.referenceRMS) { $0 + $1.rms }
    let ratio = Judge.quotient(figures.rms, scale)
    let largestScale = noises.reduce(unit * figures.referenceMax) { $0 + $1.max }
    let largest = Judge.quotient(figures.maxAbs, largestScale)
    let mean = figures.means.map { Judge.quotient($0.largest, largestScale) }
    return Judgement(
      basis: believed?.noise != nil ? .recordedNoise : noises.isEmpty ? .precision : .ownNoise,
      ratio: ratio, limit: limits.noiseRatio, largestRatio: largest,
      largestLimit: limits.largestRatio, meanRatio: mean,
      meanLimit: mean.map { _ in limits.meanRatio },
      doubt: believed?.doubt, allowed: limits.noiseRatio * scale,
      holds: ratio <= limits.noiseRatio && largest <= limits.largestRatio
        && mean.map { $0 <= limits.meanRatio } ?? true
        && figures.nonFinite.mismatched == 0 && figures.means?.mismatched ?? 0 == 0)
  }

  private func elementwise(_ figures: Figures, doubt: NoiseDoubt?) -> Judgement {
    let ratio = figures.elementwiseRatio ?? .infinity
    return Judgement(
      basis: .elementwise, ratio: ratio, limit: 1, largestRatio: nil, largestLimit: nil,
      meanRatio: figures.means?.elementwiseRatio, meanLimit: figures.means.map { _ in 1 },
      doubt: doubt,
      holds: ratio <= 1 && figures.nonFinite.mismatched == 0
        && figures.means.map { $0.elementwiseRatio <= 1 && $0.mismatched == 0 } ?? true)
  }

  /// error / scale; 0 for no error at all, even against no noise.
  private static func quotient(_ error: Double, _ scale: Double) -> Double {
    error == 0 ? 0 : error / scale
  }
}
