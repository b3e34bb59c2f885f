import WeighbridgeModules

extension VisionTransformer {
  public static let id = "vit"
  public static let summary = "Vision transformer of vit-pytorch: class token, learned positions"

  public static let keys: [ConfigurationKey] = [
    .init("image_size", .integer, default: .integer(256), inferred: true, "largest image side"),
    .init("patch_size", .integer, default: .integer(32), inferred: true, "side of a patch"),
    .init("num_classes", .integer, default: .integer(1000), inferred: true, "classes"),
    .init("dim", .integer, default: .integer(1024), inferred: true, "width of a token"),
    .init("depth", .integer, default: .integer(6), inferred: true, "layers"),
    .init("heads", .integer, default: .integer(8), "attention heads"),
    .init("mlp_dim", .integer, default: .integer(2048), inferred: true, "hidden width"),
    .init("channels", .integer, default: .integer(3), inferred: true, "channels of the image"),
    .init(
      "head", .choice(["mlp", "linear"]), default: .text("mlp"), inferred: true,
      "mlp (0.2.6, 0.2.7) or linear (from 0.3.0)"),
    .init(
      "dim_head", .optionalInteger, default: ConfigurationValue.none, inferred: true,
      "width of a head where it is not dim/heads (from 0.4.0)"),
    .init(
      "scale", .choice(["dim", "dim_head"]), default: .text("dim"),
      "which width's −½ power scales the scores (dim_head from 0.6.7)"),
    .layerNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("pos_embedding", "cls_token", "patch_to_embedding.weight", "mlp_head.1.weight")
      && shapes["pos_embedding"]?.rank == 3
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    guard shapes.contains("pos_embedding", "mlp_head.1.weight") else { return }
    let isMLP = shapes["mlp_head.4.weight"] != nil
    let last = isMLP ? "mlp_head.4.weight" : "mlp_head.1.weight"
    try configuration.infer(
      "head", .text(isMLP ? "mlp" : "linear"), evidence: shapes.evidence(last))
    try configuration.infer(
      "num_classes", votes: [(last, 0), (last.replacing(".weight", with: ".bias"), 0)], in: shapes)
    try configuration.infer("dim", extent: 2, of: "pos_embedding", in: shapes)
    let depth = shapes.count(under: "transformer.layers")
    try configuration.infer("depth", depth, evidence: "transformer.layers.0 … \(depth - 1)")
    let perceptrons = (0..<depth).map { "transformer.layers.\($0).1.fn.fn.net" }
    var hidden = perceptrons.flatMap { net in
      [(net + ".0.weight", 0), (net + ".0.bias", 0), (net + ".3.weight", 1)]
    }
    if isMLP {
      hidden += [("mlp_head.1.weight", 0), ("mlp_head.1.bias", 0), ("mlp_head.4.weight", 1)]
    }
    try configuration.infer("mlp_dim", votes: hidden, in: shapes)
    try inferPatches(&configuration, shapes)
    try inferHeads(&configuration, shapes)
  }

  /// C·p² features per patch, and n = (image_size / p)² positions.
  private static func inferPatches(
    _ configuration: inout Configuration, _ shapes: StateDictShapes
  ) throws {
    let name = "patch_to_embedding.weight"
    guard let features = shapes.extent(name, 1), let tokens = shapes.extent("pos_embedding", 1)
    else { return }
    try configuration.inferFactors(
      of: features, evidence: shapes.evidence(name),
      [
        Factor("channels", preferred: [3, 1, 4, 2]),
        Factor("patch_size", power: 2),
      ])
    guard let side = (tokens - 1).exactSquareRoot, side > 0 else {
      throw WeighbridgeError(
        .mapping,
        "\(tokens - 1) patch positions are not the square of a number of patches per side",
        entry: "pos_embedding")
    }
    let patch = try configuration.integer("patch_size")
    let (size, overflow) = patch.multipliedReportingOverflow(by: side)
    guard !overflow else { return }
    try configuration.infer("image_size", size, evidence: shapes.evidence("pos_embedding"))
  }

  /// heads × dim_head = a third of to_qkv's rows. Where that is dim, dim_head stays unset; where it
  /// is not and neither is known, vit-pytorch's own dim_head of 64 is assumed.
  private static func inferHeads(
    _ configuration: inout Configuration, _ shapes: StateDictShapes
  ) throws {
    let name = "transformer.layers.0.0.fn.fn.to_qkv.weight"
    guard let rows = shapes.extent(name, 0), let dim = shapes.extent(name, 1), rows % 3 == 0,
      rows > 0
    else { return }
    let inner = rows / 3
    let width = try configuration.optionalInteger("dim_head")
    if inner == dim && width == nil {
      // Whoever scales by the head's width has heads of 64, where nobody says otherwise.
      if try configuration.text("scale") == "dim_head", dim % 64 == 0,
        configuration.entries["heads"]?.origin == .assumed
      {
        try configuration.set("heads", .integer(dim / 64), origin: .assumed)
      }
      return
    }
    if width == nil, configuration.entries["heads"]?.origin == .assumed, inner % 64 == 0 {
      try configuration.set("dim_head", .integer(64), origin: .assumed)
      try configuration.set("heads", .integer(inner / 64), origin: .assumed)
      return
    }
    try configuration.inferFactors(
      of: inner, evidence: shapes.evidence(name),
      [Factor("heads", preferred: [12, 16, 6, 4, 3, 2, 5]), Factor("dim_head")])
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive(
      "image_size", "patch_size", "channels", "num_classes", "dim", "mlp_dim", "heads")
    try configuration.require("depth", in: 0...4096)
    let c = try ViTConfiguration(configuration)
    guard c.imageSize % c.patchSize == 0 else {
      throw WeighbridgeError(
        .usage,
        "patch_size must divide image_size: \(c.patchSize) does not divide \(c.imageSize)")
    }
    if try configuration.optionalInteger("dim_head") != nil {
      try configuration.requirePositive("dim_head")
    } else if c.dim % c.heads != 0 {
      throw WeighbridgeError(
        .usage, "heads must divide dim: \(c.heads) does not divide \(c.dim)",
        remedy: "Choose another number of heads, or give dim_head")
    }
  }
}

/// The configuration's values.
package struct ViTConfiguration: Sendable {
  enum Head: String { case mlp, linear }

  package let imageSize, patchSize, channels, classes, dim, depth, heads, mlpDim: Int
  let head: Head
  /// The width of a head.
  let headWidth: Int
  /// The factor of the scores: dim^−½ or headWidth^−½.
  let scale: Double

  /// The number of patches of the largest image.
  var tokenCount: Int { (imageSize / patchSize) * (imageSize / patchSize) }

  init(_ c: Configuration) throws {
    imageSize = try c.integer("image_size")
    patchSize = try c.integer("patch_size")
    channels = try c.integer("channels")
    classes = try c.integer("num_classes")
    dim = try c.integer("dim")
    depth = try c.integer("depth")
    heads = try c.integer("heads")
    mlpDim = try c.integer("mlp_dim")
    head = try c.text("head") == "mlp" ? .mlp : .linear
    headWidth = try c.optionalInteger("dim_head") ?? (heads > 0 ? dim / heads : 0)
    scale = 1 / (Double(try c.text("scale") == "dim" ? dim : headWidth)).squareRoot()
  }
}
