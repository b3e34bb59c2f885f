extension Vocabulary {
  static let attention: [Function] = [
    .tensor(
      "scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale, "
        + "enable_gqa)", scaledDotProduct),
    Function(
      "multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, "
        + "in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p, "
        + "out_proj_weight, out_proj_bias, training, key_padding_mask, need_weights, attn_mask, "
        + "use_separate_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight, static_k, "
        + "static_v, average_attn_weights, is_causal)", multiHead),
  ]

  private static func scaledDotProduct(_ a: Arguments) throws -> Tensor {
    try a.require(a.number("dropout_p", default: 0) == 0, "dropout_p")
    let query = try a.tensor("query")
    var (key, value) = (try a.tensor("key"), try a.tensor("value"))
    guard query.rank >= 2, key.rank >= 2, value.rank >= 2 else { throw a.wrong("query") }
    if try a.flag("enable_gqa"), query.rank >= 3 {
      let groups = query.shape[query.rank - 3] / max(1, key.shape[key.rank - 3])
      key = try key.repeatedElements(groups, axis: -3)
      value = try value.repeatedElements(groups, axis: -3)
    }
    let lead = try [key, value].reduce(Shape(Array(query.shape.dropLast(2)))) {
      try $0.broadcast(with: Shape(Array($1.shape.dropLast(2))))
    }
    func led(_ tensor: Tensor) throws -> Tensor {
      try tensor.expanded(to: Shape(lead.dimensions + tensor.shape.suffix(2)))
    }
    var bias = try a.optionalTensor("attn_mask").map { try additive($0, seen: true, query.dtype) }
    if try a.flag("is_causal") {
      let (n, m) = (query.shape[query.rank - 2], key.shape[key.rank - 2])
      let causal = try additive(triangle(n, m, 0), seen: true, query.dtype)
      bias = try bias.map { try $0 + causal } ?? causal
    }
    let scale = try a.number(
      "scale", default: 1 / Double(query.shape[query.rank - 1]).squareRoot())
    return try led(query).attention(keys: led(key), values: led(value), scale: scale, bias: bias)
  }

  /// A mask as what is added to scores; a condition says what is seen, or what is not.
  private static func additive(_ mask: Tensor, seen: Bool, _ dtype: DType) throws -> Tensor {
    guard mask.dtype == .bool else { return try mask.casted(to: dtype) }
    let hidden = seen ? try mask.inverted() : mask
    return try Tensor.zeros(mask.shape, dtype: dtype).choosing(-.infinity, where: hidden)
  }

  /// [n, m]: where column − row ≤ diagonal.
  static func triangle(_ n: Int, _ m: Int, _ diagonal: Int) throws -> Tensor {
    let rows = try Tensor.arange(to: n).unsqueezed(1)
    let columns = try Tensor.arange(to: m).unsqueezed(0)
    return try (columns - rows).compared(.lessOrEqual, Double(diagonal))
  }

  /// PyTorch's function behind `nn.MultiheadAttention`: inputs [n, B, features], or [n, features].
  private static func multiHead(_ a: Arguments) throws -> Value {
    try a.require(a.isNone("static_k") && a.isNone("static_v"), "static_k")
    let heads = try a.integer("num_heads")
    let isSingle = try a.tensor("query").rank == 2
    let inputs = try ["query", "key", "value"].map { name in
      let x = try a.tensor(name)
      return isSingle ? try x.unsqueezed(1) : x
    }
    let width = inputs[0].shape[inputs[0].rank - 1]
    guard heads > 0, width % heads == 0 else { throw a.wrong("num_heads") }
    var parts = try inputs.enumerated().map { try projected(a, $1, $0, width) }
    let batch = parts[0].shape[1]
    var added = 0
    for (name, place) in [("bias_k", 1), ("bias_v", 2)] where !a.isNone(name) {
      let extra = try a.tensor(name).expanded(to: [1, batch, width])
      parts[place] = try Tensor.concatenated([parts[place], extra], axis: 0)
      added = 1
    }
    if try a.flag("add_zero_attn") {
      let zero = try Tensor.zeros([1, batch, width], dtype: parts[1].dtype)
      for place in 1...2 { parts[place] = try .concatenated([parts[place], zero], axis: 0) }
      added += 1
    }
    // [n, B, width] as [B, heads, n, width / heads].
    let split = try parts.map {
      try $0.reshaped([$0.shape[0], batch, heads, width / heads]).permuted([1, 2, 0, 3])
    }
    let bias = try mask(a, heads, added, split[0].dtype)
    let scale = 1 / (Double(width) / Double(heads)).squareRoot()
    let (joined, weights) = try attended(split, scale, bias, needsWeights: a.flag("need_weights"))
    let rows = try joined.permuted([2, 0, 1, 3]).reshaped([parts[0].shape[0], batch, width])
    var output = try rows.linear(
      weight: a.tensor("out_proj_weight"), bias: a.optionalTensor("out_proj_bias"))
    if isSingle { output = try output.squeezed(1) }
    guard var weights else { return .list([.tensor(output), .none]) }
    if try a.flag("average_attn_weights") { weights = try weights.mean(axes: [1]) }
    return .tensors([output, isSingle ? try weights.squeezed(0) : weights])
  }

  private static func attended(
    _ parts: [Tensor], _ scale: Double, _ bias: Tensor?, needsWeights: Bool
  ) throws -> (Tensor, Tensor?) {
    guard needsWeights else {
      return (
        try parts[0].attention(keys: parts[1], values: parts[2], scale: scale, bias: bias), nil
      )
    }
    var scores = try parts[0].affine(scale: scale).matmul(parts[1].transposed())
    if let bias { scores = try scores + bias }
    let weights = try scores.softmax(axis: 3)
    return (try weights.matmul(parts[2]), weights)
  }

  private static func projected(
    _ a: Arguments, _ x: Tensor, _ place: Int, _ width: Int
  ) throws -> Tensor {
    let bias = try a.optionalTensor("in_proj_bias")?
      .narrowed(0, start: place * width, length: width)
    let weight =
      try a.flag("use_separate_proj_weight")
      ? a.tensor(["q_proj_weight", "k_proj_weight", "v_proj_weight"][place])
      : a.tensor("in_proj_weight").narrowed(0, start: place * width, length: width)
    return try x.linear(weight: weight, bias: bias)
  }

  /// Both masks as one, which true values of conditions hide.
  private static func mask(
    _ a: Arguments, _ heads: Int, _ added: Int, _ dtype: DType
  ) throws -> Tensor? {
    var result: Tensor?
    for name in ["attn_mask", "key_padding_mask"] {
      guard var mask = try a.optionalTensor(name) else { continue }
      mask = try additive(mask, seen: false, dtype).padded([(0, added)])
      switch (name, mask.rank) {
      case ("attn_mask", 2): mask = try mask.unsqueezed(0).unsqueezed(0)
      case ("attn_mask", 3): mask = try mask.unflattened(0, [-1, heads])
      case ("key_padding_mask", 1): mask = try mask.reshaped([1, 1, 1, -1])
      case ("key_padding_mask", 2): mask = try mask.unsqueezed(1).unsqueezed(1)
      default: throw a.wrong(name)
      }
      result = try result.map { try $0 + mask } ?? mask
    }
    return result
  }
}
