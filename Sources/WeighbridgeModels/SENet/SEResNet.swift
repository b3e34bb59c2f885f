import WeighbridgeModules

/// What tells the squeeze-and-excitation ResNets apart.
public protocol SEResNetDepth: Sendable {
  /// The number in the name.
  static var depth: Int { get }
  /// Blocks of `layer1` … `layer4`.
  static var blocks: [Int] { get }
  /// Bottleneck blocks, or basic ones.
  static var isBottleneck: Bool { get }
}

/// ResNet-18's blocks.
public enum SEResNetDepth18: SEResNetDepth {
  /// Two layers a block, the stem and the head.
  public static let depth = 18
  /// Two for each stage.
  public static let blocks = [2, 2, 2, 2]
  /// Basic blocks.
  public static let isBottleneck = false
}

/// ResNet-34's blocks.
public enum SEResNetDepth34: SEResNetDepth {
  /// Two layers a block, the stem and the head.
  public static let depth = 34
  /// Stage by stage.
  public static let blocks = [3, 4, 6, 3]
  /// Basic blocks.
  public static let isBottleneck = false
}

/// ResNet-50's blocks.
public enum SEResNetDepth50: SEResNetDepth {
  /// Three layers a block, the stem and the head.
  public static let depth = 50
  /// Stage by stage.
  public static let blocks = [3, 4, 6, 3]
  /// Bottleneck blocks.
  public static let isBottleneck = true
}

/// ResNet-101's blocks.
public enum SEResNetDepth101: SEResNetDepth {
  /// Three layers a block, the stem and the head.
  public static let depth = 101
  /// Stage by stage.
  public static let blocks = [3, 4, 23, 3]
  /// Bottleneck blocks.
  public static let isBottleneck = true
}

/// ResNet-152's blocks.
public enum SEResNetDepth152: SEResNetDepth {
  /// Three layers a block, the stem and the head.
  public static let depth = 152
  /// Stage by stage.
  public static let blocks = [3, 8, 36, 3]
  /// Bottleneck blocks.
  public static let isBottleneck = true
}

/// `se_resnet18`: basic blocks, 2, 2, 2 and 2.
public typealias SEResNet18 = SEResNet<SEResNetDepth18>
/// `se_resnet34`: basic blocks, 3, 4, 6 and 3.
public typealias SEResNet34 = SEResNet<SEResNetDepth34>
/// `se_resnet50`: bottleneck blocks, 3, 4, 6 and 3.
public typealias SEResNet50 = SEResNet<SEResNetDepth50>
/// `se_resnet101`: bottleneck blocks, 3, 4, 23 and 3.
public typealias SEResNet101 = SEResNet<SEResNetDepth101>
/// `se_resnet152`: bottleneck blocks, 3, 8, 36 and 3.
public typealias SEResNet152 = SEResNet<SEResNetDepth152>

/// A ResNet with squeeze-and-excitation in every block: [N, 3, H, W] → logits [N, num_classes].
public struct SEResNet<Depth: SEResNetDepth>: Module {
  public let path: ModulePath
  /// `SEResNet` at every depth.
  public var kind: String { "SEResNet" }
  let conv1: Conv2d
  let bn1: BatchNorm
  let relu: ReLU
  let maxpool: MaxPool2d
  let layers: [Sequential]
  let avgpool: AdaptiveAvgPool2d
  let fc: Linear

  /// - Parameters:
  ///   - classes: The number of logits.
  ///   - reduction: A gate's hidden width is ⌊channels of its block's output / reduction⌋.
  ///   - multiple: The hidden widths are rounded to multiples of it, as timm's are to ones of 8.
  /// - Throws: `usage` when the reduction leaves some gate no hidden width, and what binding
  ///   throws.
  public init(
    _ w: WeightScope, classes: Int = 1000, reduction: Int = 16, multiple: Int = 1
  ) throws {
    path = w.path
    let expansion = Depth.isBottleneck ? SEBottleneck.expansion : SEBasicBlock.expansion
    conv1 = try Conv2d(
      w / "conv1", in: 3, out: 64, kernel: 7, stride: 2, padding: 3, bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: 64)
    relu = ReLU(w / "relu")
    maxpool = MaxPool2d(w / "maxpool", kernel: 3, stride: 2, padding: 1)
    var width = 64
    layers = try Depth.blocks.enumerated().map { index, count in
      let stage = ResidualStage(
        inputs: width, planes: 64 << index, expansion: expansion, count: count,
        stride: index == 0 ? 1 : 2)
      width = stage.outputs
      return try stage.build(w / "layer\(index + 1)") { w, inputs, stride in
        let downsample = stride != 1 || inputs != stage.outputs
        return Depth.isBottleneck
          ? try SEBottleneck(
            w, inplanes: inputs, planes: stage.planes, stride: stride, downsample: downsample,
            reduction: reduction, multiple: multiple)
          : try SEBasicBlock(
            w, inplanes: inputs, planes: stage.planes, stride: stride, downsample: downsample,
            reduction: reduction, multiple: multiple)
      }
    }
    avgpool = AdaptiveAvgPool2d(w / "avgpool", outputSize: 1)
    fc = try Linear(w / "fc", in: width, out: classes)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    let features = try layers.reduce(maxpool(relu(bn1(conv1(x))))) { try $1($0) }
    return try fc(avgpool(features).flattened(from: 1))
  }
}

extension SEResNet: Architecture {
  public static var id: String { "se_resnet\(Depth.depth)" }
  public static var summary: String {
    "ResNet-\(Depth.depth) with squeeze-and-excitation in every block"
  }
  public static var keys: [ConfigurationKey] {
    [
      ConfigurationKey(
        "num_classes", .integer, default: .integer(1000), inferred: true, "classes"),
      ConfigurationKey(
        "reduction", .integer, default: .integer(16), inferred: true,
        "the gates' hidden width is channels // reduction"),
      ConfigurationKey(
        "gate_multiple", .integer, default: .integer(1), inferred: true,
        "what the gates' hidden widths are rounded to multiples of: timm's 8"),
      .batchNormEpsilon,
    ]
  }

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    guard
      shapes.contains("conv1.weight", "bn1.weight", "fc.weight", "layer1.0.se.fc.0.weight"),
      let stem = shapes["conv1.weight"], stem.rank == 4, stem[2] == 7,
      shapes.contains("layer1.0.conv3.weight") == Depth.isBottleneck
    else { return false }
    let counts = (1...5).map { shapes.count(under: "layer\($0)") }
    return counts == Depth.blocks + [0]
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer(
      "num_classes", votes: [("fc.weight", 0), ("fc.bias", 0)], in: shapes)
    try inferMultiple(&configuration, from: shapes)
    // The last layer's gates are the widest, so they leave the fewest reductions to choose from.
    let gate = "layer4.0.se.fc"
    try configuration.infer(
      reduction: "reduction", channels: shapes.extent("\(gate).2.weight", 0),
      width: shapes.extent("\(gate).0.weight", 0), evidence: shapes.evidence("\(gate).0.weight"))
  }

  /// The narrowest gates tell whether widths are rounded: they are wider than their share.
  private static func inferMultiple(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    let (narrow, wide) = ("layer1.0.se.fc.0.weight", "layer4.0.se.fc.0.weight")
    guard let first = shapes[narrow], let last = shapes[wide], first.rank == 2, last.rank == 2,
      last[0] > 0, first[1] > 0
    else { return }
    // The fourth layer is eight times as wide as the first.
    let isRounded = first[0] == 8 && last[0] / 8 < 8 && last[0] % 8 == 0
    try configuration.infer(
      "gate_multiple", .integer(isRounded ? 8 : 1), evidence: shapes.evidence(narrow))
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("num_classes")
    try configuration.requirePositive("gate_multiple")
    let narrowest = 64 * (Depth.isBottleneck ? SEBottleneck.expansion : SEBasicBlock.expansion)
    _ = try SELayer.width(
      channel: narrowest, reduction: configuration.positive("reduction"))
  }

  /// From the keys `num_classes`, `reduction`, `gate_multiple` and `bn_eps`.
  ///
  /// - Throws: `usage` for a missing value or a reduction that is too large, and what binding
  ///   throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(
      w, classes: configuration.integer("num_classes"),
      reduction: configuration.integer("reduction"),
      multiple: configuration.integer("gate_multiple"))
  }
}
