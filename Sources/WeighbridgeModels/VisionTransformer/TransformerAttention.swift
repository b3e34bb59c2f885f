import WeighbridgeModules

/// Multi-head self-attention: `to_qkv` without bias, rows in the order q, k, v, each (heads,
/// width); the heads' outputs side by side go through `to_out`.
struct Attention: TokenModule {
  let path: ModulePath
  private let form: AttentionForm
  private let toQKV: Linear
  private let projection: Linear
  private let toOut: Sequential

  init(_ w: WeightScope, _ c: ViTConfiguration) throws {
    path = w.path
    form = AttentionForm(heads: c.heads, scale: c.scale)
    let inner = c.heads * c.headWidth
    toQKV = try Linear(w / "to_qkv", in: c.dim, out: 3 * inner, bias: .absent)
    let out = w / "to_out"
    let linear = try Linear(out / 0, in: inner, out: c.dim)
    projection = linear
    toOut = try Sequential(out, { _ in linear }, { Identity.dropout($0) })
  }

  func forward(_ input: MaskedTokens) throws -> Tensor { try toOut(attended(input, form)) }

  func fused(_ input: MaskedTokens, adding residual: Tensor) throws -> Tensor {
    try projection(attended(input, form), adding: residual)
  }

  /// [B, n, dim] → [B, n, heads·width].
  private func attended(_ input: MaskedTokens, _ form: AttentionForm) throws -> Tensor {
    try form.attended(toQKV(input.tokens), bias: input.bias)
  }
}

extension Attention: Diagnosable {
  func alternatives(for input: MaskedTokens) throws -> [Alternative<MaskedTokens, Tensor>] {
    let width = toQKV.weight.shape[1]
    var found = form.alternatives(features: toQKV.weight.shape[0] / 3, width: width, path).map {
      cause, form in
      Alternative<MaskedTokens, Tensor>(cause) { try toOut(attended($0, form)) }
    }
    if input.bias != nil {
      found.append(
        Alternative(
          Cause(
            .attentionMask, "the reference attends without the mask",
            fix: .code("leave the mask out, or record the reference with it"))
        ) { try toOut(attended(MaskedTokens($0.tokens), form)) })
    }
    return found
  }
}
