extension Tensor {
  /// The largest rank whose orders of axes are all tried.
  private static let largestRank = 5

  /// The order of axes in which this tensor is, bit by bit, another one: `[0, 2, 3, 1]` where that is
  /// channels-last. `nil` where there is none, where it is the same as it is, or of more than five axes.
  ///
  /// - Throws: when elements cannot be read.
  package func axisOrder(giving other: Tensor) throws -> [Int]? {
    guard dtype == other.dtype, rank == other.rank, (2...Self.largestRank).contains(rank),
      elementCount == other.elementCount, elementCount > 0
    else { return nil }
    return try Self.orders(of: Array(0..<rank)).dropFirst().first { order in
      let view = try permuted(order)
      guard view.shape == other.shape else { return false }
      // A slice tells most of them apart.
      let middle = other.shape[0] / 2
      return try view.narrowed(0, start: middle, length: 1)
        .hasSameBits(as: other.narrowed(0, start: middle, length: 1)) && view.hasSameBits(as: other)
    }
  }

  /// Whether both hold the same bytes in the same order, whatever their shapes.
  ///
  /// - Throws: when elements cannot be read.
  package func hasSameBits(as other: Tensor) throws -> Bool {
    let (first, second) = try (contiguous(), other.contiguous())
    return try first.withUnsafeBytes { one in
      try second.withUnsafeBytes { one.count == $0.count && one.elementsEqual($0) }
    }
  }

  /// Every order of some numbers, the given one first.
  private static func orders(of numbers: [Int]) -> [[Int]] {
    guard numbers.count > 1 else { return [numbers] }
    return numbers.indices.flatMap { index in
      var rest = numbers
      let first = rest.remove(at: index)
      return orders(of: rest).map { [first] + $0 }
    }
  }
}
