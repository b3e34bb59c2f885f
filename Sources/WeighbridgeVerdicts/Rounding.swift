import WeighbridgeModules

/// How much rounding a tensor can have: what it is made of, under which dtypes.
package struct Rounding: Sendable, Hashable {
  /// How many numbers were added up on the way to one of its elements, as far as the model's calls
  /// tell; `nil` where nothing ran.
  package var terms: Double?
  /// The coarsest dtype on the way to it, its own among them.
  package var dtype: DType

  package init(terms: Double?, dtype: DType) {
    (self.terms, self.dtype) = (terms, dtype)
  }

  /// The largest share of its RMS that the rounding of so many terms is believed to be.
  ///
  /// Rounding errors of n terms add up like a random walk, to √n roundoffs (Higham, Accuracy and
  /// Stability of Numerical Algorithms, 2002, 2.8); what cancels makes them larger beside their sum,
  /// for which the factor stands.
  package func share(_ limits: Limits) -> Double {
    guard let terms else { return Limits.noiseShare }
    return min(
      Limits.noiseShare,
      limits.cancellation * dtype.unitRoundoff * max(1, terms).squareRoot())
  }

  /// The dtype that shows less.
  package static func coarser(_ a: DType, _ b: DType) -> DType {
    a.unitRoundoff > b.unitRoundoff ? a : b
  }
}
