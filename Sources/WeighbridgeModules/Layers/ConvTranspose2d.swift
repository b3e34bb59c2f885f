/// PyTorch's `nn.ConvTranspose2d`: [N, in, H, W] → [N, out, H', W'] with
/// H' = (H − 1)·stride − 2·padding + dilation·(kernel − 1) + outputPadding + 1.
public struct ConvTranspose2d: DeclaringModule {
  private static let weight = DeclaredParameter<ConvTranspose2d>(
    "weight", .transposedConvolutionWeight, \.weight)
  private static let bias = DeclaredParameter<ConvTranspose2d>("bias", .vector, ifPresent: \.bias)
  /// `weight` and, where there is one, `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// [in, out/groups, kernel height, kernel width]: inputs first, unlike a convolution's.
  public private(set) var weight: Tensor { didSet { cache = OperatorCache() } }
  /// [out].
  public private(set) var bias: Tensor? { didSet { cache = OperatorCache() } }
  /// Stride, paddings, dilation and groups; the weight has the kernel's size.
  public let geometry: TransposedConvolutionGeometry
  private var cache = OperatorCache()

  /// - Parameters:
  ///   - inputs: PyTorch's `in_channels`.
  ///   - outputs: PyTorch's `out_channels`.
  ///   - kernel: PyTorch's `kernel_size`, in pixels.
  ///   - stride: The distance between the places of neighbouring inputs in the output.
  ///   - padding: Pixels that are cut off each side of the output.
  ///   - outputPadding: PyTorch's `output_padding`: pixels added below and to the right.
  ///   - dilation: The distance between the pixels of one window.
  ///   - groups: Both channel counts are multiples of it.
  ///   - bias: By default there is one.
  /// - Throws: `usage` when the channels do not divide into the groups.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, kernel: Pair<Int>, stride: Pair<Int> = 1,
    padding: Pair<Int> = 0, outputPadding: Pair<Int> = 0, dilation: Pair<Int> = 1, groups: Int = 1,
    bias: BiasPolicy = .present
  ) throws {
    guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
      throw WeighbridgeError(
        .usage,
        "\(inputs) input and \(outputs) output channels do not divide into \(groups) groups",
        entry: w.path.name)
    }
    path = w.path
    geometry = TransposedConvolutionGeometry(
      stride: stride, padding: padding, outputPadding: outputPadding, dilation: dilation,
      groups: groups)
    weight = try w.parameter(
      Self.weight, [inputs, outputs / groups, kernel.height, kernel.width])
    self.bias = try w.parameter(Self.bias, bias, [outputs])
  }

  package init(
    path: ModulePath, weight: Tensor, bias: Tensor?, geometry: TransposedConvolutionGeometry
  ) {
    (self.path, self.weight, self.bias, self.geometry) = (path, weight, bias, geometry)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.transposedConvolved(weight: weight, bias: bias, geometry: geometry, cache: cache)
  }
}
