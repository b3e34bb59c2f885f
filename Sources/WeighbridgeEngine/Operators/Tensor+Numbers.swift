import WeighbridgeTensors

/// Arithmetic of a tensor and a number, which is taken in the tensor's dtype, as PyTorch does.
extension Tensor {
  public static func + (a: Tensor, b: Double) throws -> Tensor { try a + a.beside(b) }

  public static func + (a: Double, b: Tensor) throws -> Tensor { try b.beside(a) + b }

  public static func - (a: Tensor, b: Double) throws -> Tensor { try a - a.beside(b) }

  public static func - (a: Double, b: Tensor) throws -> Tensor { try b.beside(a) - b }

  public static func * (a: Tensor, b: Double) throws -> Tensor { try a * a.beside(b) }

  public static func * (a: Double, b: Tensor) throws -> Tensor { try b.beside(a) * b }

  public static func / (a: Tensor, b: Double) throws -> Tensor { try a / a.beside(b) }

  public static func / (a: Double, b: Tensor) throws -> Tensor { try b.beside(a) / b }

  /// A number as a tensor of no axes and of this one's dtype.
  ///
  /// - Throws: `unsupported` for a fraction beside whole numbers.
  private func beside(_ value: Double) throws -> Tensor {
    guard dtype.isFloatingPoint || value == value.rounded() else {
      throw WeighbridgeError(.unsupported, "\(value) beside whole numbers of \(dtype)")
    }
    return try Tensor.full([], value, dtype: dtype == .bool ? .int64 : dtype)
  }
}
