/// Layer normalisation of an image's channels, pixel by pixel: the `LayerNorm2d` of timm, torchvision's
/// ConvNeXt and others, `nn.LayerNorm` over axis 1 of [N, C, H, W].
public struct LayerNorm2d: DeclaringModule {
  private static let weight = DeclaredParameter<LayerNorm2d>("weight", .vector, \.weight)
  private static let bias = DeclaredParameter<LayerNorm2d>("bias", .vector, \.bias)
  /// `weight` and `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// The scale, [C].
  public private(set) var weight: Tensor
  /// The shift, [C].
  public private(set) var bias: Tensor
  /// Added to the variance.
  public package(set) var epsilon: Double

  /// - Parameter epsilon: Added to the variance; 1e-6 in most of the networks that have this layer.
  public init(_ w: WeightScope, channels: Int, epsilon: Double = 1e-6) throws {
    path = w.path
    self.epsilon = w.norms.layerNorm?.value ?? epsilon
    weight = try w.parameter(Self.weight, [channels])
    bias = try w.parameter(Self.bias, [channels])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    guard x.rank == 4 else {
      throw WeighbridgeError(.shape, "LayerNorm2d takes [N, C, H, W], got \(x.shape)")
    }
    return try x.permuted([0, 2, 3, 1])
      .layerNormalized(weight: weight, bias: bias, epsilon: epsilon).permuted([0, 3, 1, 2])
  }
}

/// PyTorch's `nn.RMSNorm` over the last axis: x / √(mean(x²) + ε) · weight.
public struct RMSNorm: DeclaringModule {
  private static let weight = DeclaredParameter<RMSNorm>("weight", .vector, ifPresent: \.weight)
  /// `weight`, unless the layer is without.
  public static let declared = [weight]

  public let path: ModulePath
  /// The scale, [features]; `nil` without `affine`.
  public private(set) var weight: Tensor?
  /// `nil` for the dtype's machine epsilon, PyTorch's default.
  public package(set) var epsilon: Double?

  /// - Parameters:
  ///   - epsilon: Added to the mean square; `nil` for the dtype's machine epsilon: 1.19e-7 for float32,
  ///     2.22e-16 for float64.
  ///   - affine: Whether there is a weight, PyTorch's `elementwise_affine`.
  public init(
    _ w: WeightScope, features: Int, epsilon: Double? = nil, affine: Bool = true
  ) throws {
    path = w.path
    self.epsilon = epsilon
    weight = affine ? try w.parameter(Self.weight, [features]) : nil
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.rmsNormalized(
      weight: weight,
      epsilon: epsilon ?? (x.dtype == .float64 ? .ulpOfOne : Double(Float.ulpOfOne)))
  }
}

/// PyTorch's `nn.InstanceNorm1d` and `nn.InstanceNorm2d` of [N, C, …]: each channel of each sample to
/// mean 0 and variance 1.
public struct InstanceNorm: DeclaringModule {
  private static let weight = DeclaredParameter<InstanceNorm>(
    "weight", .vector, ifPresent: \.weight)
  private static let bias = DeclaredParameter<InstanceNorm>("bias", .vector, ifPresent: \.bias)
  /// `weight` and `bias`, unless the layer is without.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// `InstanceNorm1d` or `InstanceNorm2d`.
  public let kind: String
  /// C, PyTorch's `num_features`.
  public let channels: Int
  /// The scale, [C]; `nil` without `affine`.
  public private(set) var weight: Tensor?
  /// The shift, [C]; `nil` without `affine`.
  public private(set) var bias: Tensor?
  /// Added to the variance.
  public package(set) var epsilon: Double

  /// - Parameters:
  ///   - epsilon: Added to the variance.
  ///   - affine: Whether there are weight and bias; PyTorch's default is not.
  ///   - kind: `InstanceNorm1d` or `InstanceNorm2d`, for reports.
  public init(
    _ w: WeightScope, channels: Int, epsilon: Double = 1e-5, affine: Bool = false,
    kind: String = "InstanceNorm2d"
  ) throws {
    path = w.path
    (self.kind, self.channels, self.epsilon) = (kind, channels, epsilon)
    weight = affine ? try w.parameter(Self.weight, [channels]) : nil
    bias = affine ? try w.parameter(Self.bias, [channels]) : nil
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    guard x.rank >= 3, x.shape[1] == channels else {
      throw WeighbridgeError(
        .shape, "instance normalisation of \(channels) channels takes [N, C, …], got \(x.shape)")
    }
    return try x.groupNormalized(groups: channels, weight: weight, bias: bias, epsilon: epsilon)
  }
}
