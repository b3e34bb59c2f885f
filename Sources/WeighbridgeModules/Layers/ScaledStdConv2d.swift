/// A convolution whose weight is standardised before use: timm's `StdConv2d`, and with a gain
/// `ScaledStdConv2d`.
public struct StandardizedConv2d: DeclaringModule {
  private static let weight = DeclaredParameter<StandardizedConv2d>(
    "weight", .convolutionWeight, \.weight)
  private static let bias = DeclaredParameter<StandardizedConv2d>(
    "bias", .vector, ifPresent: \.bias)
  private static let gain = DeclaredParameter<StandardizedConv2d>(
    "gain", .vector, ifPresent: \.gain)
  /// `weight` and, where there are such, `bias` and `gain`.
  public static let declared = [weight, bias, gain]

  public let path: ModulePath
  /// `ScaledStdConv2d` with a gain, else `StdConv2d`.
  public let kind: String
  /// [out, in/groups, kernel height, kernel width], as it is learned.
  public private(set) var weight: Tensor { didSet { forget() } }
  /// [out].
  public private(set) var bias: Tensor? { didSet { forget() } }
  /// [out, 1, 1, 1].
  public private(set) var gain: Tensor? { didSet { forget() } }
  /// What the gain is multiplied by: γ/√(inputs of one output).
  public let scale: Double
  /// Stride, padding, dilation and groups; the weight has the kernel's size.
  public let geometry: ConvolutionGeometry
  /// Added to the weight's variance.
  public let epsilon: Double
  private var kept = OperatorCache()
  private var cache = OperatorCache()

  /// - Parameters:
  ///   - inputs: PyTorch's `in_channels`.
  ///   - outputs: PyTorch's `out_channels`.
  ///   - kernel: PyTorch's `kernel_size`, in pixels.
  ///   - stride: The distance between windows, in pixels.
  ///   - padding: Zeros around the image.
  ///   - dilation: The distance between the pixels of one window.
  ///   - groups: Both channel counts are multiples of it.
  ///   - bias: By default there is one.
  ///   - gamma: The activation's gain for `ScaledStdConv2d`; `nil` for `StdConv2d`, which has no gain.
  ///   - epsilon: Added to the weight's variance: 1e-6 in both.
  /// - Throws: `usage` when the channels do not divide into the groups.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, kernel: Pair<Int>, stride: Pair<Int> = 1,
    padding: Padding = 0, dilation: Pair<Int> = 1, groups: Int = 1, bias: BiasPolicy = .present,
    gamma: Double? = nil, epsilon: Double = 1e-6
  ) throws {
    guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
      throw WeighbridgeError(
        .usage,
        "\(inputs) input and \(outputs) output channels do not divide into \(groups) groups",
        entry: w.path.name)
    }
    path = w.path
    kind = gamma == nil ? "StdConv2d" : "ScaledStdConv2d"
    geometry = ConvolutionGeometry(
      stride: stride, padding: padding, dilation: dilation, groups: groups)
    weight = try w.parameter(
      Self.weight, [outputs, inputs / groups, kernel.height, kernel.width])
    self.bias = try w.parameter(Self.bias, bias, [outputs])
    gain = gamma == nil ? nil : try w.parameter(Self.gain, [outputs, 1, 1, 1])
    let fan = Double(inputs / groups) * Double(kernel.height) * Double(kernel.width)
    scale = (gamma ?? 1) / (gamma == nil ? 1 : fan.squareRoot())
    self.epsilon = epsilon
  }

  private mutating func forget() { (kept, cache) = (OperatorCache(), OperatorCache()) }

  public func forward(_ x: Tensor) throws -> Tensor {
    let weight = try kept.value(.init("standardized")) {
      try self.weight.standardizedWeight(
        epsilon: epsilon, gain: gain?.affine(scale: scale))
    }
    return try x.convolved(weight: weight, bias: bias, geometry: geometry, cache: cache)
  }
}
