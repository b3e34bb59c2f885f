import WeighbridgeModules

/// How queries, keys and values that one linear map computed side by side become attention's output.
package struct AttentionForm: Sendable, Hashable {
  /// How a row of [..., 3·heads·width] is laid out.
  package enum Layout: Sendable, Hashable {
    /// (q k v, head, feature).
    case partFirst
    /// (head, q k v, feature).
    case headFirst
    /// (q k v, feature, head).
    case featureFirst
  }

  package var heads: Int
  /// The factor of the scores.
  package var scale: Double
  /// Where the query, the key and the value stand.
  package var order = [0, 1, 2]
  package var layout = Layout.partFirst
  /// Whether the softmax runs over the queries instead of the keys.
  package var isOverQueries = false

  /// [B, n, 3·inner] → [B, n, inner]. Queries, keys and values are views of the product.
  package func attended(_ product: Tensor, bias: Tensor?) throws -> Tensor {
    let (batch, length) = (product.shape[0], product.shape[1])
    let split: Tensor
    switch layout {
    case .partFirst:
      split = try product.reshaped([batch, length, 3, heads, -1])
    case .headFirst:
      split = try product.reshaped([batch, length, heads, 3, -1]).transposed(2, 3)
    case .featureFirst:
      split = try product.reshaped([batch, length, 3, -1, heads]).transposed(3, 4)
    }
    let parts = try order.map { try split.selected(2, $0).transposed(1, 2) }
    let out =
      isOverQueries
      ? try overQueries(parts, bias: bias)
      : try parts[0].attention(keys: parts[1], values: parts[2], scale: scale, bias: bias)
    return try out.transposed(1, 2).flattened(from: 2)
  }

  private func overQueries(_ parts: [Tensor], bias: Tensor?) throws -> Tensor {
    var scores = try parts[0].matmul(parts[1].transposed()).affine(scale: scale)
    if let bias { scores = try scores + bias }
    return try scores.softmax(axis: 2).matmul(parts[2])
  }
}
