import WeighbridgeModules

/// What tells the selective-kernel networks apart.
public protocol SKNetDepth: Sendable {
  /// The number in the name.
  static var depth: Int { get }
  /// Blocks of `layer1` … `layer4`.
  static var blocks: [Int] { get }
}

/// SKNet-50's blocks.
public enum SKNetDepth50: SKNetDepth {
  /// As ResNet-50's.
  public static let depth = 50
  /// Stage by stage.
  public static let blocks = [3, 4, 6, 3]
}

/// SKNet-101's blocks.
public enum SKNetDepth101: SKNetDepth {
  /// As ResNet-101's.
  public static let depth = 101
  /// Stage by stage.
  public static let blocks = [3, 4, 23, 3]
}

/// `sknet50`: blocks 3, 4, 6 and 3.
public typealias SKNet50 = SKNet<SKNetDepth50>
/// `sknet101`: blocks 3, 4, 23 and 3.
public typealias SKNet101 = SKNet<SKNetDepth101>

/// A residual network of selective-kernel blocks: [N, 3, H, W] → probabilities [N, nums_class].
public struct SKNet<Depth: SKNetDepth>: Module {
  public let path: ModulePath
  /// `SKNet` at every depth.
  public var kind: String { "SKNet" }
  let conv: Sequential
  let maxpool: MaxPool2d
  let layers: [Sequential]
  let avgpool: AdaptiveAvgPool2d
  let fc: Linear
  let softmax: Softmax

  /// - Parameter classes: The number of probabilities.
  public init(_ w: WeightScope, classes: Int = 1000) throws {
    path = w.path
    conv = try Sequential(
      w / "conv",
      { try Conv2d($0, in: 3, out: 64, kernel: 7, stride: 2, padding: 3, bias: .absent) },
      { try BatchNorm($0, channels: 64) },
      { ReLU($0) })
    maxpool = MaxPool2d(w / "maxpool", kernel: 3, stride: 2, padding: 1)
    var width = 64
    layers = try Depth.blocks.enumerated().map { index, count in
      let stage = ResidualStage(
        inputs: width, planes: 128 << index, expansion: SKBlock.expansion, count: count,
        stride: index == 0 ? 1 : 2)
      width = stage.outputs
      return try stage.build(w / "layer\(index + 1)") { w, inputs, stride in
        try SKBlock(
          w, inplanes: inputs, planes: stage.planes, stride: stride,
          downsample: inputs != stage.outputs)
      }
    }
    avgpool = AdaptiveAvgPool2d(w / "avgpool", outputSize: 1)
    fc = try Linear(w / "fc", in: width, out: classes)
    softmax = Softmax(w / "softmax", axis: 1)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    let features = try layers.reduce(maxpool(conv(x))) { try $1($0) }
    return try softmax(fc(avgpool(features).flattened(from: 1)))
  }
}

extension SKNet: Architecture {
  public static var id: String { "sknet\(Depth.depth)" }
  public static var summary: String { "SKNet-\(Depth.depth), ResNet-like with selective kernels" }
  public static var keys: [ConfigurationKey] {
    [
      ConfigurationKey("nums_class", .integer, default: .integer(1000), inferred: true, "classes"),
      .batchNormEpsilon,
    ]
  }

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    guard
      shapes.contains("conv.0.weight", "conv.1.weight", "fc.weight"),
      shapes.contains("layer1.0.conv2.conv.0.0.weight", "layer1.0.conv2.fc2.weight")
    else { return false }
    let counts = (1...5).map { shapes.count(under: "layer\($0)") }
    return counts == Depth.blocks + [0]
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer(
      "nums_class", votes: [("fc.weight", 0), ("fc.bias", 0)], in: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("nums_class")
  }

  /// From the keys `nums_class`, as the original spells it, and `bn_eps`.
  ///
  /// - Throws: `usage` for a missing value, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(w, classes: configuration.integer("nums_class"))
  }
}
