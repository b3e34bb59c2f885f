import WeighbridgeComparison
import WeighbridgeReferences
import WeighbridgeVerdicts

extension Reference.Noise {
  /// The part of a recorded noise that is believed.
  ///
  /// - Parameter share: How much of the activation's RMS rounding can be, at most.
  /// - Returns: The noise to judge by, `nil` for one that is no number, and what is odd about it.
  package func believed(
    beside figures: Figures, share: Double = Limits.noiseShare
  ) -> (noise: Reference.Noise?, doubt: NoiseDoubt?) {
    guard rms.isFinite && max.isFinite else { return (nil, .notFinite) }
    guard rms <= figures.referenceRMS && max <= figures.referenceMax else {
      // Float32 may return exact zeros where float64 does not; the floor and our own noise judge.
      return (Reference.Noise(rms: 0, max: 0), .aboveActivation)
    }
    let bound = Reference.Noise(
      rms: min(rms, share * figures.referenceRMS),
      max: min(max, Limits.largestNoiseFactor * share * figures.referenceMax))
    return (bound, bound == self ? nil : .bounded)
  }
}
