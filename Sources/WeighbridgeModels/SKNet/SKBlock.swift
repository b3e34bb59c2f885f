import WeighbridgeModules

/// A residual block of a 1×1 convolution, selective kernels with the stride, and a 1×1 convolution.
/// [N, inplanes, H, W] → [N, 2·planes, H', W'].
public struct SKBlock: Module {
  /// How many times more channels go out than the block has within.
  public static let expansion = 2

  public let path: ModulePath
  let conv1: Sequential
  let conv2: SKConv
  let conv3: Sequential
  let relu: ReLU
  let downsample: Sequential?

  /// - Parameters:
  ///   - inplanes: Channels in.
  ///   - planes: Channels within, a multiple of 32; twice as many go out.
  ///   - stride: Of the selective kernels, in pixels.
  ///   - downsample: Whether the shortcut has a 1×1 convolution and a norm; it needs them where the
  ///     shape changes.
  /// - Throws: `usage` when the channels do not divide into 32 groups, and what binding throws.
  public init(
    _ w: WeightScope, inplanes: Int, planes: Int, stride: Int = 1, downsample: Bool = false
  ) throws {
    let outputs = planes * SKBlock.expansion
    path = w.path
    conv1 = try Sequential(
      w / "conv1",
      { try Conv2d($0, in: inplanes, out: planes, kernel: 1, bias: .absent) },
      { try BatchNorm($0, channels: planes) },
      { ReLU($0) })
    conv2 = try SKConv(w / "conv2", in: planes, out: planes, stride: stride)
    conv3 = try Sequential(
      w / "conv3",
      { try Conv2d($0, in: planes, out: outputs, kernel: 1, bias: .absent) },
      { try BatchNorm($0, channels: outputs) })
    relu = ReLU(w / "relu")
    self.downsample =
      downsample
      ? try .shortcut(w / "downsample", in: inplanes, out: outputs, stride: stride) : nil
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try relu(conv3(conv2(conv1(x))) + (downsample?(x) ?? x))
  }
}

extension SKBlock: Architecture {
  public static let id = "sk_block"
  public static let summary = "One residual block of a selective-kernel network"
  public static let keys: [ConfigurationKey] = [
    ConfigurationKey("inplanes", .integer, default: nil, inferred: true, "channels in"),
    ConfigurationKey(
      "planes", .integer, default: nil, inferred: true, "channels within; twice as many go out"),
    ConfigurationKey("stride", .integer, default: .integer(1), "stride of the selective kernels"),
    ConfigurationKey(
      "downsample", .boolean, default: .boolean(false), inferred: true,
      "whether the shortcut has a convolution"),
    .batchNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains(
      "conv1.0.weight", "conv2.conv.0.0.weight", "conv2.fc1.0.weight", "conv2.fc2.weight",
      "conv3.0.weight") && !shapes.contains("fc.weight")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("inplanes", extent: 1, of: "conv1.0.weight", in: shapes)
    try configuration.infer("planes", extent: 0, of: "conv1.0.weight", in: shapes)
    guard shapes.contains("conv1.0.weight") else { return }
    try configuration.inferDownsample(from: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    let inputs = try configuration.positive("inplanes")
    try configuration.checkGroups("planes")
    let outputs = try configuration.integer("planes") * expansion
    try configuration.checkShortcut(inputs: inputs, outputs: outputs)
  }

  /// From the keys `inplanes`, `planes`, `stride`, `downsample` and `bn_eps`.
  ///
  /// - Throws: `usage` for a missing value or channels that do not divide into 32 groups, and what
  ///   binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(
      w, inplanes: configuration.integer("inplanes"), planes: configuration.integer("planes"),
      stride: configuration.integer("stride"), downsample: configuration.boolean("downsample"))
  }
}
