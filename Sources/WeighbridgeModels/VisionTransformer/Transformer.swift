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

/// A module of the transformer whose last step can add a residual at no cost.
package protocol TokenModule: Module where Input == MaskedTokens, Output == Tensor {
  /// `forward(input) + residual`, for runs in which nothing is probed.
  func fused(_ input: MaskedTokens, adding residual: Tensor) throws -> Tensor
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
struct Residual<Inner: TokenModule>: Module {
  let path: ModulePath
  let fn: PreNorm<Inner>

  init(_ w: WeightScope, dim: Int, _ build: (WeightScope) throws -> Inner) throws {
    path = w.path
    fn = try PreNorm(w / "fn", dim: dim, build)
  }

  var kind: String { "Residual" }

  func forward(_ input: MaskedTokens) throws -> Tensor {
    guard ProbeRun.current == nil else { return try fn(input) + input.tokens }
    let normed = MaskedTokens(try fn.norm(input.tokens), bias: input.bias)
    return try fn.fn.locating { try fn.fn.fused(normed, adding: input.tokens) }
  }
}

/// fn(norm(x)).
struct PreNorm<Inner: TokenModule>: Module {
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
struct FeedForward: TokenModule {
  let path: ModulePath
  private let expansion: Linear
  private let gelu: GELU
  private let projection: Linear
  private let net: Sequential

  init(_ w: WeightScope, dim: Int, hidden: Int) throws {
    path = w.path
    let scope = w / "net"
    let expansion = try Linear(scope / 0, in: dim, out: hidden)
    let gelu = GELU(scope / 1)
    let projection = try Linear(scope / 3, in: hidden, out: dim)
    (self.expansion, self.gelu, self.projection) = (expansion, gelu, projection)
    net = try Sequential(
      scope, { _ in expansion }, { _ in gelu }, { Identity.dropout($0) }, { _ in projection },
      { Identity.dropout($0) })
  }

  func forward(_ input: MaskedTokens) throws -> Tensor { try net(input.tokens) }

  func fused(_ input: MaskedTokens, adding residual: Tensor) throws -> Tensor {
    try projection(expansion(input.tokens, then: gelu), adding: residual)
  }
}
