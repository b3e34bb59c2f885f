import WeighbridgeModules

extension Tensor {
  /// The values of a mask: bool, or numbers that are all 0 or 1.
  ///
  /// - Parameters:
  ///   - name: What the mask is called in an error.
  ///   - meaning: What 1 means there.
  /// - Throws: `shape` for other values, as an additive mask of 0 and −∞ has them.
  func maskValues(_ name: String, _ meaning: String) throws -> [Bool] {
    try elements(as: Double.self).map { value in
      guard value == 0 || value == 1 else {
        throw WeighbridgeError(
          .shape, "the \(name) holds \(value); it must be bool, or 0 and 1 (1: \(meaning))",
          remedy: "Give a bool mask; an additive one is -inf where a bool one excludes")
      }
      return value == 1
    }
  }
}
