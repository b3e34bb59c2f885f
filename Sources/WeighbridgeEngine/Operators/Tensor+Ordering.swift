/// Orders along an axis. Integers are ordered as the float64 that they are exactly.
extension Tensor {
  /// The elements of an axis in order and where they stood, as `torch.sort(stable=True)`: NaN counts as
  /// the largest.
  ///
  /// - Throws: `shape` when there is no such axis.
  public func sorted(axis: Int = -1, descending: Bool = false) throws -> IndexedValues {
    let axis = try shape.resolvedAxis(axis)
    return try ordered { try $1.sort($0, axis: axis, descending: descending) }
  }

  /// Where the elements of an axis stand in order, as `torch.argsort(stable=True)`.
  public func sortingIndices(axis: Int = -1, descending: Bool = false) throws -> Tensor {
    try sorted(axis: axis, descending: descending).indices
  }

  /// The `count` largest (or smallest) elements of an axis, the first one first, as `torch.topk`; of
  /// equal ones those that stand first.
  ///
  /// - Throws: `shape` when there are not so many.
  public func topK(_ count: Int, axis: Int = -1, largest: Bool = true) throws -> IndexedValues {
    let all = try sorted(axis: axis, descending: largest)
    return IndexedValues(
      values: try all.values.narrowed(axis, start: 0, length: count),
      indices: try all.indices.narrowed(axis, start: 0, length: count))
  }

  /// The largest element of an axis and where the first of them stands, as `torch.max(dim=)`; NaN where
  /// there is one.
  ///
  /// - Throws: `shape` when there is no such axis or it is empty.
  public func maximum(axis: Int, keepingAxis: Bool = false) throws -> IndexedValues {
    try extreme(.maximum, axis, keepingAxis)
  }

  /// The smallest element of an axis and where the first of them stands, as `torch.min(dim=)`.
  ///
  /// - Throws: As `maximum(axis:)`.
  public func minimum(axis: Int, keepingAxis: Bool = false) throws -> IndexedValues {
    try extreme(.minimum, axis, keepingAxis)
  }

  /// Where the largest element of an axis stands, as `torch.argmax`.
  public func argMaximum(axis: Int, keepingAxis: Bool = false) throws -> Tensor {
    try extreme(.maximum, axis, keepingAxis).indices
  }

  /// Where the smallest element of an axis stands, as `torch.argmin`.
  public func argMinimum(axis: Int, keepingAxis: Bool = false) throws -> Tensor {
    try extreme(.minimum, axis, keepingAxis).indices
  }

  private func extreme(_ kind: Extreme, _ axis: Int, _ keepingAxis: Bool) throws -> IndexedValues {
    let axis = try shape.resolvedAxis(axis)
    let found = try ordered { try $1.extreme(kind, $0, axis: axis) }
    guard !keepingAxis else { return found }
    return IndexedValues(
      values: try found.values.squeezed(axis), indices: try found.indices.squeezed(axis))
  }

  private func ordered(
    _ body: (Tensor, any Engine) throws -> IndexedValues
  ) throws -> IndexedValues {
    guard !dtype.isFloatingPoint else { return try body(self, engine()) }
    let found = try body(exactDouble(), Engines.engine(for: .float64))
    return IndexedValues(values: try found.values.casted(to: dtype), indices: found.indices)
  }

  /// The sums of the elements up to each one along an axis, as `torch.cumsum`; of integers as int64.
  ///
  /// - Throws: `shape` when there is no such axis.
  public func cumulativeSum(axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard !dtype.isFloatingPoint else { return try engine().cumulativeSum(self, axis: axis) }
    return try exactDouble().cumulativeSum(axis: axis).casted(to: .int64)
  }
}
