import WeighbridgeModules

/// DETR's encoder with its input projection and position encodings: feature maps [B, C, H, W] and an
/// optional padding mask [B, H, W] → memory [H·W, B, d], sequence first as in the original.
///
/// In the checkpoint of a whole DETR the encoder stands under `transformer.encoder`; its modules
/// then have those paths.
public struct DETREncoder: Architecture {
  public let path: ModulePath
  private let projection: Conv2d
  private let positions: PositionEmbedding
  private let encoder: TransformerEncoder

  /// From the keys `in_channels`, `hidden_dim`, `nheads`, `num_encoder_layers`, `dim_feedforward`,
  /// `position` and `ln_eps`.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try Self.check(configuration)
    let width = try configuration.integer("hidden_dim")
    path = w.path
    projection = try Conv2d(
      w / "input_proj", in: configuration.integer("in_channels"), out: width, kernel: 1)
    positions = PositionEmbedding(
      w / "position_embedding", width: width,
      isFlat: try configuration.text("position") == "sine1d")
    let (alone, whole) = (w / "encoder", w / "transformer" / "encoder")
    let first = "layers.0.linear1.weight"
    let isWhole = whole.contains(first) == true && alone.contains(first) != true
    encoder = try TransformerEncoder(
      isWhole ? whole : alone, width: width,
      heads: configuration.integer("nheads"), hidden: configuration.integer("dim_feedforward"),
      count: configuration.integer("num_encoder_layers"))
  }

  public func forward(_ input: PaddedFeatures) throws -> Tensor {
    let padding = try input.padding.map { try Padded($0, features: input.features.shape) }
    let map = try projection(input.features)
    let position = try positions(PaddedFeatures(map, padding: padding?.mask))
    return try encoder(
      EncoderInput(
        tokens: sequenceFirst(map), position: sequenceFirst(position),
        bias: padding?.bias(dtype: map.dtype)))
  }

  /// [B, d, H, W] → [H·W, B, d].
  private func sequenceFirst(_ map: Tensor) throws -> Tensor {
    try map.flattened(from: 2).permuted([2, 0, 1]).contiguous()
  }
}

/// Feature maps [B, C, H, W] and which of their cells are padding: [B, H, W], bool or 0 and 1, where 1 is
/// padding.
public struct PaddedFeatures: TensorBundle {
  /// Feature maps [B, C, H, W].
  public var features: Tensor
  /// Which cells are padding, [B, H, W], as `bool` or as 0 and 1; `nil` for none.
  public var padding: Tensor?

  /// - Parameter padding: True or 1 where a cell is padding.
  public init(_ features: Tensor, padding: Tensor? = nil) {
    self.features = features
    self.padding = padding
  }

  public var tensors: [Tensor] { [features] + (padding.map { [$0] } ?? []) }

  public init(tensors: [Tensor]) throws {
    guard let features = tensors.first, tensors.count <= 2 else {
      throw WeighbridgeError(
        .shape, "expected features and perhaps a padding mask, got \(tensors.count) tensors")
    }
    self.init(features, padding: tensors.count == 2 ? tensors[1] : nil)
  }
}

/// A padding mask, checked.
private struct Padded {
  let mask: Tensor
  private let cells: [Bool]

  /// - Throws: `shape` when the mask is not [B, H, W].
  init(_ mask: Tensor, features: Shape) throws {
    guard features.rank == 4, mask.shape == [features[0], features[2], features[3]] else {
      throw WeighbridgeError(
        .shape, "the padding mask of features \(features) must be [B, H, W], got \(mask.shape)")
    }
    self.mask = mask
    cells = try mask.maskValues("padding mask", "padding")
  }

  /// −∞ for the keys that are padding, else 0: [B, 1, 1, H·W]. In an image of padding alone no query
  /// sees a key, and attention adds its output's bias alone, as in PyTorch.
  func bias(dtype: DType) throws -> Tensor {
    let values: [Float] = cells.map { $0 ? -.infinity : 0 }
    return try Tensor(values, shape: [mask.shape[0], 1, 1, mask.shape[1] * mask.shape[2]])
      .converted(to: dtype)
  }
}

extension DETREncoder {
  public static let id = "detr_encoder"
  public static let summary = "DETR's transformer encoder with input projection and positions"

  public static let keys: [ConfigurationKey] = [
    .init("in_channels", .integer, default: .integer(2048), inferred: true, "channels of the map"),
    .init("hidden_dim", .integer, default: .integer(256), inferred: true, "width of a token"),
    .init("nheads", .integer, default: .integer(8), "attention heads"),
    .init("num_encoder_layers", .integer, default: .integer(6), inferred: true, "layers"),
    .init("dim_feedforward", .integer, default: .integer(2048), inferred: true, "hidden width"),
    .init(
      "position", .choice(["sine2d", "sine1d"]), default: .text("sine2d"),
      "rows and columns, or the cells' running number"),
    .layerNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("input_proj.weight")
      && prefixes.contains { shapes.contains($0 + ".0.self_attn.in_proj_weight") }
  }

  /// Where the layers stand, alone and in a whole DETR.
  private static let prefixes = ["encoder.layers", "transformer.encoder.layers"]

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("in_channels", extent: 1, of: "input_proj.weight", in: shapes)
    try configuration.infer(
      "hidden_dim", votes: [("input_proj.weight", 0), ("input_proj.bias", 0)], in: shapes)
    guard let prefix = prefixes.last(where: { shapes.count(under: $0) > 0 }) else { return }
    let depth = shapes.count(under: prefix)
    try configuration.infer(
      "num_encoder_layers", depth, evidence: "\(prefix).0 … \(depth - 1)")
    try configuration.infer(
      "dim_feedforward",
      votes: (0..<depth).map { "\(prefix).\($0)" }.flatMap { layer in
        [
          (layer + ".linear1.weight", 0), (layer + ".linear1.bias", 0),
          (layer + ".linear2.weight", 1),
        ]
      }, in: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("in_channels", "hidden_dim", "nheads", "dim_feedforward")
    try configuration.require("num_encoder_layers", in: 0...4096)
    let (width, heads) = (
      try configuration.integer("hidden_dim"), try configuration.integer("nheads")
    )
    guard width % heads == 0 else {
      throw WeighbridgeError(
        .usage, "nheads must divide hidden_dim: \(heads) does not divide \(width)")
    }
    let divisor = try configuration.text("position") == "sine2d" ? 4 : 2
    guard width % divisor == 0 else {
      throw WeighbridgeError(
        .usage,
        "hidden_dim must divide by \(divisor) for position=\(try configuration.text("position")), "
          + "got hidden_dim=\(width)")
    }
  }
}
