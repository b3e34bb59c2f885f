import WeighbridgeModules

/// Squeeze and excitation (Hu et al. 2018): x·sigmoid(W₂·relu(W₁·mean_HW x)), one factor for each
/// channel of each sample. [N, C, H, W] → the same.
public struct SELayer: Module {
  public let path: ModulePath
  package let pool: AdaptiveAvgPool2d
  package let fc: Sequential

  /// - Parameters:
  ///   - channel: C.
  ///   - reduction: The gate's hidden width is ⌊C / reduction⌋.
  ///   - multiple: The hidden width is rounded to a multiple of it, and is no less: timm's `rd_divisor`.
  public init(
    _ w: WeightScope, channel: Int, reduction: Int = 16, multiple: Int = 1
  ) throws {
    let width = try SELayer.width(channel: channel, reduction: reduction, multiple: multiple)
    path = w.path
    pool = AdaptiveAvgPool2d(w / "avg_pool", outputSize: 1)
    // Older checkpoints have biases.
    fc = try Sequential(
      w / "fc",
      { try Linear($0, in: channel, out: width, bias: .ifPresent) },
      { ReLU($0) },
      { try Linear($0, in: width, out: channel, bias: .ifPresent) },
      { Sigmoid($0) })
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.scaledByChannel(gate(x))
  }

  /// The factors [N, C].
  package func gate(_ x: Tensor) throws -> Tensor {
    try fc(pool(x).flattened(from: 1))
  }

  /// The gate's hidden width.
  ///
  /// - Throws: `usage` when there are fewer channels than the reduction, which leaves none.
  static func width(channel: Int, reduction: Int, multiple: Int = 1) throws -> Int {
    guard reduction > 0, channel >= reduction else {
      throw WeighbridgeError(
        .usage,
        "squeeze-and-excitation needs channels ≥ reduction ≥ 1, got channels=\(channel), reduction=\(reduction)"
      )
    }
    let width = channel / reduction
    guard multiple > 1 else { return width }
    return max(multiple, (width + multiple / 2) / multiple * multiple)
  }
}

extension SELayer: Architecture {
  public static let id = "se_layer"
  public static let summary = "Squeeze-and-excitation: a learned gate on each channel"
  public static let keys = [
    ConfigurationKey("channel", .integer, default: nil, inferred: true, "channels in and out"),
    ConfigurationKey(
      "reduction", .integer, default: .integer(16), inferred: true,
      "the gate's hidden width is channel // reduction"),
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    let known: Set = ["fc.0.weight", "fc.0.bias", "fc.2.weight", "fc.2.bias"]
    guard shapes.names.allSatisfy(known.contains), let squeeze = shapes["fc.0.weight"],
      let excite = shapes["fc.2.weight"], squeeze.rank == 2
    else { return false }
    return excite == [squeeze[1], squeeze[0]]
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("channel", extent: 0, of: "fc.2.weight", in: shapes)
    try configuration.infer(
      reduction: "reduction", channels: shapes.extent("fc.2.weight", 0),
      width: shapes.extent("fc.0.weight", 0), evidence: shapes.evidence("fc.0.weight"))
  }

  public static func check(_ configuration: Configuration) throws {
    _ = try width(
      channel: configuration.positive("channel"), reduction: configuration.positive("reduction"))
  }

  /// From the keys `channel` and `reduction`.
  ///
  /// - Throws: `usage` for a missing value or a reduction that is too large, and what binding
  ///   throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    try self.init(
      w, channel: configuration.integer("channel"), reduction: configuration.integer("reduction"))
  }
}
