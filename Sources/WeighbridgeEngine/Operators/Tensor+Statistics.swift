/// Reductions and what is made of them.
extension Tensor {
  /// A reduction over all axes, to a scalar of shape [].
  ///
  /// - Throws: `shape` for an extreme of no elements.
  public func reduced(_ reduction: Reduction) throws -> Tensor {
    try reduced(reduction, axes: Array(0..<rank))
  }

  /// The mean of all elements: [].
  public func mean() throws -> Tensor { try reduced(.mean) }

  /// The sum of all elements: [].
  public func sum() throws -> Tensor { try reduced(.sum) }

  /// The product of all elements: [].
  public func product() throws -> Tensor { try reduced(.product) }

  /// The variance over axes: Σ(x − mean)² / (count − correction), as `torch.var`.
  ///
  /// - Parameter correction: What is taken off the count: 1 for a sample (PyTorch's default,
  ///   `unbiased=True`), 0 for all there is.
  /// - Throws: `shape` when there is no such axis.
  public func variance(
    axes: [Int], correction: Int = 1, keepingAxes: Bool = false
  ) throws -> Tensor {
    let deviations = try self - mean(axes: axes, keepingAxes: true)
    let count = try Set(axes.map(shape.resolvedAxis)).reduce(1) { $0 * shape[$1] }
    let divisor = max(0, Double(count) - Double(correction))
    return try deviations.mapped(.square).sum(axes: axes, keepingAxes: keepingAxes)
      .combined(.divide, Tensor.full([], divisor, dtype: dtype))
  }

  /// The square root of the variance, as `torch.std`.
  public func standardDeviation(
    axes: [Int], correction: Int = 1, keepingAxes: Bool = false
  ) throws -> Tensor {
    try variance(axes: axes, correction: correction, keepingAxes: keepingAxes).mapped(.squareRoot)
  }

  /// (Σ|x|ᵖ)^(1/p) over axes, as `torch.linalg.vector_norm`; for p = ∞ the largest magnitude, for −∞ the
  /// smallest, for 0 the count of elements that are not zero.
  ///
  /// - Throws: `shape` when there is no such axis; `unsupported` for integers.
  public func norm(p: Double = 2, axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
    func sum(_ tensor: Tensor) throws -> Tensor {
      try tensor.sum(axes: axes, keepingAxes: keepingAxes)
    }
    switch p {
    case 2: return try sum(mapped(.square)).mapped(.squareRoot)
    case 1: return try sum(mapped(.absolute))
    case .infinity:
      return try mapped(.absolute).reduced(.maximum, axes: axes, keepingAxes: keepingAxes)
    case -.infinity:
      return try mapped(.absolute).reduced(.minimum, axes: axes, keepingAxes: keepingAxes)
    case 0: return try sum(compared(.notEqual, 0).converted(to: dtype))
    default:
      return try sum(mapped(.absolute).mapped(.power(p))).mapped(.power(1 / p))
    }
  }

  /// x / max(‖x‖ₚ, ε) along an axis, PyTorch's `normalize`.
  ///
  /// - Throws: As `norm`.
  public func normalized(p: Double = 2, axis: Int = 1, epsilon: Double = 1e-12) throws -> Tensor {
    try self
      / norm(p: p, axes: [axis], keepingAxes: true).clamped(epsilon, .infinity)
  }

  /// log Σ exp(x) over one axis, as `torch.logsumexp`.
  public func logSumExponential(axis: Int, keepingAxis: Bool = false) throws -> Tensor {
    let greatest = try reduced(.maximum, axes: [axis], keepingAxes: true)
    // An infinite maximum is the result, not ∞ − ∞.
    let finite = try greatest.choosing(
      0, where: greatest.mapped(.absolute).compared(.equal, .infinity))
    let sum = try (self - finite).mapped(.exponential).sum(axes: [axis], keepingAxes: true)
    let result = try sum.mapped(.logarithm) + finite
    return keepingAxis ? result : try result.squeezed(axis)
  }

  /// x / √(mean(x²) + ε) over the last axes, times `weight` where there is one, PyTorch's `rms_norm`.
  ///
  /// - Parameters:
  ///   - axes: How many of the last axes are normalised as one.
  ///   - weight: Of the shape of those axes.
  /// - Throws: `shape` when the weight does not fit.
  public func rmsNormalized(
    axes: Int = 1, weight: Tensor? = nil, epsilon: Double
  ) throws -> Tensor {
    guard axes >= 1, axes <= rank,
      weight.map({ $0.shape.dimensions == Array(shape.suffix(axes)) }) ?? true
    else {
      throw WeighbridgeError(
        .shape,
        "normalisation of \(weight?.shape.description ?? "\(axes) axes") does not fit \(shape)")
    }
    let scale = try mapped(.square).mean(axes: Array((rank - axes)..<rank), keepingAxes: true)
      .affine(shift: epsilon).mapped(.reciprocalSquareRoot)
    let result = try self * scale
    return try weight.map { try result * $0 } ?? result
  }

  /// self + value·a·b with broadcasting, as `torch.addcmul`.
  public func adding(product a: Tensor, _ b: Tensor, times value: Double = 1) throws -> Tensor {
    let product = try a * b
    return try self + (value == 1 ? product : product.affine(scale: value))
  }

  /// Each element limited to a range of other tensors', which broadcast, as `torch.clamp`: the upper
  /// limit wins where both cross; NaN where an element or its limit is.
  public func clamped(lower: Tensor?, upper: Tensor?) throws -> Tensor {
    var result = self
    if let lower { result = try result.combined(.maximum, lower) }
    if let upper { result = try result.combined(.minimum, upper) }
    return result
  }

  /// A convolution's weight with mean 0 and (biased) variance 1 over each output's inputs and window, as
  /// weight standardisation has it: (w − mean) / √(variance + ε).
  ///
  /// Source: Qiao et al., "Micro-Batch Training with Batch-Channel Normalization and Weight
  /// Standardization" (2019).
  ///
  /// - Parameter gain: A factor for each output, [out] or [out, 1, …].
  public func standardizedWeight(epsilon: Double, gain: Tensor? = nil) throws -> Tensor {
    guard rank >= 2 else {
      throw WeighbridgeError(.shape, "a convolution's weight has more axes than \(shape)")
    }
    let rows = try flattened(from: 1)
    let normal = try rows.layerNormalized(weight: nil, bias: nil, epsilon: epsilon)
    guard let gain else { return try normal.reshaped(shape.dimensions) }
    guard gain.elementCount == shape[0] else {
      throw WeighbridgeError(.shape, "a gain of \(gain.shape) does not fit a weight of \(shape)")
    }
    return try (normal * gain.reshaped([shape[0], 1])).reshaped(shape.dimensions)
  }
}
