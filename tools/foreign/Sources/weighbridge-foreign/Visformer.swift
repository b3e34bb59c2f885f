import Weighbridge

/// timm's `visformer_tiny`: a convolutional stem and three stages of blocks, of which the first has
/// grouped convolutions and the others attention over the cells.
struct Visformer: Module {
  let path: ModulePath
  let stem: Sequential
  let embeddings: [PatchNorm]
  let positions: [Tensor]
  let drop: Identity
  let stages: [Sequential]
  let norm: BatchNorm
  let pool: GlobalPool
  let headDrop: Identity
  let head: Linear

  init(_ w: WeightScope) throws {
    path = w.path
    stem = try Sequential(
      w / "stem",
      { try Conv2d($0, in: 3, out: 16, kernel: 7, stride: 2, padding: 3, bias: .absent) },
      { try BatchNorm($0, channels: 16) }, { ReLU($0) })
    embeddings = try [
      PatchNorm(w / "patch_embed1", in: 16, out: 96, size: 4),
      PatchNorm(w / "patch_embed2", in: 96, out: 192, size: 2),
      PatchNorm(w / "patch_embed3", in: 192, out: 384, size: 2),
    ]
    positions = try [
      w.parameter("pos_embed1", .embedding, [1, 96, 28, 28]),
      w.parameter("pos_embed2", .embedding, [1, 192, 14, 14]),
      w.parameter("pos_embed3", .embedding, [1, 384, 7, 7]),
    ]
    drop = Identity(w / "pos_drop", kind: "Dropout")
    let blocks = [(7, 96, false), (4, 192, true), (4, 384, true)]
    stages = try zip(1..., blocks).map { index, block in
      let (count, width, attends) = block
      return try Sequential(
        w / "stage\(index)",
        (0..<count).map { _ in { try VisformerBlock($0, width: width, attends: attends) } })
    }
    norm = try BatchNorm(w / "norm", channels: 384)
    pool = GlobalPool(w / "global_pool")
    headDrop = Identity(w / "head_drop", kind: "Dropout")
    head = try Linear(w / "head", in: 384, out: 1000)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var x = try stem(x)
    for ((embedding, position), stage) in zip(zip(embeddings, positions), stages) {
      x = try stage(drop(embedding(x) + position))
    }
    return try head(headDrop(pool(norm(x))))
  }
}

struct PatchNorm: Module {
  let path: ModulePath
  let proj: Conv2d
  let norm: BatchNorm

  init(_ w: WeightScope, in inputs: Int, out outputs: Int, size: Int) throws {
    path = w.path
    proj = try Conv2d(
      w / "proj", in: inputs, out: outputs, kernel: Pair(size), stride: Pair(size))
    norm = try BatchNorm(w / "norm", channels: outputs)
  }

  func forward(_ x: Tensor) throws -> Tensor { try norm(proj(x)) }
}

struct GlobalPool: Module {
  let path: ModulePath
  let pool: AdaptiveAvgPool2d
  let flatten: FlattenLayer

  init(_ w: WeightScope) {
    path = w.path
    pool = AdaptiveAvgPool2d(w / "pool", outputSize: 1)
    flatten = FlattenLayer(path: (w / "flatten").path)
  }

  func forward(_ x: Tensor) throws -> Tensor { try flatten(pool(x)) }
}

struct FlattenLayer: Module {
  let path: ModulePath

  func forward(_ x: Tensor) throws -> Tensor { try x.flattened(from: 1) }
}

/// x + attn(norm1 x), where there is attention, then x + mlp(norm2 x).
struct VisformerBlock: Module {
  let path: ModulePath
  let dropPath: Identity
  let attention: (norm: BatchNorm, attn: VisformerAttention)?
  let norm: BatchNorm
  let mlp: SpatialMlp

  init(_ w: WeightScope, width: Int, attends: Bool) throws {
    path = w.path
    dropPath = Identity(w / "drop_path")
    attention =
      attends
      ? try (
        BatchNorm(w / "norm1", channels: width), VisformerAttention(w / "attn", width: width)
      ) : nil
    norm = try BatchNorm(w / "norm2", channels: width)
    mlp = try SpatialMlp(
      w / "mlp", width: width, hidden: width * (attends ? 4 : 2), convolves: !attends)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var x = x
    if let attention { x = try x + dropPath(attention.attn(attention.norm(x))) }
    return try x + dropPath(mlp(norm(x)))
  }
}

struct SpatialMlp: Module {
  let path: ModulePath
  let conv1: Conv2d
  let act1: GELU
  let drop1: Identity
  let inner: (conv: Conv2d, act: GELU)?
  let conv3: Conv2d
  let drop3: Identity

  init(_ w: WeightScope, width: Int, hidden: Int, convolves: Bool) throws {
    path = w.path
    conv1 = try Conv2d(w / "conv1", in: width, out: hidden, kernel: 1, bias: .absent)
    (act1, drop1) = (GELU(w / "act1"), Identity(w / "drop1", kind: "Dropout"))
    inner =
      convolves
      ? try (
        Conv2d(
          w / "conv2", in: hidden, out: hidden, kernel: 3, padding: 1, groups: 8, bias: .absent),
        GELU(w / "act2")
      ) : nil
    conv3 = try Conv2d(w / "conv3", in: hidden, out: width, kernel: 1, bias: .absent)
    drop3 = Identity(w / "drop3", kind: "Dropout")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var x = try drop1(act1(conv1(x)))
    if let inner { x = try inner.act(inner.conv(x)) }
    return try drop3(conv3(x))
  }
}

/// Attention of three heads over the cells of an image.
struct VisformerAttention: Module {
  let path: ModulePath
  let qkv: Conv2d
  let drop: Identity
  let proj: Conv2d
  let projDrop: Identity
  let heads = 3

  init(_ w: WeightScope, width: Int) throws {
    path = w.path
    qkv = try Conv2d(w / "qkv", in: width, out: 3 * width, kernel: 1, bias: .absent)
    drop = Identity(w / "attn_drop", kind: "Dropout")
    proj = try Conv2d(w / "proj", in: width, out: width, kernel: 1, bias: .absent)
    projDrop = Identity(w / "proj_drop", kind: "Dropout")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let (batch, width, height, columns) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let parts = try qkv(x).reshaped([batch, 3, heads, width / heads, height * columns])
      .permuted([1, 0, 2, 4, 3])
    let (q, k, v) = try (parts.selected(0, 0), parts.selected(0, 1), parts.selected(0, 2))
    let scale = 1 / Double(width / heads).squareRoot()
    let weights = try drop(q.matmul(k.transposed()).affine(scale: scale).softmax(axis: -1))
    let seen = try weights.matmul(v).permuted([0, 1, 3, 2])
    return try projDrop(proj(seen.reshaped([batch, width, height, columns])))
  }
}
