/// 1-D cross-correlation, PyTorch's `nn.Conv1d`: [N, in, L] → [N, out, L'].
public struct Conv1d: DeclaringModule {
  private static let weight = DeclaredParameter<Conv1d>(
    "weight", .sequenceConvolutionWeight, \.weight)
  private static let bias = DeclaredParameter<Conv1d>("bias", .vector, ifPresent: \.bias)
  /// `weight` and, where there is one, `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// [out, in/groups, kernel].
  public private(set) var weight: Tensor { didSet { forget() } }
  /// [out].
  public private(set) var bias: Tensor? { didSet { forget() } }
  /// Of an image of one row: the second of each pair is the sequence's, the first is 1, or 0 for
  /// padding.
  public let geometry: ConvolutionGeometry
  private var cache = OperatorCache()
  private var kept = OperatorCache()

  /// - Parameters:
  ///   - inputs: PyTorch's `in_channels`.
  ///   - outputs: PyTorch's `out_channels`.
  ///   - kernel: PyTorch's `kernel_size`, in elements.
  ///   - stride: The distance between windows, in elements.
  ///   - padding: Zeros before and after the sequence, each.
  ///   - dilation: The distance between the elements of one window.
  ///   - groups: Both channel counts are multiples of it.
  ///   - bias: By default there is one.
  /// - Throws: `usage` when the channels do not divide into the groups.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, kernel: Int, stride: Int = 1,
    padding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: BiasPolicy = .present
  ) throws {
    guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
      throw WeighbridgeError(
        .usage,
        "\(inputs) input and \(outputs) output channels do not divide into \(groups) groups",
        entry: w.path.name)
    }
    path = w.path
    geometry = ConvolutionGeometry(
      stride: Pair(1, stride), padding: Padding(0, padding), dilation: Pair(1, dilation),
      groups: groups)
    weight = try w.parameter(Self.weight, [outputs, inputs / groups, kernel])
    self.bias = try w.parameter(Self.bias, bias, [outputs])
  }

  package init(path: ModulePath, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry) {
    (self.path, self.weight, self.bias, self.geometry) = (path, weight, bias, geometry)
  }

  private mutating func forget() { (cache, kept) = (OperatorCache(), OperatorCache()) }

  /// The convolution of an image of one row.
  public func forward(_ x: Tensor) throws -> Tensor {
    guard x.rank == 3 else {
      throw WeighbridgeError(.shape, "a 1-D convolution takes [N, C, L], got \(x.shape)")
    }
    let kernel = try kept.value(.init("row")) { try weight.unsqueezed(2).contiguous() }
    return try x.unsqueezed(2).convolved(
      weight: kernel, bias: bias, geometry: geometry, cache: cache
    ).squeezed(2)
  }
}
