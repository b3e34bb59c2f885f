import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights

extension ParameterRequest {
  /// The dtype in which PyTorch registers it.
  package var registeredDType: DType { role == .counter ? .int64 : .float32 }

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

extension Architecture {
  /// What a model of this configuration asks for.
  ///
  /// - Throws: `usage` for values that cannot be or are missing.
  public static func ledger(_ configuration: Configuration) throws -> Ledger {
    try check(configuration)
    return try WeightScope.describe { try Self.init($0, configuration) }
  }
}
