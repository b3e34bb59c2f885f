import WeighbridgeTensors

extension PlainEngine {
  /// Elements of any dtype.
  func paddedByMode(
    _ x: Tensor, _ amounts: [AxisPadding], _ mode: PaddingMode
  ) throws -> Tensor {
    let lead = x.rank - amounts.count
    if case .constant(let value) = mode { return try paddedByConstant(x, amounts, value) }
    return try amounts.enumerated().reduce(x) { result, item in
      let (index, amount) = item
      guard amount != AxisPadding(0, 0) else { return result }
      let size = x.shape[lead + index]
      let sources = (-amount.before..<(size + amount.after)).map { mode.source(of: $0, size) }
      return try selected(result, axis: lead + index, sources)
    }
  }

  /// Joined with pieces of the value; what negative amounts take away is a slice.
  private func paddedByConstant(
    _ x: Tensor, _ amounts: [AxisPadding], _ value: Double
  ) throws -> Tensor {
    let lead = x.rank - amounts.count
    var kept = x
    for (index, amount) in amounts.enumerated() {
      let (before, after) = (min(0, amount.before), min(0, amount.after))
      kept = try kept.narrowed(
        lead + index, start: -before, length: x.shape[lead + index] + before + after)
    }
    let added = amounts.map { (before: max(0, $0.before), after: max(0, $0.after)) }
    return try kept.padded(added, with: value)
  }
}

extension PaddingMode {
  /// The element of an axis that stands at a place inside or outside of it.
  fileprivate func source(of place: Int, _ size: Int) -> Int {
    switch self {
    case .constant, .replicate: return min(max(place, 0), size - 1)
    case .reflect:
      if place < 0 { return -place }
      return place < size ? place : 2 * (size - 1) - place
    case .circular: return place < 0 ? place + size : place < size ? place : place - size
    }
  }
}
