import WeighbridgeModules

/// A residual block of 1×1, 3×3 and 1×1 convolutions with squeeze-and-excitation before the sum.
/// The 3×3 convolution carries the stride. [N, inplanes, H, W] → [N, 4·planes, H', W'].
public struct SEBottleneck: Module {
  /// How many times more channels go out than the block has within.
  public static let expansion = 4

  public let path: ModulePath
  package let conv1, conv2, conv3: Conv2d
  package let bn1, bn2, bn3: BatchNorm
  package let se: SELayer
  package let downsample: Sequential?
  /// One module that is called three times.
  package let relu: ReLU

  /// - Parameters:
  ///   - inplanes: Channels in.
  ///   - planes: Channels within; four times as many go out.
  ///   - stride: Of the 3×3 convolution, in pixels.
  ///   - downsample: Whether the shortcut has a 1×1 convolution and a norm; it needs them where the
  ///     shape changes.
  ///   - reduction: The gate's hidden width is ⌊4·planes / reduction⌋.
  ///   - multiple: The hidden width is rounded to a multiple of it, as timm's is to one of 8.
  /// - Throws: `usage` when the reduction leaves no hidden width, and what binding throws.
  public init(
    _ w: WeightScope, inplanes: Int, planes: Int, stride: Int = 1, downsample: Bool = false,
    reduction: Int = 16, multiple: Int = 1
  ) throws {
    let outputs = planes * SEBottleneck.expansion
    path = w.path
    conv1 = try Conv2d(w / "conv1", in: inplanes, out: planes, kernel: 1, bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: planes)
    conv2 = try Conv2d(
      w / "conv2", in: planes, out: planes, kernel: 3, stride: Pair(stride), padding: 1,
      bias: .absent)
    bn2 = try BatchNorm(w / "bn2", channels: planes)
    conv3 = try Conv2d(w / "conv3", in: planes, out: outputs, kernel: 1, bias: .absent)
    bn3 = try BatchNorm(w / "bn3", channels: outputs)
    relu = ReLU(w / "relu")
    se = try SELayer(w / "se", channel: outputs, reduction: reduction, multiple: multiple)
    self.downsample =
      downsample
      ? try .shortcut(w / "downsample", in: inplanes, out: outputs, stride: stride) : nil
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try relu(se(branch(x)) + (downsample?(x) ?? x))
  }

  /// What is gated and then added.
  package func branch(_ x: Tensor) throws -> Tensor {
    let inner = try relu(bn2(conv2(relu(bn1(conv1(x))))))
    return try bn3(conv3(inner))
  }
}

/// A residual block of two 3×3 convolutions, the first with the stride, with squeeze-and-excitation
/// before the sum. [N, inplanes, H, W] → [N, planes, H', W'].
public struct SEBasicBlock: Module {
  /// As many channels go out as the block has within.
  public static let expansion = 1

  public let path: ModulePath
  package let conv1, conv2: Conv2d
  package let bn1, bn2: BatchNorm
  package let se: SELayer
  package let downsample: Sequential?
  /// One module that is called twice.
  package let relu: ReLU

  /// - Parameters:
  ///   - inplanes: Channels in.
  ///   - planes: Channels within and out.
  ///   - stride: Of the first convolution, in pixels.
  ///   - downsample: Whether the shortcut has a 1×1 convolution and a norm; it needs them where the
  ///     shape changes.
  ///   - reduction: The gate's hidden width is ⌊planes / reduction⌋.
  ///   - multiple: The hidden width is rounded to a multiple of it, as timm's is to one of 8.
  /// - Throws: `usage` when the reduction leaves no hidden width, and what binding throws.
  public init(
    _ w: WeightScope, inplanes: Int, planes: Int, stride: Int = 1, downsample: Bool = false,
    reduction: Int = 16, multiple: Int = 1
  ) throws {
    path = w.path
    conv1 = try Conv2d(
      w / "conv1", in: inplanes, out: planes, kernel: 3, stride: Pair(stride), padding: 1,
      bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: planes)
    conv2 = try Conv2d(
      w / "conv2", in: planes, out: planes, kernel: 3, padding: 1, bias: .absent)
    bn2 = try BatchNorm(w / "bn2", channels: planes)
    relu = ReLU(w / "relu")
    se = try SELayer(w / "se", channel: planes, reduction: reduction, multiple: multiple)
    self.downsample =
      downsample
      ? try .shortcut(w / "downsample", in: inplanes, out: planes, stride: stride) : nil
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try relu(se(branch(x)) + (downsample?(x) ?? x))
  }

  /// What is gated and then added.
  package func branch(_ x: Tensor) throws -> Tensor { try bn2(conv2(relu(bn1(conv1(x))))) }
}

extension SEBottleneck: Architecture {
  public static let id = "se_bottleneck"
  public static let summary = "One bottleneck block of a squeeze-and-excitation ResNet"
  public static let keys: [ConfigurationKey] = [
    ConfigurationKey("inplanes", .integer, default: nil, inferred: true, "channels in"),
    ConfigurationKey(
      "planes", .integer, default: nil, inferred: true, "channels within; four times as many go out"
    ),
    ConfigurationKey("stride", .integer, default: .integer(1), "stride of the 3×3 convolution"),
    ConfigurationKey(
      "downsample", .boolean, default: .boolean(false), inferred: true,
      "whether the shortcut has a convolution"),
    ConfigurationKey(
      "reduction", .integer, default: .integer(16), inferred: true,
      "the gate's hidden width is 4·planes // reduction"),
    .batchNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    guard
      shapes.contains(
        "conv1.weight", "bn1.weight", "conv2.weight", "conv3.weight", "bn3.weight",
        "se.fc.0.weight", "se.fc.2.weight"),
      let first = shapes["conv1.weight"], let last = shapes["conv3.weight"]
    else { return false }
    return first.rank == 4 && last.rank == 4 && !shapes.contains("fc.weight")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("inplanes", extent: 1, of: "conv1.weight", in: shapes)
    try configuration.infer("planes", extent: 0, of: "conv1.weight", in: shapes)
    try configuration.infer(
      reduction: "reduction", channels: shapes.extent("se.fc.2.weight", 0),
      width: shapes.extent("se.fc.0.weight", 0), evidence: shapes.evidence("se.fc.0.weight"))
    guard shapes.contains("conv1.weight") else { return }
    try configuration.inferDownsample(from: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    let inputs = try configuration.positive("inplanes")
    let outputs = try configuration.positive("planes") * expansion
    try configuration.checkShortcut(inputs: inputs, outputs: outputs)
    _ = try SELayer.width(channel: outputs, reduction: configuration.positive("reduction"))
  }

  /// From the keys `inplanes`, `planes`, `stride`, `downsample`, `reduction` and `bn_eps`.
  ///
  /// - Throws: `usage` for a missing value or a reduction that is too large, and what binding
  ///   throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(
      w, inplanes: configuration.integer("inplanes"), planes: configuration.integer("planes"),
      stride: configuration.integer("stride"), downsample: configuration.boolean("downsample"),
      reduction: configuration.integer("reduction"))
  }
}
