import WeighbridgeParallel

/// Conversions between dtypes.
extension Tensor {
  /// The elements as another dtype, in the same layout where it is dense.
  ///
  /// Floating-point values round to nearest, ties to even; values beyond the range of `float16`
  /// become infinite, as in PyTorch. Integers convert to integers exactly.
  ///
  /// - Throws: `shape` for a descriptor, `unsupported` for a float-to-integer conversion, which
  ///   would lose values silently, and for integers that the target does not hold.
  public func converted(to target: DType) throws -> Tensor {
    if dtype == target { return self }
    guard storage != nil else { return Tensor(describing: target, shape: shape) }
    let format = preferredFormat
    let packed = try contiguous(format)
    switch target {
    case .float32: return try packed.mapped(format) { (x: Double) in Float(x) }
    case .float64: return try packed.mapped(format) { (x: Double) in x }
    case .float16:
      return try packed.mapped(format) { (x: Double) in HalfPrecision.float16Bits(Float(x)) }
        .reinterpreted(as: .float16)
    case .bfloat16:
      return try packed.mapped(format) { (x: Double) in HalfPrecision.bfloat16Bits(Float(x)) }
        .reinterpreted(as: .bfloat16)
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool:
      return try packed.convertedToInteger(target, format)
    }
  }

  /// The same bits under another dtype of the same size.
  package func reinterpreted(as other: DType) -> Tensor {
    Tensor(dtype: other, shape: shape, strides: strides, offset: offset, storage: storage)
  }

  /// Every element of a dense tensor through `transform`, by way of double, which holds all floats
  /// and all integers up to 2⁵³ exactly; larger integers round to nearest once here.
  private func mapped<Out: TensorElement>(
    _ format: MemoryFormat, _ transform: @escaping (Double) -> Out
  ) throws -> Tensor {
    switch dtype {
    case .float32: try convertEach(format, { (x: Float) in Double(x) }, transform)
    case .float64: try convertEach(format, { (x: Double) in x }, transform)
    case .float16:
      try convertEach(format, { (x: UInt16) in Double(HalfPrecision.float16(x)) }, transform)
    case .bfloat16:
      try convertEach(format, { (x: UInt16) in Double(HalfPrecision.bfloat16(x)) }, transform)
    case .int8: try convertEach(format, { (x: Int8) in Double(x) }, transform)
    case .int16: try convertEach(format, { (x: Int16) in Double(x) }, transform)
    case .int32: try convertEach(format, { (x: Int32) in Double(x) }, transform)
    case .int64: try convertEach(format, { (x: Int64) in Double(x) }, transform)
    case .uint8: try convertEach(format, { (x: UInt8) in Double(x) }, transform)
    case .uint16: try convertEach(format, { (x: UInt16) in Double(x) }, transform)
    case .uint32: try convertEach(format, { (x: UInt32) in Double(x) }, transform)
    case .uint64: try convertEach(format, { (x: UInt64) in Double(x) }, transform)
    case .bool: try convertEach(format, { (x: UInt8) in x == 0 ? 0 : 1 }, transform)
    }
  }

  @inline(__always)
  private func convertEach<In: TensorElement, Out: TensorElement>(
    _ format: MemoryFormat, _ load: (In) -> Double, _ store: (Double) -> Out
  ) throws -> Tensor {
    let count = elementCount
    return try Tensor(shape: shape, format: format) { (output: UnsafeMutableBufferPointer<Out>) in
      try withUnsafeElements { (input: UnsafePointer<In>) in
        Parallel.forRanges(count, grain: 16384) { range in
          for i in range { output[i] = store(load(input[i])) }
        }
      }
    }
  }
}

/// The 16-bit floating-point formats, bit by bit, so that no hardware support is needed.
package enum HalfPrecision {
  /// The value of IEEE binary16 bits.
  @inline(__always)
  package static func float16(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7fff)
    if magnitude >= 0x7c00 {  // infinite or NaN: all exponent bits set
      return Float(bitPattern: sign | 0x7f80_0000 | ((magnitude & 0x3ff) << 13))
    }
    // Placing the bits in a float's exponent field leaves them 2¹¹² too small, subnormals included.
    let scaled = Float(bitPattern: magnitude << 13) * Float(sign: .plus, exponent: 112, significand: 1)
    return Float(bitPattern: scaled.bitPattern | sign)
  }

  /// The IEEE binary16 bits nearest to a value, ties to even; beyond 65,520 infinite.
  @inline(__always)
  package static func float16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16((bits >> 16) & 0x8000)
    let magnitude = bits & 0x7fff_ffff
    if magnitude > 0x7f80_0000 { return sign | 0x7e00 | UInt16((magnitude >> 13) & 0x3ff) }
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }  // 65,520 and above
    if magnitude < 0x3880_0000 {  // below 2⁻¹⁴: adding ½ lets the hardware round to 2⁻²⁴
      let rounded = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- Float(0.5).bitPattern)
    }
    let rebased = magnitude &- 0x3800_0000
    let odd = (rebased >> 13) & 1
    return sign | UInt16(truncatingIfNeeded: (rebased &+ 0xfff &+ odd) >> 13)
  }

  /// The value of bfloat16 bits.
  @inline(__always)
  package static func bfloat16(_ bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// The bfloat16 bits nearest to a value, ties to even.
  @inline(__always)
  package static func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
  }
}
