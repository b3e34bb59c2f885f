import Weighbridge

/// timm's `Scale` on images.
struct ChannelScale: Module {
  let path: ModulePath
  var kind: String { "Scale" }
  let scale: Tensor

  init(_ w: WeightScope, channels: Int) throws {
    path = w.path
    scale = try w.parameter("scale", .vector, [channels])
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try x * scale.reshaped([scale.shape[0], 1, 1])
  }
}

/// timm's `Pooling`.
struct PoolMixer: Module {
  let path: ModulePath
  var kind: String { "Pooling" }
  let pool: AvgPool2d
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) {
    path = w.path
    self.mistake = mistake
    pool = AvgPool2d(
      w / "pool", kernel: 3, stride: 1, padding: 1,
      countIncludePad: mistake == .poolformerCountsPadding)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try pool(x)
    return mistake == .poolformerNothingSubtracted ? y : try y - x
  }
}

/// timm's `MetaFormerBlock`.
struct MetaFormerBlock: Module {
  let path: ModulePath
  let norm1: any UnaryModule, norm2: any UnaryModule
  let mixer: PoolMixer, mlp: Mlp
  let scale1: ChannelScale, scale2: ChannelScale
  let drop1: Identity, drop2: Identity, residual1: Identity, residual2: Identity
  let mistake: Mistake

  init(_ w: WeightScope, channels: Int, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    func norm(_ w: WeightScope) throws -> any UnaryModule {
      mistake == .poolformerLayerNorm
        ? try LayerNorm2d(w, channels: channels, epsilon: 1e-5)
        : try GroupNorm(w, groups: 1, channels: channels)
    }
    (norm1, norm2) = (try norm(w / "norm1"), try norm(w / "norm2"))
    mixer = PoolMixer(w / "token_mixer", mistake)
    mlp = try Mlp(w / "mlp", in: channels, hidden: 4 * channels, isConvolution: true)
    scale1 = try ChannelScale(w / "layer_scale1", channels: channels)
    scale2 = try ChannelScale(w / "layer_scale2", channels: channels)
    (drop1, drop2) = (Identity(w / "drop_path1"), Identity(w / "drop_path2"))
    (residual1, residual2) = (Identity(w / "res_scale1"), Identity(w / "res_scale2"))
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let mixed = try drop1(mixer(norm1(x)))
    let y = try residual1(x) + (mistake == .poolformerNoScale ? mixed : scale1(mixed))
    let input = mistake == .poolformerStaleInput ? x : y
    return try residual2(y) + scale2(drop2(mlp(norm2(input))))
  }
}

/// timm's `MetaFormerStage`.
struct MetaFormerStage: Module {
  struct Downsampling: Module {
    let path: ModulePath
    let norm: Identity, conv: Conv2d

    init(_ w: WeightScope) throws {
      path = w.path
      norm = Identity(w / "norm")
      conv = try Conv2d(w / "conv", in: 16, out: 32, kernel: 3, stride: 2, padding: 1)
    }

    func forward(_ x: Tensor) throws -> Tensor { try conv(norm(x)) }
  }

  let path: ModulePath
  let downsample: any UnaryModule
  let blocks: Stage<MetaFormerBlock>

  init(_ w: WeightScope, channels: Int, depth: Int, _ mistake: Mistake) throws {
    path = w.path
    downsample =
      channels == 16 ? Identity(w / "downsample") : try Downsampling(w / "downsample")
    blocks = try Stage(
      w / "blocks",
      (0..<depth).map { _ in { try MetaFormerBlock($0, channels: channels, mistake) } })
  }

  func forward(_ x: Tensor) throws -> Tensor { try blocks(downsample(x)) }
}

/// timm's `MetaFormer` as a PoolFormer.
struct PoolFormerPort: Module {
  struct Stem: Module {
    let path: ModulePath
    let conv: Conv2d, norm: Identity

    init(_ w: WeightScope, padding: Padding) throws {
      path = w.path
      conv = try Conv2d(w / "conv", in: 3, out: 16, kernel: 7, stride: 4, padding: padding)
      norm = Identity(w / "norm")
    }

    func forward(_ x: Tensor) throws -> Tensor { try norm(conv(x)) }
  }

  struct Head: Module {
    let path: ModulePath
    var kind: String { "Sequential" }
    let pool: GlobalPool, norm: LayerNorm2d, flatten: Flatten, drop: Identity, fc: Linear

    init(_ w: WeightScope) throws {
      path = w.path
      pool = GlobalPool(w / "global_pool", flatten: false)
      norm = try LayerNorm2d(w / "norm", channels: 32)
      (flatten, drop) = (Flatten(w / "flatten"), Identity.dropout(w / "drop"))
      fc = try Linear(w / "fc", in: 32, out: 10)
    }

    func forward(_ x: Tensor) throws -> Tensor { try fc(drop(flatten(norm(pool(x))))) }
  }

  let path: ModulePath
  let stem: Stem
  let stages: Stage<MetaFormerStage>
  let head: Head

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    stem = try Stem(w / "stem", padding: mistake == .poolformerStemPadding ? 3 : 2)
    stages = try Stage(
      w / "stages",
      [
        { try MetaFormerStage($0, channels: 16, depth: 1, mistake) },
        { try MetaFormerStage($0, channels: 32, depth: 2, mistake) },
      ])
    head = try Head(w / "head")
  }

  func forward(_ x: Tensor) throws -> Tensor { try head(stages(stem(x))) }
}
