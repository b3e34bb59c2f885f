/// Views: new shapes and strides over the same elements.
extension Tensor {
  private func view(_ dimensions: [Int], _ strides: [Int], offset: Int? = nil) -> Tensor {
    Tensor(
      dtype: dtype, shape: Shape(dimensions), strides: strides, offset: offset ?? self.offset,
      storage: storage)
  }

  /// The axes in another order, as `torch.permute`.
  ///
  /// - Throws: `shape` when `axes` is not a permutation.
  public func permuted(_ axes: [Int]) throws -> Tensor {
    let resolved = try axes.map(shape.resolvedAxis)
    if let seen = try Tensor.observed(LayoutOperation.permute(resolved), [self]) { return seen }
    guard resolved.count == rank, Set(resolved).count == rank else {
      throw WeighbridgeError(.shape, "\(axes) is not a permutation of the axes of \(shape)")
    }
    return view(resolved.map { shape[$0] }, resolved.map { strides[$0] })
  }

  /// Two axes exchanged, as `torch.transpose`.
  public func transposed(_ a: Int = -2, _ b: Int = -1) throws -> Tensor {
    var axes = Array(0..<rank)
    axes.swapAt(try shape.resolvedAxis(a), try shape.resolvedAxis(b))
    return try permuted(axes)
  }

  /// The part of an axis from `start`, `length` long, as `torch.narrow`.
  ///
  /// - Throws: `shape` when the part leaves the axis.
  public func narrowed(_ axis: Int, start: Int, length: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    if let seen = try Tensor.observed(
      LayoutOperation.narrow(axis: axis, start: start, length: length), [self])
    {
      return seen
    }
    guard start >= 0, length >= 0, start <= shape[axis] - length else {
      throw WeighbridgeError(
        .shape, "the slice from \(start), \(length) long, leaves axis \(axis) of \(shape)")
    }
    var dimensions = shape.dimensions
    dimensions[axis] = length
    return view(dimensions, strides, offset: offset + start * strides[axis])
  }

  /// The elements of one axis in a half-open range.
  public func sliced(_ axis: Int, _ range: Range<Int>) throws -> Tensor {
    try narrowed(axis, start: range.lowerBound, length: range.count)
  }

  /// Every `step`-th element of an axis, from `start`.
  public func strided(_ axis: Int, start: Int, step: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard step > 0, start >= 0, start < max(1, shape[axis]) else {
      throw WeighbridgeError(.shape, "start \(start), step \(step) do not fit \(shape)")
    }
    var dimensions = shape.dimensions
    var strides = strides
    dimensions[axis] = (shape[axis] - start + step - 1) / step
    strides[axis] *= step
    return view(dimensions, strides, offset: offset + start * self.strides[axis])
  }

  /// One index of an axis, which disappears, as `torch.select`.
  public func selected(_ axis: Int, _ index: Int) throws -> Tensor {
    try narrowed(axis, start: index, length: 1).squeezed(axis)
  }

  /// The tensor in `count` equal parts along an axis, as `torch.chunk`.
  ///
  /// - Throws: `shape` when the axis does not divide.
  public func split(_ count: Int, axis: Int) throws -> [Tensor] {
    let axis = try shape.resolvedAxis(axis)
    guard count > 0, shape[axis] % count == 0 else {
      throw WeighbridgeError(.shape, "axis \(axis) of \(shape) does not split into \(count)")
    }
    let length = shape[axis] / count
    return try (0..<count).map { try narrowed(axis, start: $0 * length, length: length) }
  }

  /// A new axis of extent 1 before `axis`.
  public func unsqueezed(_ axis: Int) throws -> Tensor {
    let position = axis < 0 ? axis + rank + 1 : axis
    guard position >= 0, position <= rank else {
      throw WeighbridgeError(.shape, "axis \(axis) does not exist in shape \(shape)")
    }
    var dimensions = shape.dimensions
    var strides = strides
    strides.insert(position < rank ? dimensions[position] * strides[position] : 1, at: position)
    dimensions.insert(1, at: position)
    return view(dimensions, strides)
  }

  /// An axis of extent 1 removed.
  ///
  /// - Throws: `shape` when the axis is longer.
  public func squeezed(_ axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard shape[axis] == 1 else {
      throw WeighbridgeError(.shape, "axis \(axis) of \(shape) is not 1 and cannot be squeezed")
    }
    var dimensions = shape.dimensions
    var strides = strides
    dimensions.remove(at: axis)
    strides.remove(at: axis)
    return view(dimensions, strides)
  }

  /// Broadcast to a larger shape without copying, as `torch.expand`.
  ///
  /// - Throws: `shape` when an axis would have to change from something other than 1.
  public func expanded(to target: Shape) throws -> Tensor {
    let lead = try target.checked(dtype).rank - rank
    guard lead >= 0 else {
      throw WeighbridgeError(.shape, "\(shape) does not expand to \(target)")
    }
    var strides = [Int](repeating: 0, count: target.rank)
    for axis in 0..<rank {
      if shape[axis] == target[axis + lead] {
        strides[axis + lead] = self.strides[axis]
      } else if shape[axis] != 1 {
        throw WeighbridgeError(.shape, "\(shape) does not expand to \(target)")
      }
    }
    return view(target.dimensions, strides)
  }

  /// Axes of extent 1 appended until there are `rank` of them: `[B, C]` as `[B, C, 1, 1]`.
  public func expanded(toRank rank: Int) throws -> Tensor {
    var result = self
    while result.rank < rank { result = try result.unsqueezed(-1) }
    return result
  }

  /// The same elements in row-major order under another shape; one extent may be −1. A view where
  /// the strides allow, else a copy.
  ///
  /// - Throws: `shape` when the element counts differ.
  public func reshaped(_ dimensions: [Int]) throws -> Tensor {
    var dimensions = dimensions
    if let unknown = dimensions.firstIndex(of: -1) {
      let known = dimensions.reduce(1) { $1 == -1 ? $0 : $0 &* $1 }
      dimensions[unknown] = known > 0 ? elementCount / known : 0
    }
    if let seen = try Tensor.observed(LayoutOperation.reshape(dimensions), [self]) { return seen }
    guard try Shape(dimensions).checked(dtype).elementCount == elementCount else {
      throw WeighbridgeError(.shape, "\(shape) cannot be reshaped to \(dimensions)")
    }
    if let strides = viewStrides(for: dimensions) { return view(dimensions, strides) }
    let packed = try contiguous()
    return packed.view(dimensions, Shape(dimensions).contiguousStrides)
  }

  /// The axes from `first` to `last` as one, as `torch.flatten`.
  public func flattened(from first: Int = 0, through last: Int = -1) throws -> Tensor {
    guard rank > 0 else { return try reshaped([1]) }
    let (first, last) = (try shape.resolvedAxis(first), try shape.resolvedAxis(last))
    guard first <= last else {
      throw WeighbridgeError(.shape, "cannot flatten axes \(first) to \(last) of \(shape)")
    }
    let merged = shape[first...last].reduce(1, &*)
    return try reshaped(Array(shape[..<first]) + [merged] + Array(shape[(last + 1)...]))
  }

  /// The strides that show the same elements, in the same order, under other extents; `nil` when
  /// none do. Axes are merged into runs that step evenly through memory; each run must then factor
  /// into the new extents.
  private func viewStrides(for dimensions: [Int]) -> [Int]? {
    if elementCount == 0 || isContiguous { return Shape(dimensions).contiguousStrides }
    var runs: [(count: Int, stride: Int)] = []
    for (extent, stride) in zip(shape, strides) where extent != 1 {
      if let last = runs.last, last.stride == extent * stride {
        runs[runs.count - 1] = (last.count * extent, stride)
      } else {
        runs.append((extent, stride))
      }
    }
    var result = [Int](repeating: 1, count: dimensions.count)
    var axis = dimensions.count - 1
    for run in runs.reversed() {
      var remaining = run.count
      var stride = run.stride
      while remaining > 1 {
        guard axis >= 0, remaining % dimensions[axis] == 0 else { return nil }
        result[axis] = stride
        stride *= dimensions[axis]
        remaining /= dimensions[axis]
        axis -= 1
      }
    }
    while axis >= 0 {
      guard dimensions[axis] == 1 else { return nil }
      axis -= 1
    }
    return result
  }
}
