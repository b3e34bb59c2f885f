/// Operators without learned weights.
extension Tensor {
  /// a[…, m, k] · b[…, k, n]; leading axes broadcast, as `torch.matmul` for two or more axes.
  ///
  /// - Throws: `shape` when the inner extents differ or the leading axes do not broadcast.
  public func matmul(_ other: Tensor) throws -> Tensor {
    guard rank >= 2, other.rank >= 2, shape[rank - 1] == other.shape[other.rank - 2] else {
      throw WeighbridgeError(.shape, "cannot multiply matrices \(shape) and \(other.shape)")
    }
    if let seen = try Tensor.observed(EngineOperation.matmul, [self, other]) { return seen }
    let lead = try Shape(Array(shape.dropLast(2)))
      .broadcast(with: Shape(Array(other.shape.dropLast(2)))).dimensions
    let a = try expanded(to: Shape(lead + shape.suffix(2)))
    let b = try other.expanded(to: Shape(lead + other.shape.suffix(2)))
    return try engine(with: other).matmul(a, b)
  }

  /// Maximum or average pooling of [N, C, H, W].
  public func pooled(_ geometry: PoolingGeometry) throws -> Tensor {
    if let seen = try Tensor.observed(EngineOperation.pool(geometry), [self]) { return seen }
    let output = try geometry.outputShape(input: shape)
    return try engine().pool(self, geometry, output: output)
  }

  /// PyTorch's `adaptive_avg_pool2d` of [N, C, H, W]; an extent of −1 keeps the input's, as PyTorch's
  /// `None`.
  ///
  /// - Throws: `shape` when the input is empty or an extent is not positive.
  public func adaptiveAveragePooled(to size: Pair<Int>) throws -> Tensor {
    let size = try adaptiveSize(size)
    if let seen = try Tensor.observed(EngineOperation.adaptivePool(size), [self]) { return seen }
    return try engine().adaptiveAveragePool(self, output: size)
  }

  /// The activation of each element.
  public func activated(_ activation: Activation) throws -> Tensor {
    if let seen = try Tensor.observed(EngineOperation.activate(activation), [self]) { return seen }
    return try engine().activate(self, activation)
  }

  /// exp(x − max) / Σ exp(x − max) along an axis.
  public func softmax(axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    let operation = EngineOperation.softmax(axis: axis, isLogarithm: false)
    if let seen = try Tensor.observed(operation, [self]) { return seen }
    return try engine().softmax(self, axis: axis, logarithm: false)
  }

  /// x − max − log Σ exp(x − max) along an axis.
  public func logSoftmax(axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    let operation = EngineOperation.softmax(axis: axis, isLogarithm: true)
    if let seen = try Tensor.observed(operation, [self]) { return seen }
    return try engine().softmax(self, axis: axis, logarithm: true)
  }

  /// An elementary function of each element.
  public func mapped(_ operation: UnaryOperation) throws -> Tensor {
    guard dtype.isFloatingPoint else { return try mappedIntegers(operation) }
    if let seen = try Tensor.observed(EngineOperation.unary(operation), [self]) { return seen }
    return try engine().unary(operation, self)
  }

  /// Each element limited to a closed range.
  public func clamped(_ lower: Double, _ upper: Double) throws -> Tensor {
    try mapped(.clamp(lower, upper))
  }

  /// A reduction over axes; they stay with extent 1 if `keepingAxes`.
  public func reduced(_ reduction: Reduction, axes: [Int], keepingAxes: Bool = false) throws
    -> Tensor
  {
    let axes = try Set(axes.map(shape.resolvedAxis)).sorted()
    guard dtype.isFloatingPoint else {
      return try reducedIntegers(reduction, axes: axes, keepingAxes: keepingAxes)
    }
    let operation = EngineOperation.reduce(reduction, axes: axes, keepsAxes: keepingAxes)
    if let seen = try Tensor.observed(operation, [self]) { return seen }
    var result = try engine().reduce(reduction, self, axes: axes)
    if !keepingAxes {
      for axis in axes.reversed() { result = try result.squeezed(axis) }
    }
    return result
  }

  /// The mean over axes.
  public func mean(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
    try reduced(.mean, axes: axes, keepingAxes: keepingAxes)
  }

  /// The sum over axes.
  public func sum(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
    try reduced(.sum, axes: axes, keepingAxes: keepingAxes)
  }

  /// The product over axes, as `torch.prod`: 1 where there are no elements. Integers' products are
  /// int64 and wrap.
  public func product(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
    try reduced(.product, axes: axes, keepingAxes: keepingAxes)
  }

  /// PyTorch's `affine_grid`: self is theta [N, 2, 3], the result [N, height, width, 2].
  ///
  /// Base coordinates are (2j + 1)/W − 1, or with `alignCorners` −1 + 2j/(W − 1) (0 for W = 1).
  public func affineGrid(size: Pair<Int>, alignCorners: Bool) throws -> Tensor {
    guard rank == 3, shape[1] == 2, shape[2] == 3, size.height > 0, size.width > 0 else {
      throw WeighbridgeError(.shape, "theta must be [N, 2, 3], got \(shape)")
    }
    let operation = EngineOperation.affineGrid(size: size, alignCorners: alignCorners)
    if let seen = try Tensor.observed(operation, [self]) { return seen }
    return try engine().affineGrid(self, size: size, alignCorners: alignCorners)
  }

  /// PyTorch's bilinear `grid_sample` with zeros outside: self is [N, C, H, W], grid [N, h, w, 2].
  public func gridSampled(_ grid: Tensor, alignCorners: Bool) throws -> Tensor {
    guard rank == 4, grid.rank == 4, grid.shape[0] == shape[0], grid.shape[3] == 2 else {
      throw WeighbridgeError(.shape, "cannot sample \(shape) at a grid of shape \(grid.shape)")
    }
    let operation = EngineOperation.gridSample(alignCorners: alignCorners)
    if let seen = try Tensor.observed(operation, [self, grid]) { return seen }
    return try engine(with: grid).gridSample(self, grid: grid, alignCorners: alignCorners)
  }

  /// softmax(self·keysᵀ·scale + bias)·values over the last two axes [n, d]; `bias` broadcasts to
  /// [..., n, m] and carries masks as −∞ or large negative values.
  public func attention(
    keys: Tensor, values: Tensor, scale: Double = 1, bias: Tensor? = nil
  ) throws -> Tensor {
    guard rank >= 2, keys.rank == rank, values.rank == rank,
      shape.dropLast(2).elementsEqual(keys.shape.dropLast(2)),
      shape.dropLast(2).elementsEqual(values.shape.dropLast(2)),
      shape[rank - 1] == keys.shape[rank - 1], keys.shape[rank - 2] == values.shape[rank - 2]
    else {
      throw WeighbridgeError(
        .shape, "attention of \(shape) over \(keys.shape) and \(values.shape) does not fit")
    }
    let operation = EngineOperation.attention(scale: scale)
    if let seen = try Tensor.observed(
      operation, [self, keys, values] + (bias.map { [$0] } ?? []))
    {
      return seen
    }
    return try engine(with: keys, values, bias)
      .attention(self, keys, values, scale: scale, bias: bias)
  }
}

/// Broadcasting arithmetic by NumPy's rule.
extension Tensor {
  /// a + b, `torch.add`.
  ///
  /// - Throws: `shape` when the shapes do not broadcast, or both are of different floating-point
  ///   dtypes.
  public static func + (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(.add, b) }
  /// a − b, `torch.sub`.
  ///
  /// - Throws: `shape` when the shapes do not broadcast, or both are of different floating-point
  ///   dtypes.
  public static func - (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(.subtract, b) }
  /// a·b element by element, `torch.mul`.
  ///
  /// - Throws: `shape` when the shapes do not broadcast, or both are of different floating-point
  ///   dtypes.
  public static func * (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(.multiply, b) }
  /// a/b, `torch.div`; integers divide to float32.
  ///
  /// - Throws: `shape` when the shapes do not broadcast, or both are of different floating-point
  ///   dtypes.
  public static func / (a: Tensor, b: Tensor) throws -> Tensor { try a.combined(.divide, b) }

  /// scale·x + shift.
  public func affine(scale: Double = 1, shift: Double = 0) throws -> Tensor {
    try mapped(.affine(scale: scale, shift: shift))
  }

  /// activation(self[N, C, …]·scale[N, C] + residual): a factor for each channel of each sample.
  ///
  /// - Throws: `shape` when the scale or the residual does not fit.
  public func scaledByChannel(_ scale: Tensor, epilogue: Epilogue = .none) throws -> Tensor {
    guard rank >= 2, scale.shape == [shape[0], shape[1]],
      epilogue.residual.map({ $0.shape == shape }) ?? true
    else {
      throw WeighbridgeError(.shape, "cannot scale the channels of \(shape) by \(scale.shape)")
    }
    if epilogue.residual == nil, epilogue.activation == nil,
      let seen = try Tensor.observed(EngineOperation.scaleChannels, [self, scale])
    {
      return seen
    }
    return try engine(with: scale, epilogue.residual)
      .scaleChannels(self, by: scale.expanded(toRank: rank), epilogue: epilogue)
  }

  /// An elementwise operation with broadcasting. Beside a floating-point tensor integers and `bool`
  /// take its dtype; integers among themselves give integers, but by division float32.
  ///
  /// - Throws: `shape` when the shapes do not broadcast, or both are of different floating-point dtypes.
  public func combined(_ operation: BinaryOperation, _ other: Tensor) throws -> Tensor {
    let output = try shape.broadcast(with: other.shape)
    guard dtype.isFloatingPoint, other.dtype.isFloatingPoint else {
      let (a, b) = try Tensor.promoted(self, other)
      return a.dtype.isFloatingPoint
        ? try a.combined(operation, b) : try a.combinedIntegers(operation, b, output: output)
    }
    if let seen = try Tensor.observed(EngineOperation.binary(operation), [self, other]) {
      return seen
    }
    return try engine(with: other).binary(operation, self, other, output: output)
  }
}
