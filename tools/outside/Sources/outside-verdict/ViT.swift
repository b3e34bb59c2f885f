import Weighbridge

/// timm's `LayerScale`.
struct LayerScale: Module {
  let path: ModulePath
  let gamma: Tensor

  init(_ w: WeightScope, features: Int) throws {
    path = w.path
    gamma = try w.parameter("gamma", .vector, [features])
  }

  func forward(_ x: Tensor) throws -> Tensor { try x * gamma }
}

/// timm's `PatchEmbed`.
struct PatchEmbedding: Module {
  let path: ModulePath
  var kind: String { "PatchEmbed" }
  let proj: Conv2d, norm: Identity
  let isColumnMajor: Bool

  init(_ w: WeightScope, patch: Int, features: Int, isColumnMajor: Bool = false) throws {
    path = w.path
    proj = try Conv2d(w / "proj", in: 3, out: features, kernel: Pair(patch), stride: Pair(patch))
    norm = Identity(w / "norm")
    self.isColumnMajor = isColumnMajor
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try proj(x)
    if isColumnMajor { y = try y.transposed(2, 3) }
    return try norm(y.flattened(from: 2).transposed(1, 2))
  }
}

/// timm's `Attention`.
struct ViTAttention: Module {
  let path: ModulePath
  var kind: String { "Attention" }
  let qkv: Linear, proj: Linear
  let qNorm: Identity, kNorm: Identity, norm: Identity, projDrop: Identity
  let heads: Int
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    heads = mistake == .vitHeads ? 4 : 3
    qkv = try Linear(w / "qkv", in: 48, out: 144)
    (qNorm, kNorm) = (Identity(w / "q_norm"), Identity(w / "k_norm"))
    norm = Identity(w / "norm")
    proj = try Linear(w / "proj", in: 48, out: 48)
    projDrop = Identity.dropout(w / "proj_drop")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let (batch, tokens, size) = (x.shape[0], x.shape[1], 48 / heads)
    let mixed = try qkv(x)
    // [3, B, heads, N, size]
    let split =
      mistake == .vitHeadsBeforeQKV
      ? try mixed.reshaped([batch, tokens, heads, 3, size]).permuted([3, 0, 2, 1, 4])
      : try mixed.reshaped([batch, tokens, 3, heads, size]).permuted([2, 0, 3, 1, 4])
    var q = try qNorm(split.selected(0, 0)), k = try kNorm(split.selected(0, 1))
    let v = try split.selected(0, 2)
    if mistake == .vitKeysForQueries { swap(&q, &k) }
    let scale: Double =
      switch mistake {
      case .vitNoScale: 1
      case .vitScaleOfWidth: 1 / 48.0.squareRoot()
      default: 1 / Double(size).squareRoot()
      }
    var y: Tensor
    if mistake == .vitSoftmaxAxis {
      y = try q.affine(scale: scale).matmul(k.transposed()).softmax(axis: -2).matmul(v)
    } else {
      y = try q.attention(keys: k, values: v, scale: scale)
    }
    if mistake != .vitHeadsNotMerged { y = try y.transposed(1, 2) }
    return try projDrop(proj(norm(y.reshaped([batch, tokens, 48]))))
  }
}

/// timm's `Block`.
struct ViTBlock: Module {
  let path: ModulePath
  var kind: String { "Block" }
  let norm1: LayerNorm, norm2: LayerNorm
  let attn: ViTAttention, mlp: Mlp
  let ls1: LayerScale, ls2: LayerScale
  let dropPath1: Identity, dropPath2: Identity
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    norm1 = try LayerNorm(w / "norm1", features: 48, epsilon: 1e-6)
    norm2 = try LayerNorm(w / "norm2", features: 48, epsilon: 1e-6)
    attn = try ViTAttention(w / "attn", mistake)
    mlp = try Mlp(
      w / "mlp", in: 48, hidden: 192,
      activation: {
        if mistake == .vitQuickGelu {
          return ActivationLayer($0, .geluQuick, kind: "QuickGELU")
        }
        return GELU($0)
      })
    (ls1, ls2) = (try LayerScale(w / "ls1", features: 48), try LayerScale(w / "ls2", features: 48))
    (dropPath1, dropPath2) = (Identity(w / "drop_path1"), Identity(w / "drop_path2"))
  }

  func forward(_ x: Tensor) throws -> Tensor {
    switch mistake {
    case .vitNoLayerScale:
      let y = try x + dropPath1(attn(norm1(x)))
      return try y + dropPath2(mlp(norm2(y)))
    case .vitPostNorm:
      let y = try x + dropPath1(ls1(norm1(attn(x))))
      return try y + dropPath2(ls2(norm2(mlp(y))))
    case .vitResidualFromNorm:
      let n = try norm1(x)
      let y = try n + dropPath1(ls1(attn(n)))
      return try y + dropPath2(ls2(mlp(norm2(y))))
    default:
      let y = try x + dropPath1(ls1(attn(norm1(x))))
      return try y + dropPath2(ls2(mlp(norm2(y))))
    }
  }
}

/// timm's `VisionTransformer`.
struct ViTPort: Module {
  let path: ModulePath
  let patchEmbed: PatchEmbedding
  let clsToken: Tensor, posEmbed: Tensor
  let posDrop: Identity, patchDrop: Identity, normPre: Identity
  let blocks: Stage<ViTBlock>
  let norm: LayerNorm
  let fcNorm: Identity, headDrop: Identity
  let head: Linear
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    patchEmbed = try PatchEmbedding(
      w / "patch_embed", patch: 8, features: 48, isColumnMajor: mistake == .vitPatchesByColumn)
    clsToken = try w.parameter("cls_token", .embedding, [1, 1, 48])
    posEmbed = try w.parameter("pos_embed", .embedding, [1, 17, 48])
    posDrop = Identity.dropout(w / "pos_drop")
    (patchDrop, normPre) = (Identity(w / "patch_drop"), Identity(w / "norm_pre"))
    blocks = try Stage(
      w / "blocks", (0..<3).map { _ in { try ViTBlock($0, mistake) } })
    norm = try LayerNorm(w / "norm", features: 48, epsilon: 1e-6)
    (fcNorm, headDrop) = (Identity(w / "fc_norm"), Identity.dropout(w / "head_drop"))
    head = try Linear(w / "head", in: 48, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let patches = try patchEmbed(x)
    let token = try clsToken.expanded(to: [x.shape[0], 1, 48])
    var tokens = try Tensor.concatenated(
      mistake == .vitTokenLast ? [patches, token] : [token, patches], axis: 1)
    if mistake != .vitNoPositions { tokens = try tokens + posEmbed }
    var y = try blocks(normPre(patchDrop(posDrop(tokens))))
    if mistake != .vitFinalNormForgotten { y = try norm(y) }
    let pooled =
      mistake == .vitMeanOfTokens ? try y.mean(axes: [1]) : try y.selected(1, 0)
    return try head(headDrop(fcNorm(pooled)))
  }
}
