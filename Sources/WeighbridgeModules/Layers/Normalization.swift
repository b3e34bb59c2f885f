/// Inference-mode batch normalisation on axis 1, PyTorch's `nn.BatchNorm1d` and `nn.BatchNorm2d`.
public struct BatchNorm: Module {
  public let path: ModulePath
  public let kind: String
  public internal(set) var weight: Tensor
  public internal(set) var bias: Tensor
  public internal(set) var mean: Tensor
  public internal(set) var variance: Tensor
  public internal(set) var epsilon: Double
  /// The configuration key that sets `epsilon`, so that reports can name it.
  let epsilonKey: String?

  /// - Parameters:
  ///   - kind: `BatchNorm2d` or `BatchNorm1d`, for reports.
  ///   - epsilon: Added to the variance; the state dict does not tell it.
  ///     Where the configuration gives one, that counts.
  public init(
    _ w: WeightScope, channels: Int, epsilon: Double = 1e-5, kind: String = "BatchNorm2d"
  ) throws {
    path = w.path
    self.kind = kind
    let setting = kind == "BatchNorm2d" ? w.normEpsilon.batchNorm : nil
    self.epsilon = setting?.value ?? epsilon
    epsilonKey = setting?.key
    weight = try w.parameter("weight", .vector, [channels])
    bias = try w.parameter("bias", .vector, [channels])
    mean = try w.buffer("running_mean", .statistic, [channels])
    variance = try w.buffer("running_var", .statistic, [channels])
    try w.toleratedBuffer("num_batches_tracked", .counter, [])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try apply(x, epilogue: .none)
  }

  func apply(_ x: Tensor, epilogue: Epilogue) throws -> Tensor {
    try x.batchNormalized(
      mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon,
      epilogue: epilogue)
  }
}

/// Layer normalisation over the last axis, PyTorch's `nn.LayerNorm`.
public struct LayerNorm: Module {
  public let path: ModulePath
  public internal(set) var weight: Tensor
  public internal(set) var bias: Tensor
  public internal(set) var epsilon: Double
  /// The configuration key that sets `epsilon`, so that reports can name it.
  let epsilonKey: String?

  /// - Parameter epsilon: Added to the variance; where the configuration gives one, that counts.
  public init(_ w: WeightScope, features: Int, epsilon: Double = 1e-5) throws {
    path = w.path
    self.epsilon = w.normEpsilon.layerNorm?.value ?? epsilon
    epsilonKey = w.normEpsilon.layerNorm?.key
    weight = try w.parameter("weight", .vector, [features])
    bias = try w.parameter("bias", .vector, [features])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.layerNormalized(weight: weight, bias: bias, epsilon: epsilon)
  }
}

/// Group normalisation of [N, C, …], PyTorch's `nn.GroupNorm`.
public struct GroupNorm: Module {
  public let path: ModulePath
  public internal(set) var weight: Tensor
  public internal(set) var bias: Tensor
  public let groups: Int
  public internal(set) var epsilon: Double

  public init(_ w: WeightScope, groups: Int, channels: Int, epsilon: Double = 1e-5) throws {
    path = w.path
    self.groups = groups
    self.epsilon = epsilon
    weight = try w.parameter("weight", .vector, [channels])
    bias = try w.parameter("bias", .vector, [channels])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon)
  }
}
