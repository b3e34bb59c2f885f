import WeighbridgeModules

/// softmax(q·kᵀ[·scale])·v over [B, (heads,) N, d]: attention itself, without weights.
public struct ScaledDotProductAttention: Architecture {
  public static let id = "scaled_dot_product_attention"
  public static let summary = "softmax(q·kᵀ[·scale])·v of three inputs, without weights"

  public static let keys: [ConfigurationKey] = [
    .init(
      "scale", .optionalNumber, default: ConfigurationValue.none,
      "the factor of the scores; none as in the article: 1")
  ]

  public let path: ModulePath
  /// The factor of the scores; `nil` for none.
  public let scale: Double?

  /// From the key `scale`.
  ///
  /// - Throws: `usage` when the configuration has no value for it.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    path = w.path
    scale = try configuration.optionalNumber("scale")
  }

  /// Without weights there is nothing to recognise.
  public static func recognizes(_ shapes: StateDictShapes) -> Bool { false }

  public func forward(_ input: AttentionInput) throws -> Tensor {
    guard input.query.rank == 3 || input.query.rank == 4 else {
      throw WeighbridgeError(
        .shape, "attention takes [B, N, d] or [B, heads, N, d], got \(input.query.shape)")
    }
    return try input.query.attention(keys: input.key, values: input.value, scale: scale ?? 1)
  }
}

/// Queries [..., n, d], keys [..., m, d] and values [..., m, e].
public struct AttentionInput: TensorBundle {
  /// Queries [..., n, d], keys [..., m, d] and values [..., m, e], in PyTorch's order.
  public var query, key, value: Tensor

  /// All of three axes, [B, n, d], or all of four, [B, heads, n, d].
  public init(query: Tensor, key: Tensor, value: Tensor) {
    (self.query, self.key, self.value) = (query, key, value)
  }

  public var tensors: [Tensor] { [query, key, value] }

  public init(tensors: [Tensor]) throws {
    guard tensors.count == 3 else {
      throw WeighbridgeError(
        .shape, "attention takes queries, keys and values, got \(tensors.count) tensors")
    }
    self.init(query: tensors[0], key: tensors[1], value: tensors[2])
  }
}
