import WeighbridgeModules

/// The greatest distance of two tensors' elements; infinite where their shapes differ.
public func farthest(_ a: Tensor, _ b: Tensor) throws -> Double {
  guard a.shape == b.shape else { return .infinity }
  return try zip(a.elements(as: Double.self), b.elements(as: Double.self))
    .map { abs($0 - $1) }.max() ?? 0
}
