/// A function of the vocabulary: its arguments, and how it runs here.
package struct Function: Sendable {
  package typealias Run = @Sendable (Arguments) throws -> Value

  package let name: String
  /// The names of its arguments, in order.
  package let parameters: [String]
  /// How it runs; `nil` for a function that cannot be run here.
  package let run: Run?

  /// - Parameter signature: `relu(input)`.
  init(_ signature: String, _ run: Run?) {
    let parts = signature.split(whereSeparator: { "(), ".contains($0) }).map(String.init)
    name = parts[0]
    parameters = Array(parts.dropFirst())
    self.run = run
  }

  /// A function that gives a tensor.
  static func tensor(
    _ signature: String, _ run: @escaping @Sendable (Arguments) throws -> Tensor
  ) -> Function {
    Function(signature) { .tensor(try run($0)) }
  }

  /// A function of a tensor alone.
  static func unary(
    _ name: String, _ run: @escaping @Sendable (Tensor) throws -> Tensor
  ) -> Function {
    Function("\(name)(input)") { .tensor(try run($0.floating("input"))) }
  }

  /// A function that is known and cannot be run here.
  static func refused(_ signature: String) -> Function { Function(signature, nil) }
}

/// The functions that recorded networks call: PyTorch's names and meanings. The one table of them.
package enum Vocabulary {
  /// Every function, family by family.
  package static let functions: [Function] =
    convolutions + norms + pooling + activations + arithmetic + elementary + comparisons
    + reductions + orders + products + attention + recurrence + shapes + joining + indexing
    + spatial + made

  private static let byName = Dictionary(functions.map { ($0.name, $0) }) { first, _ in first }

  package static func function(_ name: String) -> Function? { byName[name] }
}

/// What a call computes in.
package struct ComputeContext: Sendable {
  /// The dtype that the model runs in.
  package let dtype: DType
  /// The dtype that the network was recorded in, for which `dtype` stands.
  package let recorded: DType

  /// The dtype that a name of PyTorch's means in this run.
  ///
  /// - Throws: `unsupported` for one that nothing here computes in.
  func dtype(named name: String) throws -> DType {
    let known: [String: DType] = [
      "half": .float16, "float": .float32, "double": .float64, "long": .int64, "int": .int32,
      "short": .int16,
    ]
    guard let dtype = DType(rawValue: name) ?? known[name] else {
      throw WeighbridgeError(.unsupported, "the dtype \(name.shortened())")
    }
    return dtype == recorded && dtype.isFloatingPoint ? self.dtype : dtype
  }
}
