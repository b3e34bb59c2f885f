/// 2-D cross-correlation, PyTorch's `nn.Conv2d`: [N, in, H, W] → [N, out, H', W'].
public struct Conv2d: DeclaringModule {
  private static let weight = DeclaredParameter<Conv2d>("weight", .convolutionWeight, \.weight)
  private static let bias = DeclaredParameter<Conv2d>("bias", .vector, ifPresent: \.bias)
  /// `weight` and, where there is one, `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// [out, in/groups, kernel height, kernel width].
  public private(set) var weight: Tensor {
    get { stored.widened }
    set { stored = newValue }
  }
  /// The weights as they were loaded: 16-bit ones are widened when they are used.
  private(set) var stored: Tensor { didSet { cache = OperatorCache() } }
  /// [out].
  public private(set) var bias: Tensor? { didSet { cache = OperatorCache() } }
  /// Stride, padding, dilation and groups; the weight has the kernel's size.
  public let geometry: ConvolutionGeometry
  private var cache = OperatorCache()

  /// A layer with PyTorch's defaults.
  ///
  /// - Parameters:
  ///   - inputs: PyTorch's `in_channels`.
  ///   - outputs: PyTorch's `out_channels`.
  ///   - kernel: PyTorch's `kernel_size`, in pixels: height and width, or one number for both.
  ///   - stride: The distance between windows, in pixels.
  ///   - padding: Zeros around the image, each side for itself where need be.
  ///   - dilation: The distance between the pixels of one window.
  ///   - groups: Both channel counts are multiples of it; as many as inputs is a depthwise
  ///     convolution.
  ///   - bias: By default there is one.
  /// - Throws: `usage` when the channels do not divide into the groups.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, kernel: Pair<Int>, stride: Pair<Int> = 1,
    padding: Padding = 0, dilation: Pair<Int> = 1, groups: Int = 1, bias: BiasPolicy = .present
  ) throws {
    guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
      throw WeighbridgeError(
        .usage,
        "\(inputs) input and \(outputs) output channels do not divide into \(groups) groups",
        entry: w.path.name)
    }
    path = w.path
    geometry = ConvolutionGeometry(
      stride: stride, padding: padding, dilation: dilation, groups: groups)
    stored = try w.parameter(
      asStored: Self.weight, [outputs, inputs / groups, kernel.height, kernel.width])
    self.bias = try w.parameter(Self.bias, bias, [outputs])
  }

  /// The same with one number for both axes.
  ///
  /// - Throws: `usage` when the channels do not divide into the groups.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, kernel: Int, stride: Int = 1,
    padding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: BiasPolicy = .present
  ) throws {
    try self.init(
      w, in: inputs, out: outputs, kernel: Pair(kernel), stride: Pair(stride),
      padding: Padding(padding, padding), dilation: Pair(dilation), groups: groups, bias: bias)
  }

  private init(
    path: ModulePath, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry
  ) {
    (self.path, stored, self.bias, self.geometry) = (path, weight, bias, geometry)
  }

  /// A copy with other weights or another geometry.
  package func replacing(
    weight: Tensor? = nil, bias: Tensor? = nil, geometry: ConvolutionGeometry? = nil
  ) -> Conv2d {
    Conv2d(
      path: path, weight: weight ?? stored, bias: bias ?? self.bias,
      geometry: geometry ?? self.geometry)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.convolved(weight: stored, bias: bias, geometry: geometry, cache: cache)
  }
}
