import WeighbridgeModules

/// The vision transformer of vit-pytorch 0.2.6 and 0.2.7, with the later versions' head, head width
/// and scale as configuration: [B, C, H, W] and an optional mask → logits [B, classes].
///
/// Patches are flattened channel-fastest; the class token stands first; there is no norm after the
/// last layer; the head reads the class token alone. A smaller image takes the first rows of
/// `pos_embedding`, as in the original.
public struct VisionTransformer: Architecture {
  public let path: ModulePath
  private let configuration: ViTConfiguration
  private let positions: Tensor
  private let classToken: Tensor
  private let embedding: PatchLinear
  private let dropout: Identity
  private let transformer: Transformer
  private let toClassToken: Identity
  private let head: Sequential

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
  struct TokenForm: Sendable {
    /// The order in which (channel, row, column) of a patch, axes 0, 1, 2, are flattened.
    var patchAxes = [1, 2, 0]
    var hasPositions = true
    var isClassTokenLast = false
    var readsMean = false
  }

  private func forward(_ input: MaskedImage, _ form: TokenForm) throws -> Tensor {
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

extension VisionTransformer: Diagnosable {
  public func alternatives(for input: MaskedImage) throws -> [Alternative<MaskedImage, Tensor>] {
    let names = ["channel", "row", "column"]
    let orders = [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [2, 0, 1]]
      .filter { configuration.channels > 1 || $0.filter { $0 != 0 } != [1, 2] }
    let patches = orders.map { axes in
      let words = axes.map { names[$0] }.joined(separator: ", ")
      return alternative(
        .patchOrder,
        "patch_to_embedding reads a patch as (\(words)), it comes as (row, column, channel)",
        .parameters([patchColumns(from: axes)])
      ) { $0.patchAxes = axes }
    }
    return patches + imageAlternatives() + [
      alternative(
        .positionEncoding, "the reference adds no positions",
        .code("leave pos_embedding out, as the recorded network does")
      ) { $0.hasPositions = false },
      alternative(
        .positionEncoding, "the reference has the class token after the patches",
        .code("put the class token after the patches")
      ) { $0.isClassTokenLast = true },
      alternative(
        .poolingForm, "the reference's head reads the mean of all tokens, here the class token",
        .code("read the mean of all tokens")
      ) { $0.readsMean = true },
    ]
  }

  /// Takes the columns of patch_to_embedding from an order of (channel, row, column) to ours.
  private func patchColumns(from axes: [Int]) -> ParameterChange {
    let extents = [configuration.channels, configuration.patchSize, configuration.patchSize]
    let back = TokenForm().patchAxes.map { 1 + (axes.firstIndex(of: $0) ?? 0) }
    return ParameterChange(
      (path / "patch_to_embedding.weight").name,
      [
        .reshape([configuration.dim] + axes.map { extents[$0] }), .permute([0] + back),
        .reshape([configuration.dim, extents.reduce(1, *)]),
      ])
  }

  /// Images with their channels in the opposite order, or of another scale.
  private func imageAlternatives() -> [Alternative<MaskedImage, Tensor>] {
    let (channels, cells) = (
      configuration.channels, configuration.patchSize * configuration.patchSize
    )
    let scales = ImageScale.known(channels: channels).map { scale in
      Alternative<MaskedImage, Tensor>(
        Cause(
          .inputNormalization, "the reference's images are \(scale.name)",
          fix: .code("scale the images: \(scale.name)"))
      ) { try forward(MaskedImage(scale.apply(to: $0.image), mask: $0.mask)) }
    }
    guard (3...4).contains(channels) else { return scales }
    let dim = configuration.dim
    let reversed = Alternative<MaskedImage, Tensor>(
      Cause(
        .channelsReversed,
        "patch_to_embedding reads BGR where the image is RGB, or the other way round",
        fix: .parameters([
          .init(
            "patch_to_embedding.weight",
            [.reshape([dim, cells, channels]), .flip(2), .reshape([dim, cells * channels])])
        ]))
    ) { try forward(MaskedImage($0.image.flipped(1).contiguous(), mask: $0.mask)) }
    return scales + [reversed]
  }

  private func alternative(
    _ kind: Cause.Kind, _ text: String, _ fix: Cause.Fix, _ change: (inout TokenForm) -> Void
  ) -> Alternative<MaskedImage, Tensor> {
    var form = TokenForm()
    change(&form)
    let changed = form
    return Alternative(Cause(kind, text, fix: fix)) { try forward($0, changed) }
  }
}

/// Images [B, C, H, W] and which of their patches to keep: [B, n] or [B, rows, columns], any value
/// but 0 means keep.
public struct MaskedImage: TensorBundle {
  public var image: Tensor
  public var mask: Tensor?

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
      try linear.weight.reshaped([linear.weight.shape[0], patch, patch, channels])
        .permuted([0, 3, 1, 2]).reshaped([linear.weight.shape[0], flat[2]])
    }
    return try grid.permuted([0, 2, 4, 1, 3, 5]).reshaped(flat)
      .linear(weight: weight, bias: linear.bias, cache: cache)
  }
}
