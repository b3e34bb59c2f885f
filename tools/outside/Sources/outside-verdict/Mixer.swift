import Weighbridge

/// timm's `MixerBlock`, 64 tokens of 64 features.
struct MixerBlock: Module {
  let path: ModulePath
  let norm1: LayerNorm, norm2: LayerNorm
  let tokens: Mlp, channels: Mlp
  let dropPath: Identity
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    let epsilon = mistake == .mixerNormEps ? 1e-5 : 1e-6
    norm1 = try LayerNorm(w / "norm1", features: 64, epsilon: epsilon)
    norm2 = try LayerNorm(w / "norm2", features: 64, epsilon: epsilon)
    tokens = try Mlp(w / "mlp_tokens", in: 64, hidden: 32)
    channels = try Mlp(
      w / "mlp_channels", in: 64, hidden: 256,
      slip: mistake == .mixerGeluForgotten
        ? .dropsActivation : mistake == .mixerDropoutScales ? .scalesDropout : .none)
    dropPath = Identity(w / "drop_path")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let mixed =
      mistake == .mixerNoTranspose
      ? try tokens(norm1(x)) : try tokens(norm1(x).transposed(1, 2)).transposed(1, 2)
    let y = try x + dropPath(mixed)
    if mistake == .mixerSecondResidualForgotten { return try dropPath(channels(norm2(y))) }
    let normed = mistake == .mixerFirstNormTwice ? try norm1(y) : try norm2(y)
    return try y + dropPath(channels(normed))
  }
}

/// timm's `MlpMixer`.
struct MixerPort: Module {
  let path: ModulePath
  let stem: PatchEmbedding
  let blocks: Stage<MixerBlock>
  let norm: LayerNorm
  let headDrop: Identity
  let head: Linear
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    stem = try PatchEmbedding(w / "stem", patch: 4, features: 64)
    blocks = try Stage(w / "blocks", (0..<2).map { _ in { try MixerBlock($0, mistake) } })
    norm = try LayerNorm(
      w / "norm", features: 64, epsilon: mistake == .mixerNormEps ? 1e-5 : 1e-6)
    headDrop = Identity.dropout(w / "head_drop")
    head = try Linear(w / "head", in: 64, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try norm(blocks(stem(x)))
    let pooled = mistake == .mixerFirstToken ? try y.selected(1, 0) : try y.mean(axes: [1])
    return try head(headDrop(pooled))
  }
}
