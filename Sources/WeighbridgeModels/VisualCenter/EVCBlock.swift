import WeighbridgeModules

/// An explicit visual centre: a learnable visual centre and a light MLP side by side, merged by a
/// 1×1 convolution, [B, C, H, W] → [B, C, H, W].
public struct EVCBlock: Architecture {
  public let path: ModulePath
  private let conv1: Conv2d
  private let bn1: BatchNorm
  private let relu1: ReLU
  private let maxpool: MaxPool2d
  private let lvc: LVCBlock
  private let mlp: LightMLPBlock
  private let merge: Conv2d

  /// From the keys `in_channels` and `bn_eps`; `out_channels` has to be the same as the first.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try Self.check(configuration)
    let channels = try configuration.integer("in_channels")
    path = w.path
    conv1 = try Conv2d(
      w / "conv1", in: channels, out: channels, kernel: 7, padding: 3, bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: channels)
    relu1 = ReLU(w / "relu1")
    maxpool = MaxPool2d(w / "maxpool", kernel: 3, stride: 1, padding: 1)
    lvc = try LVCBlock(w / "lvc", channels: channels)
    mlp = try LightMLPBlock(w / "l_MLP", channels: channels)
    merge = try Conv2d(w / "cnv1", in: 2 * channels, out: channels, kernel: 1)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    let x = try maxpool(relu1(bn1(conv1(x))))
    return try merge(Tensor.concatenated([lvc(x), mlp(x)], axis: 1))
  }
}

extension EVCBlock {
  public static let id = "evc_block"
  public static let summary = "Explicit visual centre: learnable visual centre beside a light MLP"

  public static let keys: [ConfigurationKey] = [
    .init("in_channels", .integer, default: nil, inferred: true, "channels"),
    .init("out_channels", .integer, default: nil, inferred: true, "channels, the same"),
    batchNormEpsilonKey,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("cnv1.weight", "lvc.LVC.3.codewords", "l_MLP.layer_scale_1")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("in_channels", extent: 1, of: "conv1.weight", in: shapes)
    try configuration.infer("out_channels", extent: 0, of: "cnv1.weight", in: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    try checkChannels(configuration, "in_channels")
    let inputs = try configuration.integer("in_channels")
    let outputs = try configuration.integer("out_channels")
    guard inputs == outputs else {
      throw WeighbridgeError(
        .usage,
        "out_channels must be in_channels in evc_block: got in_channels=\(inputs), "
          + "out_channels=\(outputs)")
    }
  }
}
