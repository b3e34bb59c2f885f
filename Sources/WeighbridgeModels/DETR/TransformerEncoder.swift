import WeighbridgeModules

/// Tokens and their positions [n, B, d], and what is added to the attention scores [B, 1, 1, n].
package struct EncoderInput: TensorBundle {
  package var tokens: Tensor
  package var position: Tensor
  package var bias: Tensor?

  package init(tokens: Tensor, position: Tensor, bias: Tensor? = nil) {
    (self.tokens, self.position, self.bias) = (tokens, position, bias)
  }

  package var tensors: [Tensor] { [tokens, position] + (bias.map { [$0] } ?? []) }

  package init(tensors: [Tensor]) throws {
    guard tensors.count == 2 || tensors.count == 3 else {
      throw WeighbridgeError(
        .shape, "expected tokens, positions and perhaps a bias, got \(tensors.count) tensors")
    }
    self.init(
      tokens: tensors[0], position: tensors[1], bias: tensors.count == 3 ? tensors[2] : nil)
  }
}

/// Encoder layers one after the other, without a norm after the last.
struct TransformerEncoder: Module {
  package let path: ModulePath
  private let layers: [TransformerEncoderLayer]

  init(_ w: WeightScope, width: Int, heads: Int, hidden: Int, count: Int) throws {
    path = w.path
    layers = try (0..<count).map {
      try TransformerEncoderLayer(w / "layers" / $0, width: width, heads: heads, hidden: hidden)
    }
  }

  package func forward(_ input: EncoderInput) throws -> Tensor {
    try layers.reduce(input.tokens) { tokens, layer in
      try layer(EncoderInput(tokens: tokens, position: input.position, bias: input.bias))
    }
  }
}

/// A post-norm layer: norm1(x + attention(x)), then norm2(x + mlp(x)). The position is added to
/// queries and keys only.
package struct TransformerEncoderLayer: Module {
  package let path: ModulePath
  private let attention: MultiheadAttention
  private let linear1, linear2: Linear
  private let norm1, norm2: LayerNorm
  private let dropout, dropout1, dropout2: Identity

  init(_ w: WeightScope, width: Int, heads: Int, hidden: Int) throws {
    path = w.path
    attention = try MultiheadAttention(w / "self_attn", width: width, heads: heads)
    linear1 = try Linear(w / "linear1", in: width, out: hidden)
    linear2 = try Linear(w / "linear2", in: hidden, out: width)
    norm1 = try LayerNorm(w / "norm1", features: width)
    norm2 = try LayerNorm(w / "norm2", features: width)
    dropout = .dropout(w / "dropout")
    dropout1 = .dropout(w / "dropout1")
    dropout2 = .dropout(w / "dropout2")
  }

  package func forward(_ input: EncoderInput) throws -> Tensor {
    let query = try input.tokens + input.position
    let attended = SelfAttentionInput(query: query, value: input.tokens, bias: input.bias)
    return try forward(input.tokens, attended, .relu)
  }

  /// With another activation between the linear maps, or with none.
  package func forward(
    _ tokens: Tensor, _ attended: SelfAttentionInput, _ activation: Activation?
  ) throws -> Tensor {
    let first = try norm1(tokens + dropout1(attention(attended)))
    let hidden = try dropout(linear1(first).activated(ifAny: activation))
    return try norm2(first + dropout2(linear2(hidden)))
  }
}

/// Queries, which are the keys too, and values, [n, B, d]; what is added to the scores, [B, 1, 1, n].
package struct SelfAttentionInput: TensorBundle {
  package var query: Tensor
  package var value: Tensor
  package var bias: Tensor?

  package init(query: Tensor, value: Tensor, bias: Tensor? = nil) {
    (self.query, self.value, self.bias) = (query, value, bias)
  }

  package var tensors: [Tensor] { [query, value] + (bias.map { [$0] } ?? []) }

  package init(tensors: [Tensor]) throws {
    guard tensors.count == 2 || tensors.count == 3 else {
      throw WeighbridgeError(
        .shape, "expected queries, values and perhaps a bias, got \(tensors.count) tensors")
    }
    self.init(
      query: tensors[0], value: tensors[1], bias: tensors.count == 3 ? tensors[2] : nil)
  }
}
