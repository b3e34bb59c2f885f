import WeighbridgeModules

/// Tokens [B, n, dim] and what is added to the attention scores, [B, 1, n, n].
package struct MaskedTokens: TensorBundle {
  package var tokens: Tensor
  package var bias: Tensor?

  package init(_ tokens: Tensor, bias: Tensor? = nil) {
    self.tokens = tokens
    self.bias = bias
  }

  package var tensors: [Tensor] { [tokens] + (bias.map { [$0] } ?? []) }

  package init(tensors: [Tensor]) throws {
    guard let tokens = tensors.first, tensors.count <= 2 else {
      throw WeighbridgeError(
        .shape, "expected tokens and perhaps a bias, got \(tensors.count) tensors")
    }
    self.init(tokens, bias: tensors.count == 2 ? tensors[1] : nil)
  }
}

/// The layers of a vision transformer, `transformer`: pre-norm, x += attention(x), x += mlp(x).
struct Transformer: Module {
  let path: ModulePath
  private let layers: [(attention: Residual<Attention>, mlp: Residual<FeedForward>)]

  init(_ w: WeightScope, _ c: ViTConfiguration) throws {
    path = w.path
    layers = try (0..<c.depth).map { index in
      let layer = w / "layers" / index
      return (
        try Residual(layer / 0, dim: c.dim) { try Attention($0, c) },
        try Residual(layer / 1, dim: c.dim) { try FeedForward($0, dim: c.dim, hidden: c.mlpDim) }
      )
    }
  }

  func forward(_ input: MaskedTokens) throws -> Tensor {
    try layers.reduce(input.tokens) { tokens, layer in
      let attended = try layer.attention(MaskedTokens(tokens, bias: input.bias))
      return try layer.mlp(MaskedTokens(attended))
    }
  }
}

/// fn(x) + x.
struct Residual<Inner: Module<MaskedTokens, Tensor>>: Module {
  let path: ModulePath
  let fn: PreNorm<Inner>

  init(_ w: WeightScope, dim: Int, _ build: (WeightScope) throws -> Inner) throws {
    path = w.path
    fn = try PreNorm(w / "fn", dim: dim, build)
  }

  var kind: String { "Residual" }

  func forward(_ input: MaskedTokens) throws -> Tensor { try fn(input) + input.tokens }
}

/// fn(norm(x)).
struct PreNorm<Inner: Module<MaskedTokens, Tensor>>: Module {
  let path: ModulePath
  let norm: LayerNorm
  let fn: Inner

  init(_ w: WeightScope, dim: Int, _ build: (WeightScope) throws -> Inner) throws {
    path = w.path
    norm = try LayerNorm(w / "norm", features: dim)
    fn = try build(w / "fn")
  }

  var kind: String { "PreNorm" }

  func forward(_ input: MaskedTokens) throws -> Tensor {
    try fn(MaskedTokens(norm(input.tokens), bias: input.bias))
  }
}

/// Linear, GELU, linear: `net`.
struct FeedForward: Module {
  let path: ModulePath
  private let net: Sequential

  init(_ w: WeightScope, dim: Int, hidden: Int) throws {
    path = w.path
    net = try Sequential(
      w / "net",
      { try Linear($0, in: dim, out: hidden) },
      { GELU($0) },
      { Identity.dropout($0) },
      { try Linear($0, in: hidden, out: dim) },
      { Identity.dropout($0) })
  }

  func forward(_ input: MaskedTokens) throws -> Tensor { try net(input.tokens) }
}
