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

  /// The largest noise that is used, as a share of the activation's RMS, whatever made it: what a deep
  /// network in bfloat16 may have, and a thousand times what float32 has.
  package static let noiseShare = 1.0 / 32
  /// By how much more the largest element's share may be.
  package static let largestNoiseFactor = 4.0
  /// How much larger one draw of our rounding may be than another, at most.
  package var drawSpread = 1000.0
  /// How many times a layer's error gain is its siblings' median at least for it to amplify errors.
  package var amplification = 64.0
  /// The noise ratio from which that is worth a word.
  package var amplifiedRatio = 2.0
  /// How many gains a median needs.
  package var amplifierSiblings = 4
  /// Noise ratios up to this count as explained by a cause: "about 1".
  package var explainedRatio = 2.0
  /// What a change leaves, at most, of an error that was within its limit already.
  package var improvement = 0.5
  /// What zeros and ones must tell at least, in bits: with fewer, other weights and wrong explanations
  /// come to them by chance more often than once in a million.
  package var leastBits = 20.0

  /// The limits that validation uses unless told otherwise.
  public init() {}
}
