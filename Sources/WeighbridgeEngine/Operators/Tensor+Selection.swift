/// Elements picked by index or by a condition.
extension Tensor {
  /// x[:, indices]: an axis replaced by the axes of an integer tensor, as PyTorch's indexing. Negative
  /// indices count from the end.
  ///
  /// - Throws: `shape` when an index is not there; `unsupported` for indices that are no integers.
  public func indexed(_ axis: Int, by indices: Tensor) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    return try Engines.engine(moving: dtype).index(
      self, axis: axis, indices: [indices.asIndices()])
  }

  /// The elements at these places of an axis, in this order.
  ///
  /// - Throws: `shape` when a place is not there.
  public func indexed(_ axis: Int, by places: [Int]) throws -> Tensor {
    try indexed(axis, by: Tensor(places.map(Int64.init), shape: [places.count]))
  }

  /// x[i, j, :, …]: integer tensors in place of axes, `nil` for a whole one (`:`), as NumPy's and
  /// PyTorch's indexing. The tensors broadcast; their axes stand where the first of them stood if they
  /// are neighbours, else in front.
  ///
  /// - Throws: `shape` when there are more indices than axes, the tensors do not broadcast or an index
  ///   is not there; `unsupported` for a condition, whose result has no shape beforehand.
  public func indexed(by indices: [Tensor?]) throws -> Tensor {
    guard indices.count <= rank else {
      throw WeighbridgeError(.shape, "\(indices.count) indices for the axes of \(shape)")
    }
    let axes = indices.indices.filter { indices[$0] != nil }
    guard let first = axes.first, let last = axes.last else { return self }
    let given = try indices.compactMap { try $0?.asIndices() }
    let common = try given.dropFirst().reduce(given[0].shape) { try $0.broadcast(with: $1.shape) }
    let expanded = try given.map { try $0.expanded(to: common) }
    let isOneRun = last - first + 1 == axes.count
    let rest = shape.indices.filter { !axes.contains($0) }
    let source = isOneRun ? self : try permuted(axes + rest)
    return try Engines.engine(moving: dtype).index(
      source, axis: isOneRun ? first : 0, indices: expanded)
  }

  /// result[…, i, …] = self[…, indices[…, i, …], …], PyTorch's `gather`: the result has the shape of
  /// `indices`, an integer tensor that is on no other axis longer than this one.
  ///
  /// - Throws: `shape` when they do not fit or an index is not there.
  public func gathered(_ axis: Int, _ indices: Tensor) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard indices.rank == rank,
      shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] })
    else {
      throw WeighbridgeError(.shape, "cannot gather \(indices.shape) from \(shape)")
    }
    return try Engines.engine(moving: dtype).gather(
      self, axis: axis, indices: indices.asIndices())
  }

  /// The indices as int64.
  private func asIndices() throws -> Tensor {
    guard !dtype.isFloatingPoint, dtype != .bool else {
      throw WeighbridgeError(
        .unsupported, "an index must be an integer, not \(dtype)",
        remedy: dtype == .bool
          ? "Choose with `choosing(_:where:)`: a part by a condition has no shape beforehand"
          : "Cast it with casted(to: .int64)")
    }
    return try converted(to: .int64)
  }

  /// The tensor with a part of an axis replaced: what `x[..., range:step, ...] = part` leaves in
  /// PyTorch. `part` broadcasts to the slice; self stays as it is.
  ///
  /// - Throws: `shape` when the range leaves the axis or `part` does not broadcast.
  public func replacing(
    _ axis: Int, _ range: Range<Int>, step: Int = 1, with part: Tensor
  ) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard range.lowerBound >= 0, range.upperBound <= shape[axis], step > 0 else {
      throw WeighbridgeError(
        .shape, "the slice \(range) in steps of \(step) leaves axis \(axis) of \(shape)")
    }
    let places = Array(stride(from: range.lowerBound, to: range.upperBound, by: step))
    var dimensions = shape.dimensions
    dimensions[axis] = places.count
    let part = try part.expanded(to: Shape(dimensions))
    guard !places.isEmpty else { return self }
    guard step > 1 else {
      return try Tensor.concatenated(
        [
          narrowed(axis, start: 0, length: range.lowerBound), part,
          narrowed(axis, start: range.upperBound, length: shape[axis] - range.upperBound),
        ].filter { $0.shape[axis] > 0 }, axis: axis)
    }
    var order = Array(0..<shape[axis])
    for (position, place) in places.enumerated() { order[place] = shape[axis] + position }
    return try Tensor.concatenated([self, part], axis: axis).indexed(axis, by: order)
  }

  /// The tensor with a box replaced: one range for each of the first axes.
  ///
  /// - Throws: As for one axis.
  public func replacing(_ ranges: [Range<Int>], with part: Tensor) throws -> Tensor {
    try replacing(ranges[...], axis: 0, with: part)
  }

  private func replacing(
    _ ranges: ArraySlice<Range<Int>>, axis: Int, with part: Tensor
  ) throws -> Tensor {
    guard let first = ranges.first else { return try part.expanded(to: shape) }
    guard axis < rank, first.lowerBound >= 0, first.upperBound <= shape[axis] else {
      throw WeighbridgeError(.shape, "the slice \(first) leaves axis \(axis) of \(shape)")
    }
    let inner = try sliced(axis, first).replacing(ranges.dropFirst(), axis: axis + 1, with: part)
    return try replacing(axis, first, with: inner)
  }

  /// A comparison of each element with another tensor's, which broadcasts: a tensor of `bool`.
  ///
  /// - Throws: `shape` when the shapes do not broadcast or both are of different floating-point dtypes.
  public func compared(_ comparison: Comparison, _ other: Tensor) throws -> Tensor {
    let (a, b) = try Tensor.promoted(self, other)
    return try Engines.engine(moving: a.dtype).compare(
      comparison, a, b, output: a.shape.broadcast(with: b.shape))
  }

  /// A comparison of each element with a number.
  public func compared(_ comparison: Comparison, _ value: Double) throws -> Tensor {
    let isWhole = value == value.rounded() && abs(value) < 0x1p53
    guard dtype.isFloatingPoint || isWhole else {
      return try converted(to: .float64).compared(comparison, value)
    }
    return try compared(
      comparison, Tensor.full([], value, dtype: dtype.isFloatingPoint ? dtype : .int64))
  }

  /// `other` where the condition holds, else this tensor's elements; all three broadcast. PyTorch's
  /// `where(condition, other, self)` and `masked_fill`.
  ///
  /// - Throws: `shape` when the shapes do not broadcast or the condition is not of `bool`.
  public func choosing(_ other: Tensor, where condition: Tensor) throws -> Tensor {
    guard condition.dtype == .bool else {
      throw WeighbridgeError(.shape, "a condition is a tensor of bool, not \(condition.dtype)")
    }
    let (b, a) = try Tensor.promoted(self, other)
    let output = try condition.shape.broadcast(with: a.shape).broadcast(with: b.shape)
    return try Engines.engine(moving: a.dtype).choose(
      condition, a, b, output: output.addressable(a.dtype))
  }

  /// One number where the condition holds, else this tensor's elements: PyTorch's `masked_fill`.
  ///
  /// - Throws: As `choosing` with a tensor; `unsupported` for a number that the dtype does not hold.
  public func choosing(_ value: Double, where condition: Tensor) throws -> Tensor {
    try choosing(Tensor.full([], value, dtype: dtype), where: condition)
  }

  /// Where both conditions hold.
  public func and(_ other: Tensor) throws -> Tensor {
    try condition().combined(.multiply, other.condition())
  }

  /// Where either condition holds.
  public func or(_ other: Tensor) throws -> Tensor {
    try condition().combined(.add, other.condition())
  }

  /// Where the condition does not hold.
  public func inverted() throws -> Tensor { try condition().compared(.equal, 0) }

  /// Whether the condition holds anywhere along the axes, as `torch.any`.
  public func any(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
    try condition().reduced(.maximum, axes: axes, keepingAxes: keepingAxes)
  }

  /// Whether the condition holds everywhere along the axes, as `torch.all`.
  public func all(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
    try condition().reduced(.minimum, axes: axes, keepingAxes: keepingAxes)
  }

  private func condition() throws -> Tensor {
    guard dtype == .bool else {
      throw WeighbridgeError(.shape, "a condition is a tensor of bool, not \(dtype)")
    }
    return self
  }
}
