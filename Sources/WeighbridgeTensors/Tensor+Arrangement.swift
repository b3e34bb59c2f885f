/// Elements in other places: repeats, shifts and windows.
extension Tensor {
  /// The axis as several, whose product it is; one of them may be −1. `torch.unflatten`.
  ///
  /// - Throws: `shape` when the sizes do not multiply to the axis.
  public func unflattened(_ axis: Int, _ sizes: [Int]) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    let known = sizes.reduce(1) { $1 == -1 ? $0 : $0 &* $1 }
    let resolved = sizes.map { $0 == -1 && known > 0 ? shape[axis] / known : $0 }
    guard resolved.allSatisfy({ $0 >= 0 }), resolved.reduce(1, &*) == shape[axis],
      sizes.filter({ $0 == -1 }).count <= 1
    else {
      throw WeighbridgeError(.shape, "axis \(axis) of \(shape) is not \(sizes)")
    }
    return try reshaped(Array(shape[..<axis]) + resolved + Array(shape[(axis + 1)...]))
  }

  /// An axis moved to another place, the others in their order: `torch.movedim`.
  ///
  /// - Throws: `shape` when there is no such axis.
  public func movedAxis(_ axis: Int, to place: Int) throws -> Tensor {
    var axes = Array(0..<rank)
    axes.insert(
      axes.remove(at: try shape.resolvedAxis(axis)), at: try shape.resolvedAxis(place))
    return try permuted(axes)
  }

  /// The tensor several times along each axis, as `torch.Tensor.repeat`: `counts` holds a number for
  /// each axis, and may hold more in front, which make new axes.
  ///
  /// - Throws: `shape` when there are fewer counts than axes, or a negative one.
  public func repeated(_ counts: [Int]) throws -> Tensor {
    guard counts.count >= rank, counts.allSatisfy({ $0 >= 0 }) else {
      throw WeighbridgeError(.shape, "\(shape) cannot be repeated \(counts) times")
    }
    let extents = [Int](repeating: 1, count: counts.count - rank) + shape.dimensions
    // Each axis with its repeats before it: expanded, not copied, until both are one axis.
    let split = try reshaped(extents.flatMap { [1, $0] })
    let target = zip(counts, extents).flatMap { [$0, $1] }
    let expanded = try split.expanded(to: Shape(target))
    let (merged, isTooLarge) = zip(counts, extents).reduce(into: ([Int](), false)) {
      let (product, overflow) = $1.0.multipliedReportingOverflow(by: $1.1)
      $0 = ($0.0 + [product], $0.1 || overflow)
    }
    guard !isTooLarge else {
      throw WeighbridgeError(.shape, "\(shape) repeated \(counts) times cannot be made")
    }
    return try expanded.reshaped(merged)
  }

  /// Each element of an axis several times in a row, as `torch.repeat_interleave`.
  ///
  /// - Throws: `shape` when there is no such axis or `count` is negative.
  public func repeatedElements(_ count: Int, axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    var target = shape.dimensions
    target.insert(count, at: axis + 1)
    return try unsqueezed(axis + 1).expanded(to: Shape(target)).flattened(
      from: axis, through: axis + 1)
  }

  /// The elements moved along axes, those that leave at one end coming in at the other: `torch.roll`.
  ///
  /// - Throws: `shape` when there is not one shift for each axis, or no such axis.
  public func rolled(_ shifts: [Int], axes: [Int]) throws -> Tensor {
    guard shifts.count == axes.count else {
      throw WeighbridgeError(.shape, "\(shifts.count) shifts for \(axes.count) axes")
    }
    return try zip(shifts, axes).reduce(self) { try $0.rolled($1.0, axis: $1.1) }
  }

  private func rolled(_ shift: Int, axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    let length = shape[axis]
    guard length > 0 else { return self }
    let first = (length - shift % length) % length
    guard first > 0 else { return self }
    return try Tensor.concatenated(
      [
        narrowed(axis, start: first, length: length - first),
        narrowed(axis, start: 0, length: first),
      ], axis: axis)
  }

  /// The tensor in parts of these lengths along an axis, as `torch.split`.
  ///
  /// - Throws: `shape` when the lengths do not sum to the axis.
  public func split(sizes: [Int], axis: Int) throws -> [Tensor] {
    let axis = try shape.resolvedAxis(axis)
    guard sizes.allSatisfy({ $0 >= 0 && $0 <= shape[axis] }), sizes.reduce(0, +) == shape[axis]
    else {
      throw WeighbridgeError(.shape, "axis \(axis) of \(shape) does not split into \(sizes)")
    }
    var start = 0
    return try sizes.map { length in
      defer { start += length }
      return try narrowed(axis, start: start, length: length)
    }
  }

  /// Every window of `size` neighbours on an axis, `step` apart, without a copy: the axis counts the
  /// windows, a new last axis the elements of each. `torch.Tensor.unfold`.
  ///
  /// - Throws: `shape` when no window fits, or `size` or `step` is not positive.
  public func windows(_ axis: Int, size: Int, step: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard size > 0, step > 0, size <= shape[axis] else {
      throw WeighbridgeError(
        .shape, "windows of \(size) in steps of \(step) do not fit axis \(axis) of \(shape)")
    }
    var (dimensions, strides) = (shape.dimensions, strides)
    dimensions[axis] = (shape[axis] - size) / step + 1
    dimensions.append(size)
    strides.append(strides[axis])
    // One window has no step, which could overflow.
    strides[axis] = dimensions[axis] == 1 ? strides[axis] : strides[axis] * step
    return Tensor(
      dtype: dtype, shape: Shape(dimensions), strides: strides, offset: offset, storage: storage)
  }

  /// The elements i, i of two axes as a new last one, without a copy: `torch.diagonal`.
  ///
  /// - Throws: `shape` when the axes are one, or there is no such axis.
  public func diagonal(_ a: Int, _ b: Int) throws -> Tensor {
    let (a, b) = (try shape.resolvedAxis(a), try shape.resolvedAxis(b))
    guard a != b else { throw WeighbridgeError(.shape, "one axis of \(shape) has no diagonal") }
    let kept = shape.indices.filter { $0 != a && $0 != b }
    return Tensor(
      dtype: dtype, shape: Shape(kept.map { shape[$0] } + [min(shape[a], shape[b])]),
      strides: kept.map { strides[$0] } + [strides[a] + strides[b]], offset: offset,
      storage: storage)
  }
}
