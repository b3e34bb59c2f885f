/// PyTorch's `nn.MultiheadAttention`. PyTorch applies `out_proj` without calling it as a module, so it
/// has no activation of its own.
///
/// Parameters are PyTorch's: `in_proj_weight` [3·width, width] holds the rows of queries, keys and values
/// where all are as wide as the result; else `q_proj_weight`, `k_proj_weight` and `v_proj_weight` do.
public struct MultiheadAttention: Module {
  public let path: ModulePath
  public let kind = "MultiheadAttention"
  /// The number of features of queries and results.
  public let width: Int
  public package(set) var heads: Int
  /// Whether inputs are [B, n, features]; else [n, B, features].
  public let batchFirst: Bool
  private let addsZeroAttention: Bool
  package var scale: Double
  /// For queries, keys and values.
  private var projections: Projections
  private var outWeight: Tensor
  private var outBias: Tensor?
  /// One key and value more for every sample: [1, 1, width].
  private var keyBias, valueBias: Tensor?
  private var outCache = OperatorCache()

  /// The three linear maps in front.
  private struct Projections: Sendable {
    enum Weights: Sendable {
      case joint(Tensor)
      case apart(Tensor, Tensor, Tensor)
    }

    var weights: Weights
    var bias: Tensor?
    private var caches = [OperatorCache(), OperatorCache(), OperatorCache()]

    init(_ weights: Weights, _ bias: Tensor?) { (self.weights, self.bias) = (weights, bias) }

    func apply(_ place: Int, _ x: Tensor, _ width: Int) throws -> Tensor {
      let weight =
        switch weights {
        case .joint(let all): try all.narrowed(0, start: place * width, length: width)
        case .apart(let q, let k, let v): [q, k, v][place]
        }
      let bias = try bias?.narrowed(0, start: place * width, length: width)
      return try x.linear(weight: weight, bias: bias, cache: caches[place])
    }
  }

  /// - Parameters:
  ///   - width: PyTorch's `embed_dim`.
  ///   - heads: The number of heads, which divides `width`.
  ///   - keyWidth: The number of features of keys, PyTorch's `kdim`; `nil` for `width`.
  ///   - valueWidth: Of values, PyTorch's `vdim`; `nil` for `width`.
  ///   - bias: Whether the maps have biases.
  ///   - addsKeyValueBias: PyTorch's `add_bias_kv`: one learned key and value more.
  ///   - addsZeroAttention: PyTorch's `add_zero_attn`: one key and value of zeros more.
  /// - Throws: `usage` when the heads do not divide the width.
  public init(
    _ w: WeightScope, width: Int, heads: Int, keyWidth: Int? = nil, valueWidth: Int? = nil,
    bias: Bool = true, batchFirst: Bool = false, addsKeyValueBias: Bool = false,
    addsZeroAttention: Bool = false
  ) throws {
    guard width > 0, heads > 0, width % heads == 0 else {
      throw WeighbridgeError(
        .usage, "\(heads) heads do not divide the width \(width)", entry: w.path.name)
    }
    path = w.path
    (self.width, self.heads, self.batchFirst) = (width, heads, batchFirst)
    self.addsZeroAttention = addsZeroAttention
    scale = 1 / (Double(width) / Double(heads)).squareRoot()
    let weights: Projections.Weights
    if (keyWidth ?? width) == width, (valueWidth ?? width) == width {
      weights = .joint(try w.parameter("in_proj_weight", .linearWeight, [3 * width, width]))
    } else {
      weights = .apart(
        try w.parameter("q_proj_weight", .linearWeight, [width, width]),
        try w.parameter("k_proj_weight", .linearWeight, [width, keyWidth ?? width]),
        try w.parameter("v_proj_weight", .linearWeight, [width, valueWidth ?? width]))
    }
    projections = Projections(
      weights, bias ? try w.parameter("in_proj_bias", .vector, [3 * width]) : nil)
    if addsKeyValueBias {
      keyBias = try w.parameter("bias_k", .embedding, [1, 1, width])
      valueBias = try w.parameter("bias_v", .embedding, [1, 1, width])
    }
    outWeight = try (w / "out_proj").parameter("weight", .linearWeight, [width, width])
    outBias = bias ? try (w / "out_proj").parameter("bias", .vector, [width]) : nil
  }

  /// The attended values, [n, B, width] or with `batchFirst` [B, n, width].
  ///
  /// - Throws: `shape` when the inputs or masks do not fit.
  public func forward(_ input: MultiheadAttentionInput) throws -> Tensor {
    let parts = try heads(input)
    let bias = try mask(input, keys: parts[1].shape[2])
    return try joined(
      parts[0].attention(keys: parts[1], values: parts[2], scale: scale, bias: bias))
  }

  /// The result and how much each query attends to each key: PyTorch's `need_weights`.
  ///
  /// - Parameter averaging: Whether the weights are the mean over the heads, [B, n, m], PyTorch's
  ///   default; else [B, heads, n, m].
  public func attended(
    _ input: MultiheadAttentionInput, averaging: Bool = true
  ) throws -> (output: Tensor, weights: Tensor) {
    let parts = try heads(input)
    var scores = try parts[0].matmul(parts[1].transposed()).affine(scale: scale)
    if let bias = try mask(input, keys: parts[1].shape[2]) { scores = try scores + bias }
    let weights = try scores.softmax(axis: 3)
    return (
      try joined(weights.matmul(parts[2])), averaging ? try weights.mean(axes: [1]) : weights
    )
  }

  /// Queries, keys and values, [B, heads, n, width / heads].
  private func heads(_ input: MultiheadAttentionInput) throws -> [Tensor] {
    let tensors = [input.query, input.key, input.value]
    guard tensors.allSatisfy({ $0.rank == 3 }) else {
      throw WeighbridgeError(
        .shape, "attention takes [n, B, features], got \(tensors.map(\.shape.description))")
    }
    let inputs = batchFirst ? tensors : try tensors.map { try $0.transposed(0, 1) }
    let batch = inputs[0].shape[0]
    return try inputs.enumerated().map { place, x in
      var part = try projections.apply(place, x, width)
      if let extra = place == 1 ? keyBias : place == 2 ? valueBias : nil {
        let more = try extra.expanded(to: [batch, 1, width])
        part = try Tensor.concatenated([part, more], axis: 1)
      }
      if addsZeroAttention, place > 0 {
        let zero = try Tensor.zeros([batch, 1, width], dtype: x.dtype)
        part = try Tensor.concatenated([part, zero], axis: 1)
      }
      return try part.reshaped([batch, part.shape[1], heads, width / heads]).transposed(1, 2)
    }
  }

  /// Both masks as one bias [B or 1, heads or 1, n or 1, keys]; `nil` where there are none.
  private func mask(_ input: MultiheadAttentionInput, keys: Int) throws -> Tensor? {
    let dtype = input.query.dtype
    func additive(_ mask: Tensor) throws -> Tensor {
      guard mask.dtype == .bool else { return mask }
      return try Tensor.zeros(mask.shape, dtype: dtype).choosing(-.infinity, where: mask)
    }
    func extended(_ mask: Tensor) throws -> Tensor {
      // The keys that were added are always seen.
      let missing = keys - mask.shape[mask.rank - 1]
      guard missing >= 0 else {
        throw WeighbridgeError(.shape, "a mask of \(mask.shape) is too wide for \(keys) keys")
      }
      return missing == 0 ? mask : try mask.padded([(0, missing)])
    }
    var result: Tensor?
    if let mask = try input.attentionMask.map(additive).map(extended) {
      guard mask.rank == 2 || mask.rank == 3 else {
        throw WeighbridgeError(
          .shape, "an attention mask is [n, m] or [B·heads, n, m], not \(mask.shape)")
      }
      result =
        mask.rank == 2
        ? try mask.unsqueezed(0).unsqueezed(0) : try mask.unflattened(0, [-1, heads])
    }
    if let mask = try input.keyPaddingMask.map(additive).map(extended) {
      guard mask.rank == 2 else {
        throw WeighbridgeError(.shape, "a key padding mask is [B, m], not \(mask.shape)")
      }
      let own = try mask.unsqueezed(1).unsqueezed(1)
      result = try result.map { try $0 + own } ?? own
    }
    return result
  }

  /// [B, heads, n, width / heads] through `out_proj`.
  private func joined(_ x: Tensor) throws -> Tensor {
    let rows = try x.transposed(1, 2).reshaped([x.shape[0], x.shape[2], width])
    let result = try rows.linear(weight: outWeight, bias: outBias, cache: outCache)
    return batchFirst ? result : try result.transposed(0, 1)
  }
}

/// What `MultiheadAttention` takes: [n, B, features] or, with `batchFirst`, [B, n, features].
public struct MultiheadAttentionInput: TensorBundle {
  public var query, key, value: Tensor
  /// [n, m] or [B·heads, n, m]: added to the scores, or of `bool`, true where a key is not seen.
  public var attentionMask: Tensor?
  /// [B, m]: the same for every query.
  public var keyPaddingMask: Tensor?

  public init(
    query: Tensor, key: Tensor, value: Tensor, attentionMask: Tensor? = nil,
    keyPaddingMask: Tensor? = nil
  ) {
    (self.query, self.key, self.value) = (query, key, value)
    (self.attentionMask, self.keyPaddingMask) = (attentionMask, keyPaddingMask)
  }

  /// Self-attention.
  public init(_ x: Tensor) { self.init(query: x, key: x, value: x) }

  public var tensors: [Tensor] {
    [query, key, value] + [attentionMask, keyPaddingMask].compactMap { $0 }
  }

  /// Query, key and value, and an attention mask where there is a fourth.
  public init(tensors: [Tensor]) throws {
    guard (3...5).contains(tensors.count) else {
      throw WeighbridgeError(
        .shape, "attention takes queries, keys, values and masks, got \(tensors.count) tensors")
    }
    self.init(
      query: tensors[0], key: tensors[1], value: tensors[2],
      attentionMask: tensors.count > 3 ? tensors[3] : nil,
      keyPaddingMask: tensors.count > 4 ? tensors[4] : nil)
  }
}

extension MultiheadAttention: ParameterizedModule {
  public var parameters: [ModuleParameter] {
    var found: [ModuleParameter]
    switch projections.weights {
    case .joint(let all): found = [.init("in_proj_weight", .linearWeight, all)]
    case .apart(let q, let k, let v):
      found = [
        .init("q_proj_weight", .linearWeight, q), .init("k_proj_weight", .linearWeight, k),
        .init("v_proj_weight", .linearWeight, v),
      ]
    }
    let others: [(String, ParameterRole, Tensor?)] = [
      ("in_proj_bias", .vector, projections.bias), ("bias_k", .embedding, keyBias),
      ("bias_v", .embedding, valueBias), ("out_proj.weight", .linearWeight, outWeight),
      ("out_proj.bias", .vector, outBias),
    ]
    for (name, role, tensor) in others {
      if let tensor { found.append(.init(name, role, tensor)) }
    }
    return found
  }

  public func replacing(_ tensors: [String: Tensor]) -> MultiheadAttention {
    var copy = self
    let weights: Projections.Weights =
      switch projections.weights {
      case .joint(let all): .joint(tensors["in_proj_weight"] ?? all)
      case .apart(let q, let k, let v):
        .apart(
          tensors["q_proj_weight"] ?? q, tensors["k_proj_weight"] ?? k,
          tensors["v_proj_weight"] ?? v)
      }
    copy.projections = Projections(weights, tensors["in_proj_bias"] ?? projections.bias)
    copy.keyBias = tensors["bias_k"] ?? keyBias
    copy.valueBias = tensors["bias_v"] ?? valueBias
    copy.outWeight = tensors["out_proj.weight"] ?? outWeight
    copy.outBias = tensors["out_proj.bias"] ?? outBias
    copy.outCache = OperatorCache()
    return copy
  }
}
