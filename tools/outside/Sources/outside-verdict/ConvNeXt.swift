import Weighbridge

/// timm's `ConvNeXtBlock` with linear layers.
struct ConvNeXtBlock: Module {
  let path: ModulePath
  let convDW: Conv2d, norm: LayerNorm, mlp: Mlp
  let gamma: Tensor
  let shortcut: Identity, dropPath: Identity
  let mistake: Mistake

  init(_ w: WeightScope, channels: Int, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    convDW = try Conv2d(
      w / "conv_dw", in: channels, out: channels, kernel: 7, padding: 3, groups: channels)
    norm = try LayerNorm(w / "norm", features: channels, epsilon: 1e-6)
    mlp = try Mlp(
      w / "mlp", in: channels, hidden: 4 * channels,
      activation: {
        switch mistake {
        case .convnextGeluTanh: GELU($0, tanh: true)
        case .convnextRelu: ReLU($0)
        default: GELU($0)
        }
      })
    gamma = try w.parameter("gamma", .vector, [channels])
    (shortcut, dropPath) = (Identity(w / "shortcut"), Identity(w / "drop_path"))
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let scale = try gamma.reshaped([1, gamma.shape[0], 1, 1])
    var y: Tensor
    if mistake == .convnextNormFirst {
      y = try convDW(norm(x.permuted([0, 2, 3, 1])).permuted([0, 3, 1, 2]))
      y = try mlp(y.permuted([0, 2, 3, 1])).permuted([0, 3, 1, 2])
    } else {
      y = try mlp(norm(convDW(x).permuted([0, 2, 3, 1]))).permuted([0, 3, 1, 2])
    }
    switch mistake {
    case .convnextNoGamma: return try dropPath(y) + shortcut(x)
    case .convnextGammaAfterSum: return try (dropPath(y) + shortcut(x)) * scale
    default: return try dropPath(y * scale) + shortcut(x)
    }
  }
}

/// timm's `ConvNeXtStage`.
struct ConvNeXtStage: Module {
  let path: ModulePath
  let downsample: any UnaryModule
  let blocks: Stage<ConvNeXtBlock>

  init(_ w: WeightScope, in inputs: Int, out: Int, depth: Int, isFirst: Bool, _ mistake: Mistake)
    throws
  {
    path = w.path
    downsample =
      isFirst
      ? Identity(w / "downsample")
      : try Sequential(
        w / "downsample", { try LayerNorm2d($0, channels: inputs) },
        { try Conv2d($0, in: inputs, out: out, kernel: 2, stride: 2) })
    var blocks = try Stage<ConvNeXtBlock>(
      w / "blocks",
      (0..<depth).map { _ in { try ConvNeXtBlock($0, channels: out, mistake) } })
    blocks.skipsLast = depth > 1 && mistake == .convnextBlockSkipped
    self.blocks = blocks
  }

  func forward(_ x: Tensor) throws -> Tensor { try blocks(downsample(x)) }
}

/// timm's `NormMlpClassifierHead`.
struct ConvNeXtHead: Module {
  let path: ModulePath
  var kind: String { "NormMlpClassifierHead" }
  let pool: GlobalPool, norm: LayerNorm2d, flatten: Flatten
  let preLogits: Identity, drop: Identity, fc: Linear
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    pool = GlobalPool(w / "global_pool", flatten: false)
    norm = try LayerNorm2d(w / "norm", channels: 48)
    flatten = Flatten(w / "flatten")
    (preLogits, drop) = (Identity(w / "pre_logits"), Identity.dropout(w / "drop"))
    fc = try Linear(w / "fc", in: 48, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y: Tensor =
      switch mistake {
      case .convnextHeadNormForgotten: try pool(x)
      case .convnextHeadNormBeforePool: try pool(norm(x))
      default: try norm(pool(x))
      }
    return try fc(drop(preLogits(flatten(y))))
  }
}

/// timm's `ConvNeXt`.
struct ConvNeXtPort: Module {
  let path: ModulePath
  let stem: Sequential
  let stages: Stage<ConvNeXtStage>
  let normPre: Identity
  let head: ConvNeXtHead

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    stem = try Sequential(
      w / "stem", { try Conv2d($0, in: 3, out: 16, kernel: 4, stride: 4) },
      {
        if mistake == .convnextGroupNorm {
          return try GroupNorm($0, groups: 1, channels: 16, epsilon: 1e-6)
        }
        return try LayerNorm2d(
          $0, channels: 16, epsilon: mistake == .convnextStemNormEps ? 1e-5 : 1e-6)
      })
    let widths = [16, 16, 24, 32, 48], depths = [1, 1, 2, 1]
    stages = try Stage<ConvNeXtStage>(
      w / "stages",
      depths.indices.map { i in
        {
          try ConvNeXtStage(
            $0, in: widths[i], out: widths[i + 1], depth: depths[i], isFirst: i == 0, mistake)
        }
      })
    normPre = Identity(w / "norm_pre")
    head = try ConvNeXtHead(w / "head", mistake)
  }

  func forward(_ x: Tensor) throws -> Tensor { try head(normPre(stages(stem(x)))) }
}
