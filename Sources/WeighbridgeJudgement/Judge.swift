import WeighbridgeComparison
import WeighbridgeReferences
import WeighbridgeTensors
import WeighbridgeVerdicts

/// Decides by noise where there is a noise, element by element otherwise.
package struct Judge: Sendable {
  package var limits = Limits()
  /// What the user asked for in place of everything else.
  package var override: ElementwiseTolerance?

  package init(limits: Limits = Limits(), override: ElementwiseTolerance? = nil) {
    (self.limits, self.override) = (limits, override)
  }

  /// The elementwise tolerance to measure against while comparing: the user's; or PyTorch's
  /// defaults, where no noise is recorded.
  package func elementwiseTolerance(recorded: DType, hasNoise: Bool) -> ElementwiseTolerance? {
    if let override { return override }
    if !recorded.isFloatingPoint { return ElementwiseTolerance(relative: 0, absolute: 0) }
    return hasNoise ? nil : .pyTorchDefault(.float32, recorded)
  }

  /// - Parameters:
  ///   - recorded: The recorded dtype, or a coarser one on the way to the tensor.
  ///   - terms: How many numbers were added up on the way to an element, which bounds what is believed of
  ///     a recorded noise; `nil` where that is not known.
  ///   - believesAll: Whether a recorded noise is taken as it is, however large.
  package func judge(
    _ figures: Figures, recorded: DType, reference: Reference.Noise?, own: Reference.Noise?,
    terms: Double? = nil, believesAll: Bool = false
  ) -> Judgement {
    let share = Rounding(terms: terms, dtype: recorded).share(limits)
    let believed =
      believesAll
      ? (noise: reference, doubt: nil) : reference?.believed(beside: figures, share: share)
    let noises = [believed?.noise, own].compactMap { $0 }
      .filter { $0.rms.isFinite && $0.max.isFinite }
    let isCoarse = recorded.unitRoundoff > DType.float32.unitRoundoff
    guard override == nil, recorded.isFloatingPoint, isCoarse || !noises.isEmpty else {
      return elementwise(figures, doubt: override == nil ? believed?.doubt : nil)
    }
    let unit = limits.floor * recorded.unitRoundoff
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
