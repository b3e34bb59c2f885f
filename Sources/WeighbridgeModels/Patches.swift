import WeighbridgeModules

/// Cuts an image into square patches and maps each to a token, ViT's and Swin's `PatchEmbed`:
/// [N, C, S, S] → [N, (S / p)², D]. The map is a convolution whose kernel and stride are p, so a
/// patch reads as (channel, row, column), which is not the order of `vit`.
public struct PatchEmbed: Module {
  public let path: ModulePath
  let imageSize: Int
  package let proj: Conv2d
  package let norm: LayerNorm?

  /// - Parameter norm: Whether a layer norm over D follows, as in Swin.
  public init(
    _ w: WeightScope, imageSize: Int = 224, patchSize: Int = 16, in inputs: Int = 3,
    out features: Int = 768, norm: Bool = false
  ) throws {
    path = w.path
    self.imageSize = imageSize
    proj = try Conv2d(
      w / "proj", in: inputs, out: features, kernel: Pair(patchSize), stride: Pair(patchSize))
    self.norm = norm ? try LayerNorm(w / "norm", features: features) : nil
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    guard x.rank == 4, x.shape[2] == imageSize, x.shape[3] == imageSize else {
      throw WeighbridgeError(
        .shape, "patch_embed takes [N, C, \(imageSize), \(imageSize)], got \(x.shape)",
        entry: path.name, remedy: "Set img_size to the input's size")
    }
    let tokens = try proj(x).flattened(from: 2).transposed(1, 2)
    return try norm?(tokens) ?? tokens
  }
}

extension PatchEmbed: Architecture {
  public static let id = "patch_embed"
  public static let summary = "Patches of an image as tokens"
  public static let keys: [ConfigurationKey] = [
    ConfigurationKey("img_size", .integer, default: .integer(224), "the image's side"),
    ConfigurationKey(
      "patch_size", .integer, default: .integer(16), inferred: true, "a patch's side"),
    ConfigurationKey("in_chans", .integer, default: .integer(3), inferred: true, "channels in"),
    ConfigurationKey(
      "embed_dim", .integer, default: .integer(768), inferred: true, "features of a token"),
    ConfigurationKey(
      "norm", .boolean, default: .boolean(false), inferred: true,
      "whether a layer norm follows, as in Swin"),
    .layerNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    let known: Set = ["proj.weight", "proj.bias", "norm.weight", "norm.bias"]
    guard shapes.contains("proj.weight", "proj.bias"), shapes.names.allSatisfy(known.contains),
      let proj = shapes["proj.weight"], proj.rank == 4
    else { return false }
    return proj[2] == proj[3]
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("patch_size", extent: 2, of: "proj.weight", in: shapes)
    try configuration.infer("in_chans", extent: 1, of: "proj.weight", in: shapes)
    try configuration.infer("embed_dim", extent: 0, of: "proj.weight", in: shapes)
    guard shapes.contains("proj.weight") else { return }
    let normalizes = shapes.contains("norm.weight")
    try configuration.infer(
      "norm", .boolean(normalizes),
      evidence: normalizes ? shapes.evidence("norm.weight") : "there is no norm.weight")
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("in_chans", "embed_dim")
    let image = try configuration.positive("img_size")
    let patch = try configuration.positive("patch_size")
    guard patch <= image else {
      throw WeighbridgeError(
        .usage,
        "a patch must fit the image: patch_size ≤ img_size, got patch_size=\(patch), img_size=\(image)"
      )
    }
  }

  /// From the keys `img_size`, `patch_size`, `in_chans`, `embed_dim`, `norm` and `ln_eps`.
  ///
  /// - Throws: `usage` for a missing value, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(
      w, imageSize: configuration.integer("img_size"),
      patchSize: configuration.integer("patch_size"), in: configuration.integer("in_chans"),
      out: configuration.integer("embed_dim"), norm: configuration.boolean("norm"))
  }
}

/// Joins each 2×2 of tokens into one of twice the width: [N, L, c·dim] → [N, L/4, 2·c·dim], where L
/// is the square of an even side. Swin's `PatchMerging` is the case c = 1.
public struct PatchMerging: Module {
  public let path: ModulePath
  let width: Int
  package let reduction: Linear
  package let norm: LayerNorm

  /// - Parameter width: c·dim.
  public init(_ w: WeightScope, width: Int) throws {
    path = w.path
    self.width = width
    reduction = try Linear(w / "reduction", in: 4 * width, out: 2 * width, bias: .absent)
    norm = try LayerNorm(w / "norm", features: 4 * width)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    guard x.rank == 3, x.shape[2] == width else {
      throw WeighbridgeError(
        .shape, "patch_merging takes [N, L, \(width)], got \(x.shape)", entry: path.name)
    }
    let side = Int(Double(x.shape[1]).squareRoot())
    guard side * side == x.shape[1], side % 2 == 0, side > 0 else {
      throw WeighbridgeError(
        .shape,
        "patch_merging needs as many tokens as the square of an even side, got \(x.shape[1])",
        entry: path.name)
    }
    // Rows and columns split into (half, offset); offsets join the features, the column's outermost:
    // (0, 0), (1, 0), (0, 1), (1, 1).
    return try reduction(norm(merged(x, side: side, rowFirst: false)))
  }

  /// - Parameter rowFirst: Whether the neighbours join in the order (0, 0), (0, 1), (1, 0), (1, 1).
  package func merged(_ x: Tensor, side: Int, rowFirst: Bool) throws -> Tensor {
    let half = side / 2
    return try x.reshaped([x.shape[0], half, 2, half, 2, width])
      .permuted(rowFirst ? [0, 1, 3, 2, 4, 5] : [0, 1, 3, 4, 2, 5])
      .reshaped([x.shape[0], half * half, 4 * width])
  }
}

extension PatchMerging: Architecture {
  public static let id = "patch_merging"
  public static let summary = "Each 2×2 of tokens joined into one"
  public static let keys: [ConfigurationKey] = [
    ConfigurationKey(
      "dim", .integer, default: .integer(1), inferred: true, "features of a token, per channel"),
    ConfigurationKey(
      "c", .integer, default: .integer(3), inferred: true, "channels; 1 in Swin"),
    .layerNormEpsilon,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    let known: Set = ["reduction.weight", "norm.weight", "norm.bias"]
    guard shapes.contains("reduction.weight", "norm.weight"),
      shapes.names.allSatisfy(known.contains), let reduction = shapes["reduction.weight"],
      reduction.rank == 2
    else { return false }
    return reduction[1] % 4 == 0 && reduction[0] == reduction[1] / 2
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    guard let features = shapes.extent("reduction.weight", 1), features > 0, features % 4 == 0
    else { return }
    // Shapes show the product alone; Swin's is c = 1.
    try configuration.inferFactors(
      of: features / 4, evidence: shapes.evidence("reduction.weight"),
      [Factor("c", preferred: [1]), Factor("dim")])
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("dim", "c")
  }

  /// From the keys `dim`, `c` and `ln_eps`: tokens are `dim`·`c` wide.
  ///
  /// - Throws: `usage` for a missing value, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(w, width: configuration.integer("dim") * configuration.integer("c"))
  }
}
