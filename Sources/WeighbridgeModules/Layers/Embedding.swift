/// PyTorch's `nn.Embedding`: integers of any shape […] → […, features], row i of a table for each i.
public struct Embedding: DeclaringModule {
  private static let weight = DeclaredParameter<Embedding>("weight", .table, \.weight)
  /// `weight`.
  public static let declared = [weight]

  public let path: ModulePath
  /// [count, features].
  public private(set) var weight: Tensor

  /// A table with a row for each of 0 ..< `count`.
  ///
  /// - Parameters:
  ///   - count: PyTorch's `num_embeddings`.
  ///   - features: PyTorch's `embedding_dim`.
  public init(_ w: WeightScope, count: Int, features: Int) throws {
    path = w.path
    weight = try w.parameter(Self.weight, [count, features])
  }

  /// - Throws: `shape` for an index that the table does not have, `unsupported` for indices that are no
  ///   integers.
  public func forward(_ indices: Tensor) throws -> Tensor {
    if let negative = try indices.firstNegative() {
      throw WeighbridgeError(.shape, "a table has no row \(negative)")
    }
    return try weight.indexed(0, by: indices)
  }
}

extension Tensor {
  /// The first negative integer, which PyTorch's tables refuse.
  fileprivate func firstNegative() throws -> Int64? {
    guard !dtype.isFloatingPoint, dtype != .bool, !isDescriptor else { return nil }
    return try elements(as: Int64.self).first { $0 < 0 }
  }
}
