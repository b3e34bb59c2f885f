/// `activation(norm(convolution(x)) + residual)`: one primitive with folded weights when nothing is
/// probed; each module for itself when something is, so that each has an activation.
///
/// Not a module, since PyTorch has none there: the models hold one beside the modules it joins.
public struct FusedConvolution: Sendable {
  private let convolution: Conv2d
  private let norm: BatchNorm?
  private let activation: (any ActivationModule)?
  private let cache = OperatorCache()

  /// Joins modules that the model holds as well.
  ///
  /// - Parameters:
  ///   - convolution: Runs first.
  ///   - norm: Folded into the convolution's weights where it has running statistics.
  ///   - activation: Applied last, after the residual is added.
  public init(
    _ convolution: Conv2d, _ norm: BatchNorm? = nil, _ activation: (any ActivationModule)? = nil
  ) {
    self.convolution = convolution
    self.norm = norm
    self.activation = activation
  }

  /// - Parameters:
  ///   - x: [N, in, H, W].
  ///   - residual: Added before the activation, of the output's shape.
  public func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) throws -> Tensor {
    // Statistics of the batch cannot be folded: they are known when the convolution has run.
    guard ProbeRun.current == nil, norm == nil || norm?.mean != nil else {
      return try stepwise(x, residual)
    }
    let epilogue = Epilogue(residual: residual, activation: activation?.activation)
    guard let norm, let mean = norm.mean, let variance = norm.variance else {
      return try convolution.joining(joined) { try convolution.apply(x, epilogue: epilogue) }
    }
    let folded = try cache.value(.init("folded")) {
      try FoldedNorm(
        after: convolution.bias, mean: mean, variance: variance, weight: norm.weight,
        bias: norm.bias, epsilon: norm.epsilon)
    }
    return try convolution.joining(joined) {
      try x.convolved(
        weight: LayerWeight(convolution.stored, rowScale: folded.scale), bias: folded.bias,
        geometry: convolution.geometry,
        epilogue: epilogue, cache: cache)
    }
  }

  private var joined: [RunLog.Joined] {
    (norm.map { [$0.folded] } ?? []) + (activation.map { [$0.joined] } ?? [])
  }

  private func stepwise(_ x: Tensor, _ residual: Tensor?) throws -> Tensor {
    var y = try convolution(x)
    if let norm { y = try norm(y) }
    if let residual { y = try y + residual }
    return try activation?(y) ?? y
  }
}
