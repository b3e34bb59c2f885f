import WeighbridgeNetwork

extension Spellings {
  /// Attention with its maps, which a function of the package's sources computes.
  static let heads: [String: Spell] = [
    "multi_head_attention_forward": { a in
      for name in [
        "bias_k", "bias_v", "key_padding_mask", "static_k", "static_v",
      ] where !a.isNone(name) { throw a.wrong(name) }
      guard try !a.flag("add_zero_attn") else { throw a.wrong("add_zero_attn") }
      let isWeighing = try a.flag("need_weights")
      guard try !isWeighing || a.flag("average_attn_weights") else {
        throw a.wrong("average_attn_weights")
      }
      let inputs = ["query", "key", "value"]
      for name in inputs where try a.rank(name) != 3 { throw a.wrong(name) }
      if !a.isNone("attn_mask"), try !(2...3).contains(a.rank("attn_mask")) {
        throw a.wrong("attn_mask")
      }
      let isApart = try a.flag("use_separate_proj_weight")
      let weights =
        isApart
        ? Code.list(try ["q", "k", "v"].map { try a.tensor("\($0)_proj_weight") })
        : try a.tensor("in_proj_weight").calling(
          "split", [Argument(nil, Code("3")), Argument("axis", Code("0"))])
      let code = Code.call(
        "multiHeadAttention",
        try inputs.map { Argument($0, try a.tensor($0)) }
          + arguments([
            ("heads", try a.integer("num_heads"), nil), ("weights", weights, nil),
            ("bias", try a.optionalTensor("in_proj_bias"), nil),
            ("outWeight", try a.tensor("out_proj_weight"), nil),
            ("outBias", try a.optionalTensor("out_proj_bias"), nil),
            ("mask", try a.optionalTensor("attn_mask"), "nil"),
            ("weighing", .flag(isWeighing), "false"),
          ]), throwing: true)
      if !isWeighing, let output = a.form.tensors.first {
        return .list([.code(code.item(0), .tensor(output)), .literal(.none)])
      }
      return .code(code, a.form)
    }
  ]
}
