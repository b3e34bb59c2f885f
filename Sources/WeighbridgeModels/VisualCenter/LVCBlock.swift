import WeighbridgeModules

/// A learnable visual centre: channels gated by an encoding of the whole map,
/// [B, C, H, W] → [B, C, H, W].
///
/// `c2` and `num_codes` have no effect, as in the original.
public struct LVCBlock: Architecture {
  public let path: ModulePath
  private let conv1: ConvBlock
  private let encoder: Sequential
  private let fc: Sequential

  /// The eps of a BatchNorm2d is 1e-6 in the convolutional block and 1e-5 elsewhere.
  public init(_ w: WeightScope, channels: Int) throws {
    path = w.path
    conv1 = try ConvBlock(w / "conv_1", in: channels, out: channels, epsilon: 1e-6)
    encoder = try Sequential(
      w / "LVC", { try Conv2d($0, in: channels, out: channels, kernel: 1, bias: .absent) },
      { try BatchNorm($0, channels: channels) }, { ReLU($0) },
      { try Encoding($0, channels: channels) },
      { try BatchNorm($0, channels: Encoding.codeCount, kind: "BatchNorm1d") }, { ReLU($0) },
      { CodeMean($0) })
    fc = try Sequential(
      w / "fc", { try Linear($0, in: channels, out: channels) }, { Sigmoid($0) })
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    let x = try conv1(x)
    let gate = try fc(encoder(x)).expanded(toRank: 4)
    return try (x + x * gate).activated(.relu)
  }
}

extension LVCBlock {
  public static let id = "lvc_block"
  public static let summary = "Learnable visual centre: channels gated by an encoding of the map"

  public static let keys: [ConfigurationKey] = [
    .init("c1", .integer, default: nil, inferred: true, "channels"),
    .init(
      "c2", .optionalInteger, default: ConfigurationValue.none, hasEffect: false, "no effect"),
    .init(
      "num_codes", .integer, default: .integer(64), hasEffect: false,
      "no effect: there are always 64 codewords"),
    batchNormEpsilonKey,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("conv_1.residual_conv.weight", "LVC.3.codewords", "fc.0.weight")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("c1", extent: 0, of: "fc.0.weight", in: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    try checkChannels(configuration, "c1")
  }

  /// From the keys `c1` and `bn_eps`; `c2` and `num_codes` have no effect.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try Self.check(configuration)
    try self.init(w, channels: configuration.integer("c1"))
  }
}

/// `bn_eps`: trained YOLOX-style checkpoints use 1e-3, which no state dict tells.
let batchNormEpsilonKey = ConfigurationKey(
  "bn_eps", .optionalNumber, default: ConfigurationValue.none,
  "eps of every BatchNorm2d (YOLOX-style training: 0.001); none: 1e-6 in ConvBlock, else 1e-5")

/// The convolutional block is a quarter as wide inside, so there must be four channels.
func checkChannels(_ configuration: Configuration, _ key: String) throws {
  try configuration.requirePositive(key)
  let channels = try configuration.integer(key)
  guard channels >= 4 else {
    throw WeighbridgeError(
      .usage, "\(key) must be at least 4, since the inner width is a quarter of it, not \(channels)"
    )
  }
}

/// A bottleneck of a quarter of the width with a convolutional shortcut. All of its norms have an
/// eps of 1e-6 by default.
struct ConvBlock: Module {
  let path: ModulePath
  private let conv1, conv2, conv3, residualConv: Conv2d
  private let bn1, bn2, bn3, residualBN: BatchNorm
  private let act1, act2, act3: ReLU

  init(_ w: WeightScope, in inputs: Int, out outputs: Int, epsilon: Double) throws {
    path = w.path
    let middle = outputs / 4
    func norm(_ name: String, _ channels: Int) throws -> BatchNorm {
      try BatchNorm(w / name, channels: channels, epsilon: epsilon)
    }
    conv1 = try Conv2d(w / "conv1", in: inputs, out: middle, kernel: 1, bias: .absent)
    bn1 = try norm("bn1", middle)
    act1 = ReLU(w / "act1")
    conv2 = try Conv2d(
      w / "conv2", in: middle, out: middle, kernel: 3, padding: 1, bias: .absent)
    bn2 = try norm("bn2", middle)
    act2 = ReLU(w / "act2")
    conv3 = try Conv2d(w / "conv3", in: middle, out: outputs, kernel: 1, bias: .absent)
    bn3 = try norm("bn3", outputs)
    act3 = ReLU(w / "act3")
    residualConv = try Conv2d(
      w / "residual_conv", in: inputs, out: outputs, kernel: 1, bias: .absent)
    residualBN = try norm("residual_bn", outputs)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let inner = try act2(bn2(conv2(act1(bn1(conv1(x))))))
    return try act3(bn3(conv3(inner)) + residualBN(residualConv(x)))
  }
}

/// The mean over the codewords: [B, K, C] → [B, C].
struct CodeMean: Module {
  let path: ModulePath

  init(_ w: WeightScope) { path = w.path }

  var kind: String { "Mean" }

  func forward(_ x: Tensor) throws -> Tensor { try x.mean(axes: [1]) }
}
