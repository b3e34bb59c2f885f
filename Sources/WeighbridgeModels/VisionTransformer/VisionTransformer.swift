import WeighbridgeModules

/// The vision transformer of vit-pytorch 0.2.6 and 0.2.7, with the later versions' head, head width
/// and scale as configuration: [B, C, H, W] and an optional mask → logits [B, classes].
///
/// Patches are flattened channel-fastest; the class token stands first; there is no norm after the
/// last layer; the head reads the class token alone. A smaller image takes the first rows of
/// `pos_embedding`, as in the original.
public struct VisionTransformer: Architecture {
  public let path: ModulePath
  package let configuration: ViTConfiguration
  private let positions: Tensor
  private let classToken: Tensor
  private let embedding: PatchLinear
  private let dropout: Identity
  private let transformer: Transformer
  private let toClassToken: Identity
  private let head: Sequential

  /// From the keys `image_size`, `patch_size`, `num_classes`, `dim`, `depth`, `heads`, `mlp_dim`,
  /// `channels`, `head`, `dim_head`, `scale` and `ln_eps`.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try Self.check(configuration)
    let c = try ViTConfiguration(configuration)
    self.configuration = c
    path = w.path
    positions = try w.parameter("pos_embedding", .embedding, [1, c.tokenCount + 1, c.dim])
    classToken = try w.parameter("cls_token", .embedding, [1, 1, c.dim])
    embedding = try PatchLinear(
      w / "patch_to_embedding", channels: c.channels, patch: c.patchSize, out: c.dim)
    dropout = .dropout(w / "dropout")
    transformer = try Transformer(w / "transformer", c)
    toClassToken = Identity(w / "to_cls_token")
    head = try Self.head(w / "mlp_head", c)
  }

  private static func head(_ w: WeightScope, _ c: ViTConfiguration) throws -> Sequential {
    guard c.head == .mlp else {
      return try Sequential(
        w, { try LayerNorm($0, features: c.dim) },
        { try Linear($0, in: c.dim, out: c.classes) })
    }
    return try Sequential(
      w, { try LayerNorm($0, features: c.dim) },
      { try Linear($0, in: c.dim, out: c.mlpDim) }, { GELU($0) }, { Identity.dropout($0) },
      { try Linear($0, in: c.mlpDim, out: c.classes) })
  }

  public func forward(_ input: MaskedImage) throws -> Tensor {
    try forward(input, TokenForm())
  }

  /// How an image becomes tokens, and which of them the head reads.
  package struct TokenForm: Sendable {
    /// The order in which (channel, row, column) of a patch, axes 0, 1, 2, are flattened.
    package var patchAxes = [1, 2, 0]
    package var hasPositions = true
    package var isClassTokenLast = false
    package var readsMean = false

    package init() {}
  }

  package func forward(_ input: MaskedImage, _ form: TokenForm) throws -> Tensor {
    let image = input.image
    try check(image)
    let patches = try embedding(patchesOf: image, axes: form.patchAxes)
    let bias = try input.mask.map {
      try attentionBias(mask: $0, batch: image.shape[0], patches: patches.shape[1])
    }
    let first = try classToken.expanded(to: [image.shape[0], 1, configuration.dim])
    let tokens = try Tensor.concatenated(
      form.isClassTokenLast ? [patches, first] : [first, patches], axis: 1)
    let located =
      form.hasPositions
      ? try tokens + positions.narrowed(1, start: 0, length: tokens.shape[1]) : tokens
    let encoded = try transformer(MaskedTokens(dropout(located), bias: bias))
    if form.readsMean { return try head(toClassToken(encoded.mean(axes: [1]))) }
    let place = form.isClassTokenLast ? tokens.shape[1] - 1 : 0
    return try head(toClassToken(encoded.selected(1, place)))
  }

  private func check(_ image: Tensor) throws {
    let (patch, side) = (configuration.patchSize, configuration.imageSize)
    guard image.rank == 4, image.shape[1] == configuration.channels, image.shape[0] > 0 else {
      throw WeighbridgeError(
        .shape, "vit takes images [B, \(configuration.channels), H, W], got \(image.shape)")
    }
    let (height, width) = (image.shape[2], image.shape[3])
    guard height > 0, width > 0, height % patch == 0, width % patch == 0 else {
      throw WeighbridgeError(
        .shape, "patch_size=\(patch) must divide the image's height \(height) and width \(width)")
    }
    guard (height / patch) * (width / patch) <= configuration.tokenCount else {
      throw WeighbridgeError(
        .shape,
        "an image of \(height)×\(width) has more patches of \(patch)×\(patch) than the "
          + "\(configuration.tokenCount) that pos_embedding has positions for",
        remedy: "Use images of at most \(side)×\(side)")
    }
  }

  /// What is added to the scores [B, 1, n, n]: 0 where both tokens are kept, else −max float. The
  /// class token is always kept.
  ///
  /// The original broadcasts the batch axis of its mask onto the heads, which is right only for one
  /// image; here every image has its own mask, whatever the batch.
  private func attentionBias(mask: Tensor, batch: Int, patches: Int) throws -> Tensor {
    guard mask.rank == 2 || mask.rank == 3, mask.shape[0] == batch,
      mask.elementCount == batch * patches
    else {
      throw WeighbridgeError(
        .shape,
        "a mask [\(batch), \(patches)] or [\(batch), rows, columns] with one value per patch is "
          + "needed, got \(mask.shape)")
    }
    let masked: [Double] = try mask.maskValues("mask", "keep the patch").map { $0 ? 0 : 1 }
    let first = try Tensor([Double](repeating: 0, count: batch), shape: [batch, 1])
    let tokens = try Tensor.concatenated(
      [first, Tensor(masked, shape: [batch, patches])], axis: 1)
    let (row, column) = (try tokens.unsqueezed(-1), try tokens.unsqueezed(1))
    let pairs = try row.combined(.maximum, column).unsqueezed(1)
    let dtype = positions.dtype
    let lowest =
      dtype == .float64
      ? -Double.greatestFiniteMagnitude : -Double(Float.greatestFiniteMagnitude)
    return try pairs.affine(scale: lowest).converted(to: dtype)
  }
}

/// Images [B, C, H, W] and which of their patches to keep: [B, n] or [B, rows, columns], bool or 0 and
/// 1, where 1 is kept.
public struct MaskedImage: TensorBundle {
  /// Images [B, C, H, W].
  public var image: Tensor
  /// Which patches are kept, [B, n] or [B, rows, columns], as `bool` or as 0 and 1; `nil` for all.
  public var mask: Tensor?

  /// - Parameter mask: True or 1 where a patch is kept.
  public init(_ image: Tensor, mask: Tensor? = nil) {
    self.image = image
    self.mask = mask
  }

  public var tensors: [Tensor] { [image] + (mask.map { [$0] } ?? []) }

  public init(tensors: [Tensor]) throws {
    guard let image = tensors.first, tensors.count <= 2 else {
      throw WeighbridgeError(
        .shape, "expected an image and perhaps a mask, got \(tensors.count) tensors")
    }
    self.init(image, mask: tensors.count == 2 ? tensors[1] : nil)
  }
}

/// The linear map of flattened patches, `patch_to_embedding` [D, C·p²].
///
/// PyTorch's patches are flattened as (row, column, channel), which gathers single values from three
/// planes. When nothing is probed they are flattened as (channel, row, column), which copies whole
/// rows, and the weight's columns are reordered once to match.
private struct PatchLinear: Sendable {
  let linear: Linear
  let channels: Int
  let patch: Int
  private let cache = OperatorCache()

  init(_ w: WeightScope, channels: Int, patch: Int, out: Int) throws {
    self.channels = channels
    self.patch = patch
    linear = try Linear(w, in: channels * patch * patch, out: out)
  }

  /// [B, C, H, W] → [B, H/p·W/p, D].
  ///
  /// - Parameter axes: The order in which a patch's (channel, row, column) are flattened.
  func callAsFunction(patchesOf image: Tensor, axes: [Int]) throws -> Tensor {
    let (rows, columns) = (image.shape[2] / patch, image.shape[3] / patch)
    let grid = try image.reshaped([image.shape[0], channels, rows, patch, columns, patch])
    let flat = [image.shape[0], rows * columns, channels * patch * patch]
    guard ProbeRun.current == nil else {
      // Of grid's axes, 1, 3 and 5 are the channel, the row and the column within a patch.
      return try linear(grid.permuted([0, 2, 4] + axes.map { 2 * $0 + 1 }).reshaped(flat))
    }
    let weight = try cache.value(.init("channel-first columns")) {
      let rows = linear.weight
      return try rows.reshaped([rows.shape[0], patch, patch, channels])
        .permuted([0, 3, 1, 2]).reshaped([rows.shape[0], flat[2]])
    }
    return try linear.locating {
      try grid.permuted([0, 2, 4, 1, 3, 5]).reshaped(flat)
        .linear(weight: weight, bias: linear.bias, cache: cache)
    }
  }
}
