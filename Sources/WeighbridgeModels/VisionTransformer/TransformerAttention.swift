import WeighbridgeModules

/// Multi-head self-attention: `to_qkv`, without bias but in other libraries' files, rows in the order q, k, v, each (heads,
/// width); the heads' outputs side by side go through `to_out`.
package struct Attention: Module {
  package let path: ModulePath
  package let form: AttentionForm
  package let toQKV: Linear
  package let toOut: Sequential

  init(_ w: WeightScope, _ c: ViTConfiguration) throws {
    path = w.path
    form = AttentionForm(heads: c.heads, scale: c.scale)
    let inner = c.heads * c.headWidth
    toQKV = try Linear(w / "to_qkv", in: c.dim, out: 3 * inner, bias: .ifPresent)
    toOut = try Sequential(
      w / "to_out", { try Linear($0, in: inner, out: c.dim) }, { Identity.dropout($0) })
  }

  package func forward(_ input: MaskedTokens) throws -> Tensor { try toOut(attended(input, form)) }

  /// [B, n, dim] → [B, n, heads·width].
  package func attended(_ input: MaskedTokens, _ form: AttentionForm) throws -> Tensor {
    try form.attended(toQKV(input.tokens), bias: input.bias)
  }
}
