/// Conversions between integers, exact or refused.
extension Tensor {
  /// The elements of a dense integer tensor as another integer dtype; booleans are 0 and 1, and become
  /// so from any integer as "is not zero".
  ///
  /// - Throws: `unsupported` for floating-point elements, and for values beyond the target's range.
  func convertedToInteger(_ target: DType, _ format: MemoryFormat) throws -> Tensor {
    switch target {
    case .int8: try integers(Int8.self, format)
    case .int16: try integers(Int16.self, format)
    case .int32: try integers(Int32.self, format)
    case .int64: try integers(Int64.self, format)
    case .uint8: try integers(UInt8.self, format)
    case .uint16: try integers(UInt16.self, format)
    case .uint32: try integers(UInt32.self, format)
    case .uint64: try integers(UInt64.self, format)
    case .bool: try booleans(format)
    case .float8E4M3, .float8E5M2, .float16, .bfloat16, .float32, .float64:
      throw WeighbridgeError(.unsupported, "cannot convert \(dtype) to \(target)")
    }
  }

  private func integers<Out: TensorElement & FixedWidthInteger>(
    _ type: Out.Type, _ format: MemoryFormat
  ) throws -> Tensor {
    switch dtype {
    case .int8: try exact(Int8.self, type, format)
    case .int16: try exact(Int16.self, type, format)
    case .int32: try exact(Int32.self, type, format)
    case .int64: try exact(Int64.self, type, format)
    case .uint8, .bool: try exact(UInt8.self, type, format)
    case .uint16: try exact(UInt16.self, type, format)
    case .uint32: try exact(UInt32.self, type, format)
    case .uint64: try exact(UInt64.self, type, format)
    case .float8E4M3, .float8E5M2, .float16, .bfloat16, .float32, .float64:
      throw WeighbridgeError(
        .unsupported, "cannot convert \(dtype) to \(Out.dtype) without losing values")
    }
  }

  private func exact<In: TensorElement & FixedWidthInteger, Out: TensorElement & FixedWidthInteger>(
    _ input: In.Type, _ output: Out.Type, _ format: MemoryFormat
  ) throws -> Tensor {
    let (count, isBoolean) = (elementCount, dtype == .bool)
    return try Tensor(shape: shape, format: format) { (output: UnsafeMutableBufferPointer<Out>) in
      try withUnsafeElements { (input: UnsafePointer<In>) in
        for i in 0..<count {
          guard let value = Out(exactly: isBoolean ? (input[i] == 0 ? 0 : 1) : input[i]) else {
            throw WeighbridgeError(
              .unsupported, "the value \(input[i]) does not fit \(Out.dtype)")
          }
          output[i] = value
        }
      }
    }
  }

  /// Whether each element is not zero.
  private func booleans(_ format: MemoryFormat) throws -> Tensor {
    guard !dtype.isFloatingPoint else {
      throw WeighbridgeError(.unsupported, "cannot convert \(dtype) to bool")
    }
    let (count, size) = (elementCount, dtype.byteCount)
    let bytes = try TensorStorage(byteCount: count) { output in
      try withUnsafeBytes(inOrderOf: format) { input in
        for i in 0..<count {
          output[i] = input[(i * size)..<((i + 1) * size)].allSatisfy { $0 == 0 } ? 0 : 1
        }
      }
    }
    return Tensor(
      dtype: .bool, shape: shape, strides: format.strides(of: shape), offset: 0, storage: bytes)
  }

  /// The bytes of a tensor that is dense in the given format, as they lie.
  private func withUnsafeBytes(
    inOrderOf format: MemoryFormat, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try withRawElements { try body(UnsafeRawBufferPointer(start: $0, count: byteCount)) }
  }
}
