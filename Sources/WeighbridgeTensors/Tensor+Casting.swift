/// Conversions that may lose something, as `torch.Tensor.to` does.
extension Tensor {
  /// 16-bit values as float32, others as they are.
  package var widened: Tensor {
    dtype.isHalfPrecision ? (try? converted(to: .float32)) ?? self : self
  }

  /// The elements as another dtype, as `torch.Tensor.to`: floating-point numbers lose their fraction
  /// where the target is an integer, and become whether they are not zero where it is `bool`.
  ///
  /// - Throws: `unsupported` for numbers that the target does not hold, which PyTorch leaves undefined:
  ///   NaN, infinities and those beyond its range; what `converted(to:)` throws.
  public func casted(to target: DType) throws -> Tensor {
    guard dtype.isFloatingPoint, !target.isFloatingPoint, storage != nil else {
      return try converted(to: target)
    }
    return try Capture.moving([self], again: { try $0[0].casted(to: target) }) {
      try truncated(to: target)
    }
  }

  /// Floating-point numbers as integers or conditions.
  private func truncated(to target: DType) throws -> Tensor {
    let format = preferredFormat
    let wide = try converted(to: .float64).contiguous(format)
    let count = elementCount
    if target == .bool {
      return try Tensor(shape: shape, format: format) {
        (output: UnsafeMutableBufferPointer<UInt8>) in
        try wide.withUnsafeElements { (input: UnsafePointer<Double>) in
          for i in 0..<count { output[i] = input[i] == 0 ? 0 : 1 }
        }
      }.reinterpreted(as: .bool)
    }
    return try Tensor(shape: shape, format: format) {
      (output: UnsafeMutableBufferPointer<Int64>) in
      try wide.withUnsafeElements { (input: UnsafePointer<Double>) in
        for i in 0..<count {
          guard let value = Int64(exactly: input[i].rounded(.towardZero)) else {
            throw WeighbridgeError(.unsupported, "the value \(input[i]) does not fit \(target)")
          }
          output[i] = value
        }
      }
    }.converted(to: target)
  }
}
