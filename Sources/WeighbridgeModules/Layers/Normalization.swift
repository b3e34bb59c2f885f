/// Inference-mode batch normalisation on axis 1, PyTorch's `nn.BatchNorm1d` and `nn.BatchNorm2d`.
///
/// Without running statistics (`track_running_stats=False`) it normalises with each batch's own mean
/// and variance, as PyTorch does in eval mode too: a sample's result then depends on the others.
public struct BatchNorm: DeclaringModule {
  private static let weight = DeclaredParameter<BatchNorm>("weight", .vector, ifPresent: \.scale)
  private static let bias = DeclaredParameter<BatchNorm>("bias", .vector, \.bias)
  private static let mean = DeclaredParameter<BatchNorm>(
    "running_mean", .statistic, ifPresent: \.mean, isBuffer: true)
  private static let variance = DeclaredParameter<BatchNorm>(
    "running_var", .statistic, ifPresent: \.variance, isBuffer: true)
  /// `weight` unless it is fixed at one, `bias`, and the running statistics unless the layer is without.
  public static let declared = [weight, bias, mean, variance]

  public let path: ModulePath
  /// `BatchNorm2d` or `BatchNorm1d`.
  public let kind: String
  /// The scale γ, [C]; ones where the configuration says that there is none.
  public var weight: Tensor { scale ?? ones }
  private var scale: Tensor?
  private let ones: Tensor
  /// The shift β, [C].
  public private(set) var bias: Tensor
  /// The running statistics; `nil` where each batch's own are taken.
  public private(set) var mean: Tensor?
  /// The running variance, [C]; `nil` where each batch's own is taken.
  public private(set) var variance: Tensor?
  /// Added to the variance.
  public package(set) var epsilon: Double
  /// The configuration key that sets `epsilon`, so that reports can name it.
  package let epsilonKey: String?

  /// - Parameters:
  ///   - kind: `BatchNorm2d` or `BatchNorm1d`, for reports.
  ///   - epsilon: Added to the variance; the state dict does not tell it.
  ///     Where the configuration gives one, that counts.
  ///   - trackRunningStats: PyTorch's `track_running_stats`. No state dict tells a norm without running
  ///     statistics from one whose buffers were not saved, so that it is never assumed.
  public init(
    _ w: WeightScope, channels: Int, epsilon: Double = 1e-5, kind: String = "BatchNorm2d",
    trackRunningStats: Bool = true
  ) throws {
    path = w.path
    self.kind = kind
    let setting = kind == "BatchNorm2d" ? w.norms.batchNorm : nil
    self.epsilon = setting?.value ?? epsilon
    epsilonKey = setting?.key
    scale = try w.norms.batchNormScales ? w.parameter(Self.weight, [channels]) : nil
    ones = try scale ?? Tensor.ones([channels], dtype: w.dtype)
    bias = try w.parameter(Self.bias, [channels])
    guard trackRunningStats else {
      w.remark("\(path) normalises with each batch's own statistics (track_running_stats is false)")
      return
    }
    mean = try w.parameter(Self.mean, [channels])
    variance = try w.parameter(Self.variance, [channels])
    try w.toleratedBuffer("num_batches_tracked", .counter, [])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    let (mean, variance) = try statistics(for: x)
    return try x.batchNormalized(
      mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon)
  }

  /// The running statistics, or the batch's own.
  private func statistics(for x: Tensor) throws -> (mean: Tensor, variance: Tensor) {
    if let mean, let variance { return (mean, variance) }
    return try batchStatistics(of: x)
  }

  /// Mean and biased variance over batch and positions, summed in float64 as in PyTorch.
  ///
  /// - Throws: `shape` when there is but one value per channel, which PyTorch refuses too.
  package func batchStatistics(of x: Tensor) throws -> (mean: Tensor, variance: Tensor) {
    let channels = weight.shape[0]
    guard x.rank >= 2, x.shape[1] == channels, x.elementCount > channels else {
      throw WeighbridgeError(
        .shape,
        "the batch's own statistics need [N, \(channels), …] with more than one value per "
          + "channel, got \(x.shape)", entry: path.name)
    }
    let rows = try x.transposed(0, 1).contiguous().reshaped([channels, -1])
      .converted(to: .float64)
    let mean = try rows.mean(axes: [1])
    let deviations = try rows - mean.unsqueezed(1)
    let variance = try (deviations * deviations).mean(axes: [1])
    return try (mean.converted(to: x.dtype), variance.converted(to: x.dtype))
  }
}

/// Layer normalisation over the last axis, PyTorch's `nn.LayerNorm`.
public struct LayerNorm: DeclaringModule {
  private static let weight = DeclaredParameter<LayerNorm>("weight", .vector, \.weight)
  private static let bias = DeclaredParameter<LayerNorm>("bias", .vector, \.bias)
  /// `weight` and `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// The scale, [features].
  public private(set) var weight: Tensor
  /// The shift, [features].
  public private(set) var bias: Tensor
  /// Added to the variance.
  public package(set) var epsilon: Double
  /// The configuration key that sets `epsilon`, so that reports can name it.
  package let epsilonKey: String?

  /// - Parameter epsilon: Added to the variance; where the configuration gives one, that counts.
  public init(_ w: WeightScope, features: Int, epsilon: Double = 1e-5) throws {
    path = w.path
    self.epsilon = w.norms.layerNorm?.value ?? epsilon
    epsilonKey = w.norms.layerNorm?.key
    weight = try w.parameter(Self.weight, [features])
    bias = try w.parameter(Self.bias, [features])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.layerNormalized(weight: weight, bias: bias, epsilon: epsilon)
  }
}

/// Group normalisation of [N, C, …], PyTorch's `nn.GroupNorm`.
public struct GroupNorm: DeclaringModule {
  private static let weight = DeclaredParameter<GroupNorm>("weight", .vector, \.weight)
  private static let bias = DeclaredParameter<GroupNorm>("bias", .vector, \.bias)
  /// `weight` and `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// The scale, [C].
  public private(set) var weight: Tensor
  /// The shift, [C].
  public private(set) var bias: Tensor
  /// PyTorch's `num_groups`; the channels of one group are normalised together.
  public let groups: Int
  /// Added to the variance.
  public package(set) var epsilon: Double

  /// - Parameters:
  ///   - groups: PyTorch's `num_groups`, of which `channels` is a multiple.
  ///   - channels: C, PyTorch's `num_channels`.
  ///   - epsilon: Added to the variance.
  public init(_ w: WeightScope, groups: Int, channels: Int, epsilon: Double = 1e-5) throws {
    path = w.path
    self.groups = groups
    self.epsilon = epsilon
    weight = try w.parameter(Self.weight, [channels])
    bias = try w.parameter(Self.bias, [channels])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon)
  }
}
