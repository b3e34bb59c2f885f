import WeighbridgeModules

/// PyTorch's `nn.MultiheadAttention` over [n, B, d], with the same tensor as queries and keys:
/// `in_proj_weight` [3d, d] holds the rows of q, k and v. PyTorch applies `out_proj` without calling
/// it as a module, so it has no activation of its own.
package struct MultiheadAttention: DeclaringModule {
  private static let parts = ["q", "k", "v"]
  private static let inWeight = DeclaredParameter<Self>(
    "in_proj_weight", .linearWeight, \.inWeight, sections: parts)
  private static let inBias = DeclaredParameter<Self>(
    "in_proj_bias", .vector, \.inBias, sections: parts)
  private static let outWeight = DeclaredParameter<Self>(
    "out_proj.weight", .linearWeight, \.outWeight)
  private static let outBias = DeclaredParameter<Self>("out_proj.bias", .vector, \.outBias)
  package static let declared = [inWeight, inBias, outWeight, outBias]

  package let path: ModulePath
  package var heads: Int
  /// The factor of the scores, head width^−½.
  package var scale: Double
  /// Whether the softmax runs over the queries instead of the keys.
  package var isOverQueries = false
  private var inWeight: Tensor { didSet { forget() } }
  private var inBias: Tensor { didSet { forget() } }
  private var outWeight: Tensor { didSet { forget() } }
  package private(set) var outBias: Tensor { didSet { forget() } }
  private var queryCache = OperatorCache()
  private var valueCache = OperatorCache()
  private var outCache = OperatorCache()

  init(_ w: WeightScope, width: Int, heads: Int) throws {
    path = w.path
    self.heads = heads
    scale = MultiheadAttention.scale(width: width, heads: heads)
    inWeight = try w.parameter(Self.inWeight, [3 * width, width])
    inBias = try w.parameter(Self.inBias, [3 * width])
    outWeight = try w.parameter(Self.outWeight, [width, width])
    outBias = try w.parameter(Self.outBias, [width])
  }

  private mutating func forget() {
    (queryCache, valueCache, outCache) = (OperatorCache(), OperatorCache(), OperatorCache())
  }

  package func forward(_ input: SelfAttentionInput) throws -> Tensor {
    let width = outBias.shape[0]
    let (length, batch) = (input.query.shape[0], input.query.shape[1])
    let pair = try input.query.linear(
      weight: inWeight.narrowed(0, start: 0, length: 2 * width),
      bias: inBias.narrowed(0, start: 0, length: 2 * width), cache: queryCache)
    let value = try input.value.linear(
      weight: inWeight.narrowed(0, start: 2 * width, length: width),
      bias: inBias.narrowed(0, start: 2 * width, length: width), cache: valueCache)
    let parts = try (pair.split(2, axis: 2) + [value]).map {
      try $0.reshaped([length, batch, heads, width / heads]).permuted([1, 2, 0, 3])
    }
    let out = try attended(parts, bias: input.bias)
    return try out.permuted([2, 0, 1, 3]).reshaped([length, batch, width])
      .linear(weight: outWeight, bias: outBias, cache: outCache)
  }

  /// Of queries, keys and values [B, heads, n, width].
  private func attended(_ parts: [Tensor], bias: Tensor?) throws -> Tensor {
    guard isOverQueries else {
      return try parts[0].attention(keys: parts[1], values: parts[2], scale: scale, bias: bias)
    }
    var scores = try parts[0].matmul(parts[1].transposed()).affine(scale: scale)
    if let bias { scores = try scores + bias }
    return try scores.softmax(axis: 2).matmul(parts[2])
  }

  package static func scale(width: Int, heads: Int) -> Double {
    1 / (Double(width) / Double(max(1, heads))).squareRoot()
  }
}
