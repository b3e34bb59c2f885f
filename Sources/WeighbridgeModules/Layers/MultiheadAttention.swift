/// PyTorch's `nn.MultiheadAttention`. PyTorch applies `out_proj` without calling it as a module, so it
/// has no activation of its own.
///
/// Parameters are PyTorch's: `in_proj_weight` [3·width, width] holds the rows of queries, keys and values
/// where all are as wide as the result; else `q_proj_weight`, `k_proj_weight` and `v_proj_weight` do.
public struct MultiheadAttention: DeclaringModule {
  public let path: ModulePath
  /// PyTorch's class name.
  public let kind = "MultiheadAttention"
  /// The number of features of queries and results.
  public let width: Int
  /// PyTorch's `num_heads`: each has width/heads features.
  public package(set) var heads: Int
  /// Whether inputs are [B, n, features]; else [n, B, features].
  public let batchFirst: Bool
  private let addsZeroAttention: Bool
  package var scale: Double
  /// For queries, keys and values.
  private var projections: Projections
  private var outWeight: Tensor { didSet { outCache = OperatorCache() } }
  private var outBias: Tensor? { didSet { outCache = OperatorCache() } }
  /// One key and value more for every sample: [1, 1, width].
  private var keyBias, valueBias: Tensor?
  private var outCache = OperatorCache()

  /// The three linear maps in front.
  private struct Projections: Sendable {
    enum Weights: Sendable {
      case joint(Tensor)
      case apart(Tensor, Tensor, Tensor)
    }

    private var weights: Weights { didSet { forget() } }
    var bias: Tensor? { didSet { forget() } }
    private var caches = [OperatorCache(), OperatorCache(), OperatorCache()]

    init(_ weights: Weights, _ bias: Tensor?) { (self.weights, self.bias) = (weights, bias) }

    private mutating func forget() {
      caches = [OperatorCache(), OperatorCache(), OperatorCache()]
    }

    /// The rows of all three, where they stand in one tensor.
    var joint: Tensor? {
      get { if case .joint(let all) = weights { all } else { nil } }
      set { if let newValue { weights = .joint(newValue) } }
    }

    /// The map at a place, where they stand apart.
    subscript(place: Int) -> Tensor? {
      get { if case .apart(let q, let k, let v) = weights { [q, k, v][place] } else { nil } }
      set {
        guard case .apart(let q, let k, let v) = weights, let newValue else { return }
        var all = [q, k, v]
        all[place] = newValue
        weights = .apart(all[0], all[1], all[2])
      }
    }

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
  ///   - batchFirst: Whether inputs and result are [B, n, features]; else [n, B, features].
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
      weights = .joint(try w.parameter(Self.inWeight, [3 * width, width]))
    } else {
      weights = .apart(
        try w.parameter(Self.queryWeight, [width, width]),
        try w.parameter(Self.keyWeight, [width, keyWidth ?? width]),
        try w.parameter(Self.valueWeight, [width, valueWidth ?? width]))
    }
    projections = Projections(
      weights, bias ? try w.parameter(Self.inBias, [3 * width]) : nil)
    if addsKeyValueBias {
      keyBias = try w.parameter(Self.keyBias, [1, 1, width])
      valueBias = try w.parameter(Self.valueBias, [1, 1, width])
    }
    outWeight = try w.parameter(Self.outWeight, [width, width])
    outBias = bias ? try w.parameter(Self.outBias, [width]) : nil
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
  /// Queries [n, B, width], keys and values [m, B, …], or with the batch first. Keys and values are
  /// as wide as PyTorch's `kdim` and `vdim`.
  public var query, key, value: Tensor
  /// [n, m] or [B·heads, n, m]: added to the scores, or of `bool`, true where a key is not seen.
  public var attentionMask: Tensor?
  /// [B, m]: the same for every query.
  public var keyPaddingMask: Tensor?

  /// - Parameters:
  ///   - attentionMask: PyTorch's `attn_mask`.
  ///   - keyPaddingMask: PyTorch's `key_padding_mask`.
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

extension MultiheadAttention {
  private static let inWeight = DeclaredParameter<Self>(
    "in_proj_weight", .linearWeight, ifPresent: \.projections.joint)
  private static let queryWeight = DeclaredParameter<Self>(
    "q_proj_weight", .linearWeight, ifPresent: \.projections[0])
  private static let keyWeight = DeclaredParameter<Self>(
    "k_proj_weight", .linearWeight, ifPresent: \.projections[1])
  private static let valueWeight = DeclaredParameter<Self>(
    "v_proj_weight", .linearWeight, ifPresent: \.projections[2])
  private static let inBias = DeclaredParameter<Self>(
    "in_proj_bias", .vector, ifPresent: \.projections.bias)
  private static let keyBias = DeclaredParameter<Self>(
    "bias_k", .embedding, ifPresent: \.keyBias)
  private static let valueBias = DeclaredParameter<Self>(
    "bias_v", .embedding, ifPresent: \.valueBias)
  private static let outWeight = DeclaredParameter<Self>(
    "out_proj.weight", .linearWeight, \.outWeight)
  private static let outBias = DeclaredParameter<Self>(
    "out_proj.bias", .vector, ifPresent: \.outBias)
  /// In the order of PyTorch's state dict; a layer has those that its arguments call for.
  public static let declared = [
    inWeight, queryWeight, keyWeight, valueWeight, inBias, keyBias, valueBias, outWeight, outBias,
  ]
}
