import WeighbridgeTensors

extension Tensor {
  /// Whether all values are equal, NaN to itself.
  package func hasSameValues(as other: Tensor) -> Bool {
    guard shape == other.shape, isAlikeFirst(other),
      let figures = try? Comparison.figures(self, other)
    else {
      return false
    }
    return figures.isIdentical
  }

  private func isAlikeFirst(_ other: Tensor) -> Bool {
    guard let a = firstElement, let b = other.firstElement else { return true }
    return a == b
  }

  /// A cheap look before a whole comparison; `nil` where it tells nothing.
  private var firstElement: Float? {
    guard dtype == .float32,
      let value = try? firstOfAll()
        .elements(as: Float.self).first, !value.isNaN
    else { return nil }
    return value
  }

  /// The element at the first index of every axis.
  private func firstOfAll() throws -> Tensor {
    try shape.indices.reduce(self) { try $0.narrowed($1, start: 0, length: min(1, shape[$1])) }
  }
}

extension Tensor {
  /// Whether another tensor has the same shape and values but for rounding.
  package func isNear(_ other: Tensor) -> Bool {
    guard shape == other.shape, let figures = try? Comparison.figures(self, other) else {
      return false
    }
    return figures.nonFinite.mismatched == 0 && figures.rms <= 1e-5 * figures.referenceRMS
  }
}
