import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights

extension ParameterRequest {
  /// The dtype in which PyTorch registers it.
  package var registeredDType: DType { role.isComputedWith ? .float32 : .int64 }

  /// A line of a state dict's list: name, shape as Python writes it, dtype, and P for a parameter or
  /// B for a buffer, with tabs between.
  package var manifestLine: String {
    let extents = shape.map(String.init).joined(separator: ", ")
    let tuple = shape.rank == 1 ? "(\(extents),)" : "(\(extents))"
    return "\(name)\t\(tuple)\t\(registeredDType)\t\(isBuffer ? "B" : "P")"
  }

  package var json: JSONDocument {
    .members([
      "name": .string(name), "shape": shape.json, "dtype": .string(registeredDType.rawValue),
      "buffer": .boolean(isBuffer), "optional": .boolean(isOptional),
      "dead": deadReason.map { .string($0) } ?? .null,
    ])
  }
}

extension AnyArchitecture {
  /// What a model of this configuration asks for.
  ///
  /// - Throws: `usage` for values that cannot be or are missing.
  public func ledger(_ configuration: Configuration) throws -> Ledger {
    try check(configuration)
    return try WeightScope.describe { try build($0, configuration) }
  }
}

extension Architecture {
  /// What a model of this configuration asks for.
  ///
  /// - Throws: `usage` for values that cannot be or are missing.
  public static func ledger(_ configuration: Configuration) throws -> Ledger {
    try AnyArchitecture(Self.self).ledger(configuration)
  }
}
