/// Operators with learned weights. Prepared forms are kept in the caller's cache.
extension Tensor {
  /// 2-D cross-correlation, PyTorch's `conv2d`: self is [N, C, H, W], `weight` is
  /// [out, in/groups, kh, kw], `bias` [out]. Beside float32 the weight may be of 16 bits.
  ///
  /// - Throws: `shape` when they do not fit.
  public func convolved(
    weight: Tensor, bias: Tensor? = nil, geometry: ConvolutionGeometry = .init(),
    epilogue: Epilogue = .none, cache: OperatorCache = OperatorCache()
  ) throws -> Tensor {
    try convolved(
      weight: LayerWeight(weight), bias: bias, geometry: geometry, epilogue: epilogue, cache: cache)
  }

  /// The same with a weight that is scaled before it is used.
  package func convolved(
    weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry, epilogue: Epilogue,
    cache: OperatorCache
  ) throws -> Tensor {
    let output = try geometry.outputShape(input: shape, weight: weight.shape).addressable(dtype)
    try checkVector(bias, weight.shape[0], "bias")
    try check(epilogue, output)
    return try engine(weight: weight.stored, with: bias, epilogue.residual).convolution(
      self, weight: weight, bias: bias, geometry: geometry, output: output, epilogue: epilogue,
      cache: cache)
  }

  /// self[…, in] · weight[out, in]ᵀ + bias[out], PyTorch's `linear`. Beside float32 the weight may be of
  /// 16 bits.
  ///
  /// - Throws: `shape` when they do not fit.
  public func linear(
    weight: Tensor, bias: Tensor? = nil, epilogue: Epilogue = .none,
    cache: OperatorCache = OperatorCache()
  ) throws -> Tensor {
    guard rank >= 1, weight.rank == 2, shape[rank - 1] == weight.shape[1] else {
      throw WeighbridgeError(
        .shape, "a linear map with weight \(weight.shape) does not fit the input \(shape)")
    }
    try checkVector(bias, weight.shape[0], "bias")
    try check(epilogue, Shape(shape.dropLast() + [weight.shape[0]]))
    return try engine(weight: weight, with: bias, epilogue.residual).linear(
      self, weight: weight, bias: bias, epilogue: epilogue, cache: cache)
  }

  /// Inference-mode batch normalisation on axis 1: (x − mean)/√(variance + eps)·weight + bias.
  ///
  /// - Throws: `shape` when a vector's length is not the channel count.
  public func batchNormalized(
    mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double,
    epilogue: Epilogue = .none
  ) throws -> Tensor {
    guard rank >= 2 else {
      throw WeighbridgeError(.shape, "batch normalisation needs [N, C, …], got \(shape)")
    }
    for (vector, name) in [(mean, "mean"), (variance, "variance")] {
      try checkVector(vector, shape[1], name)
    }
    try checkVector(weight, shape[1], "weight")
    try checkVector(bias, shape[1], "bias")
    try check(epilogue, shape)
    if epilogue.residual == nil, epilogue.activation == nil,
      let seen = try observed(
        .batchNorm(epsilon: epsilon), [self, mean, variance], weight, bias)
    {
      return seen
    }
    return try engine(with: mean, variance, weight, bias, epilogue.residual).batchNorm(
      self, mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon,
      epilogue: epilogue)
  }

  /// Layer normalisation over the last axes, as many as `weight` has (or `axes`).
  ///
  /// - Throws: `shape` when the weight's shape is not that of the last axes.
  public func layerNormalized(
    axes: Int = 1, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    guard axes >= 1, axes <= rank else {
      throw WeighbridgeError(.shape, "\(shape) has no \(axes) axes to normalise")
    }
    let run = Shape(Array(shape.suffix(axes)))
    for vector in [weight, bias].compactMap({ $0 }) where vector.shape != run {
      throw WeighbridgeError(
        .shape, "layer normalisation of \(vector.shape) does not fit the input \(shape)")
    }
    if let seen = try observed(.layerNorm(axes: axes, epsilon: epsilon), [self], weight, bias) {
      return seen
    }
    return try engine(with: weight, bias).layerNorm(
      self, axes: axes, weight: weight, bias: bias, epsilon: epsilon)
  }

  /// Group normalisation of [N, C, …].
  ///
  /// - Throws: `shape` when the channels do not divide into the groups.
  public func groupNormalized(
    groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    guard rank >= 2, groups > 0, shape[1] % groups == 0 else {
      throw WeighbridgeError(.shape, "\(groups) groups do not divide the channels of \(shape)")
    }
    try checkVector(weight, shape[1], "weight")
    try checkVector(bias, shape[1], "bias")
    if let seen = try observed(.groupNorm(groups: groups, epsilon: epsilon), [self], weight, bias) {
      return seen
    }
    return try engine(with: weight, bias).groupNorm(
      self, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
  }

  /// The engine for this tensor, after a check that the others have its dtype.
  func engine(with others: Tensor?...) throws -> any Engine {
    for other in others { try checkDType(of: other) }
    return try Engines.engine(for: dtype)
  }

  /// The same for an operator whose weight may be kept in 16 bits beside float32.
  private func engine(weight: Tensor, with others: Tensor?...) throws -> any Engine {
    for other in others { try checkDType(of: other) }
    if dtype != .float32 || !weight.dtype.isHalfPrecision { try checkDType(of: weight) }
    return try Engines.engine(for: dtype)
  }

  private func checkDType(of other: Tensor?) throws {
    guard let other, other.dtype != dtype else { return }
    throw WeighbridgeError(.shape, "an operator got both \(dtype) and \(other.dtype)")
  }

  /// What an observer returns for a norm, which has both weight and bias or neither.
  @inline(__always)
  private func observed(
    _ operation: @autoclosure () -> EngineOperation, _ operands: @autoclosure () -> [Tensor],
    _ weight: Tensor?, _ bias: Tensor?
  ) throws -> Tensor? {
    guard (weight == nil) == (bias == nil) else { return nil }
    return try Tensor.observed(
      operation(), operands() + [weight, bias].compactMap { $0 })
  }

  private func checkVector(_ vector: Tensor?, _ length: Int, _ name: String) throws {
    guard let vector, vector.shape != [length] else { return }
    throw WeighbridgeError(.shape, "the \(name) has shape \(vector.shape), expected [\(length)]")
  }

  private func check(_ epilogue: Epilogue, _ output: Shape) throws {
    guard let residual = epilogue.residual, residual.shape != output else { return }
    throw WeighbridgeError(.shape, "cannot add \(residual.shape) to \(output)")
  }
}
