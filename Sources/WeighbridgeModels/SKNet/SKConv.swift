import WeighbridgeModules

/// Selective kernels (Li et al. 2019): M dilated branches, weighed against each other for each
/// channel of each sample. [N, in, H, W] → [N, out, H', W'].
///
/// Branch i is a 3×3 convolution of 32 groups with padding and dilation 1 + i, batch norm and relu.
/// Their sum's mean over the image gives M·out scores, branch-major; their softmax over the branches
/// weighs the sum of the branches.
public struct SKConv: Module {
  static let groups = 32

  public let path: ModulePath
  let branches: [Sequential]
  let pool: AdaptiveAvgPool2d
  let fc1: Sequential
  let fc2: Conv2d
  let softmax: Softmax

  /// - Parameters:
  ///   - branches: M.
  ///   - reduction: r; the scores' hidden width is max(⌊in / r⌋, L).
  ///   - minimumWidth: L.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, stride: Int = 1, branches count: Int = 2,
    reduction: Int = 16, minimumWidth: Int = 32
  ) throws {
    let width = SKConv.width(inputs: inputs, reduction: reduction, minimum: minimumWidth)
    path = w.path
    branches = try (0..<count).map { index in
      try Sequential(
        w / "conv" / index,
        {
          try Conv2d(
            $0, in: inputs, out: outputs, kernel: 3, stride: Pair(stride),
            padding: Padding(1 + index, 1 + index), dilation: Pair(1 + index),
            groups: SKConv.groups, bias: .absent)
        },
        { try BatchNorm($0, channels: outputs) },
        { ReLU($0) })
    }
    pool = AdaptiveAvgPool2d(w / "global_pool", outputSize: 1)
    fc1 = try Sequential(
      w / "fc1",
      { try Conv2d($0, in: outputs, out: width, kernel: 1, bias: .absent) },
      { try BatchNorm($0, channels: width) },
      { ReLU($0) })
    fc2 = try Conv2d(w / "fc2", in: width, out: count * outputs, kernel: 1, bias: .absent)
    softmax = Softmax(w / "softmax", axis: 1)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try forward(x, .standard)
  }

  /// How the scores belong to the branches, and what their softmax runs over.
  package enum Weighing: Sendable, Hashable {
    /// Scores branch-major, softmax over the branches.
    case standard
    /// Scores (channel, branch).
    case interleaved
    /// Branch-major, the branches in the opposite order.
    case reversed
    /// Each branch weighed by the weights of the opposite one.
    case crossed
    /// Softmax over the channels.
    case overChannels
    /// A sigmoid for each score.
    case sigmoid
    /// No weights: the sum of the branches.
    case none
  }

  package func forward(_ x: Tensor, _ weighing: Weighing) throws -> Tensor {
    let seen = try branches.map { try $0(x) }
    guard let first = seen.first else {
      throw WeighbridgeError(.shape, "selective kernels need a branch", entry: path.name)
    }
    let sum = try seen.dropFirst().reduce(first) { try $0 + $1 }
    let scores = try fc2(fc1(pool(sum)))
    let (batch, count, channels) = (first.shape[0], seen.count, first.shape[1])
    // Four axes, (B, M, out, 1), as the original has them.
    let ordered = try scores.reshaped([batch, count, channels, 1])
    let weights: Tensor
    switch weighing {
    case .standard: weights = try softmax(ordered)
    case .interleaved:
      weights = try softmax(
        scores.reshaped([batch, channels, count, 1]).transposed(1, 2).contiguous())
    case .reversed: weights = try softmax(ordered.flipped(1))
    case .crossed: weights = try softmax(ordered).flipped(1)
    case .overChannels: weights = try ordered.softmax(axis: 2)
    case .sigmoid: weights = try ordered.activated(.sigmoid)
    case .none: return sum
    }
    var result: Tensor?
    for (index, branch) in seen.enumerated() {
      let weighed = try branch.scaledByChannel(
        weights.selected(1, index).reshaped([batch, channels]))
      result = try result.map { try $0 + weighed } ?? weighed
    }
    return result ?? first
  }

  /// The scores' hidden width, max(⌊in / r⌋, L).
  static func width(inputs: Int, reduction: Int, minimum: Int) -> Int {
    max(inputs / max(1, reduction), minimum)
  }
}

extension SKConv: Architecture {
  public static let id = "sk_conv"
  public static let summary = "Selective kernels: dilated branches weighed by attention"
  public static let keys: [ConfigurationKey] = [
    ConfigurationKey("in_channels", .integer, default: nil, inferred: true, "channels in"),
    ConfigurationKey("out_channels", .integer, default: nil, inferred: true, "channels out"),
    ConfigurationKey("stride", .integer, default: .integer(1), "stride of the branches"),
    ConfigurationKey("M", .integer, default: .integer(2), inferred: true, "branches"),
    ConfigurationKey(
      "r", .integer, default: .integer(16), inferred: true,
      "the scores' hidden width is max(in_channels // r, L)"),
    ConfigurationKey(
      "L", .integer, default: .integer(32), inferred: true, "the least hidden width"),
    .batchNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    guard
      shapes.contains(
        "conv.0.0.weight", "conv.0.1.weight", "fc1.0.weight", "fc1.1.weight", "fc2.weight"),
      let branch = shapes["conv.0.0.weight"], branch.rank == 4
    else { return false }
    return branch[2] == 3 && branch[3] == 3 && !shapes.contains("fc.weight")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    let branch = "conv.0.0.weight"
    try configuration.infer("in_channels", extent: 1, of: branch, times: groups, in: shapes)
    try configuration.infer("out_channels", extent: 0, of: branch, in: shapes)
    let count = shapes.count(under: "conv")
    guard count > 0 else { return }
    try configuration.infer("M", count, evidence: "conv.0 … conv.\(count - 1)")
    if let width = shapes.extent("fc1.0.weight", 0) {
      try inferWidth(width, into: &configuration, evidence: shapes.evidence("fc1.0.weight"))
    }
  }

  /// Finds r and L with max(⌊in / r⌋, L) = width. Many pairs do; values at hand are kept as far as
  /// they can be, L being changed before r.
  private static func inferWidth(
    _ width: Int, into configuration: inout Configuration, evidence: String
  ) throws {
    let inputs = try configuration.integer("in_channels")
    let (r, l) = (try configuration.integer("r"), try configuration.integer("L"))
    guard width > 0, inputs > 0, r > 0 else { return }
    var pairs = [(r, l), (r, width)]
    pairs.append((max(1, inputs / width), l))
    pairs.append((inputs / width + 1, width))
    let fitting = pairs.filter {
      self.width(inputs: inputs, reduction: $0.0, minimum: $0.1) == width
    }
    let fixed = (r: configuration.isFixed("r"), l: configuration.isFixed("L"))
    let kept = fitting.first { ($0.0 == r || !fixed.r) && ($0.1 == l || !fixed.l) }
    // With no pair that keeps what was given, the first that fits names the contradiction.
    guard let (newR, newL) = kept ?? fitting.first else { return }
    try configuration.infer("r", newR, evidence: evidence)
    try configuration.infer("L", newL, evidence: evidence)
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("stride", "r", "L")
    try configuration.require("M", in: 1...4096)
    try configuration.checkGroups("in_channels", "out_channels")
  }

  /// From the keys `in_channels`, `out_channels`, `stride`, `M`, `r`, `L` and `bn_eps`.
  ///
  /// - Throws: `usage` for a missing value or channels that do not divide into 32 groups, and what
  ///   binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(
      w, in: configuration.integer("in_channels"), out: configuration.integer("out_channels"),
      stride: configuration.integer("stride"), branches: configuration.integer("M"),
      reduction: configuration.integer("r"), minimumWidth: configuration.integer("L"))
  }
}

extension Configuration {
  /// Checks that these channel counts divide into the groups of selective kernels.
  ///
  /// - Throws: `usage`, naming the rule and the value.
  func checkGroups(_ names: String...) throws {
    for name in names {
      let value = try positive(name)
      guard value % SKConv.groups == 0 else {
        throw WeighbridgeError(
          .usage,
          "\(architecture) convolves in \(SKConv.groups) groups, so \(name) must be a multiple of \(SKConv.groups), got \(name)=\(value)"
        )
      }
    }
  }
}
