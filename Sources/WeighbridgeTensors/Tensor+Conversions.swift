import WeighbridgeParallel

/// Conversions between dtypes.
extension Tensor {
  /// The elements as another dtype, in the same layout where it is dense.
  ///
  /// Floating-point values round to nearest, ties to even; values beyond the range of `float16`
  /// become infinite, as in PyTorch. Integers convert to integers exactly.
  ///
  /// - Throws: `shape` for a descriptor, `unsupported` for a float-to-integer conversion, which
  ///   would lose values silently, for integers that the target does not hold, and for 8-bit
  ///   floating point as the target.
  public func converted(to target: DType) throws -> Tensor {
    if dtype == target { return self }
    guard storage != nil else { return Tensor(describing: target, shape: shape) }
    return try Capture.moving([self], again: { try $0[0].converted(to: target) }) {
      try RunLog.moving("convert", shape: \.shape) { try encoded(as: target) }
    }
  }

  private func encoded(as target: DType) throws -> Tensor {
    let format = preferredFormat
    let packed = try contiguous(format)
    switch target {
    case .float32: return try packed.encoded(Float32Code.self, format)
    case .float64: return try packed.encoded(Float64Code.self, format)
    case .float16: return try packed.encoded(Float16Code.self, format).reinterpreted(as: .float16)
    case .bfloat16:
      return try packed.encoded(BFloat16Code.self, format).reinterpreted(as: .bfloat16)
    case .float8E4M3, .float8E5M2:
      throw WeighbridgeError(
        .unsupported, "cannot convert \(dtype) to \(target), which is read only",
        remedy: "Use float16, bfloat16 or float32")
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool:
      return try packed.convertedToInteger(target, format)
    }
  }

  /// The same bits under another dtype of the same size.
  package func reinterpreted(as other: DType) -> Tensor {
    Tensor(dtype: other, shape: shape, strides: strides, offset: offset, storage: storage)
  }

  /// Every element of a dense tensor in another code.
  private func encoded<Target: NumberEncoder>(
    _ target: Target.Type, _ format: MemoryFormat
  ) throws -> Tensor {
    switch dtype {
    case .float32: try encoded(target, from: Float32Code.self, format)
    case .float64: try encoded(target, from: Float64Code.self, format)
    case .float16: try encoded(target, from: Float16Code.self, format)
    case .bfloat16: try encoded(target, from: BFloat16Code.self, format)
    case .float8E4M3: try encoded(target, from: Float8E4M3Code.self, format)
    case .float8E5M2: try encoded(target, from: Float8E5M2Code.self, format)
    case .int8: try encoded(target, from: IntegerCode<Int8>.self, format)
    case .int16: try encoded(target, from: IntegerCode<Int16>.self, format)
    case .int32: try encoded(target, from: IntegerCode<Int32>.self, format)
    case .int64: try encoded(target, from: IntegerCode<Int64>.self, format)
    case .uint8: try encoded(target, from: IntegerCode<UInt8>.self, format)
    case .uint16: try encoded(target, from: IntegerCode<UInt16>.self, format)
    case .uint32: try encoded(target, from: IntegerCode<UInt32>.self, format)
    case .uint64: try encoded(target, from: IntegerCode<UInt64>.self, format)
    case .bool: try encoded(target, from: BooleanCode.self, format)
    }
  }

  private func encoded<Target: NumberEncoder, Source: NumberDecoder>(
    _ target: Target.Type, from source: Source.Type, _ format: MemoryFormat
  ) throws -> Tensor {
    let count = elementCount
    return try Tensor(shape: shape, format: format) {
      (output: UnsafeMutableBufferPointer<Target.Bits>) in
      guard count > 0, let output = output.baseAddress else { return }
      try withUnsafeElements { (input: UnsafePointer<Source.Bits>) in
        Parallel.forRanges(count, grain: 32768) { range in
          encodeRun(
            input + range.lowerBound, output + range.lowerBound, range.count, source, target)
        }
      }
    }
  }
}

private func encodeRun<Source: NumberDecoder, Target: NumberEncoder>(
  _ input: UnsafePointer<Source.Bits>, _ output: UnsafeMutablePointer<Target.Bits>, _ count: Int,
  _ source: Source.Type, _ target: Target.Type
) {
  for i in 0..<count { output[i] = Target.encode(input[i], source) }
}

/// How the bits of an element stand for a number.
private protocol NumberDecoder {
  associatedtype Bits: TensorElement
  /// The nearest float32, rounded once.
  static func float(_ bits: Bits) -> Float
  /// The nearest float64, rounded once.
  static func double(_ bits: Bits) -> Double
}

/// How a number becomes the bits of an element.
private protocol NumberEncoder {
  associatedtype Bits: TensorElement
  static func encode<Source: NumberDecoder>(_ bits: Source.Bits, _: Source.Type) -> Bits
}

private enum Float32Code: NumberDecoder, NumberEncoder {
  @inline(__always) static func float(_ bits: Float) -> Float { bits }
  @inline(__always) static func double(_ bits: Float) -> Double { Double(bits) }
  @inline(__always) static func encode<S: NumberDecoder>(_ bits: S.Bits, _: S.Type) -> Float {
    S.float(bits)
  }
}

private enum Float64Code: NumberDecoder, NumberEncoder {
  @inline(__always) static func float(_ bits: Double) -> Float { Float(bits) }
  @inline(__always) static func double(_ bits: Double) -> Double { bits }
  @inline(__always) static func encode<S: NumberDecoder>(_ bits: S.Bits, _: S.Type) -> Double {
    S.double(bits)
  }
}

/// Numbers become 16-bit ones by way of float32, as in PyTorch.
private enum Float16Code: NumberDecoder, NumberEncoder {
  @inline(__always) static func float(_ bits: UInt16) -> Float { HalfPrecision.float16(bits) }
  @inline(__always) static func double(_ bits: UInt16) -> Double { Double(float(bits)) }
  @inline(__always) static func encode<S: NumberDecoder>(_ bits: S.Bits, _: S.Type) -> UInt16 {
    HalfPrecision.float16Bits(S.float(bits))
  }
}

private enum BFloat16Code: NumberDecoder, NumberEncoder {
  @inline(__always) static func float(_ bits: UInt16) -> Float { HalfPrecision.bfloat16(bits) }
  @inline(__always) static func double(_ bits: UInt16) -> Double { Double(float(bits)) }
  @inline(__always) static func encode<S: NumberDecoder>(_ bits: S.Bits, _: S.Type) -> UInt16 {
    HalfPrecision.bfloat16Bits(S.float(bits))
  }
}

private enum Float8E4M3Code: NumberDecoder {
  @inline(__always) static func float(_ bits: UInt8) -> Float { EightBits.float8E4M3(bits) }
  @inline(__always) static func double(_ bits: UInt8) -> Double { Double(float(bits)) }
}

private enum Float8E5M2Code: NumberDecoder {
  @inline(__always) static func float(_ bits: UInt8) -> Float { EightBits.float8E5M2(bits) }
  @inline(__always) static func double(_ bits: UInt8) -> Double { Double(float(bits)) }
}

private enum IntegerCode<Integer: TensorElement & FixedWidthInteger>: NumberDecoder {
  @inline(__always) static func float(_ bits: Integer) -> Float { Float(bits) }
  @inline(__always) static func double(_ bits: Integer) -> Double { Double(bits) }
}

private enum BooleanCode: NumberDecoder {
  @inline(__always) static func float(_ bits: UInt8) -> Float { bits == 0 ? 0 : 1 }
  @inline(__always) static func double(_ bits: UInt8) -> Double { bits == 0 ? 0 : 1 }
}

/// The 16-bit floating-point formats, bit by bit, so that no hardware support is needed.
package enum HalfPrecision {
  /// The value of IEEE binary16 bits.
  @inline(__always)
  package static func float16(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) &<< 16
    let magnitude = UInt32(bits & 0x7fff)
    // Placing the bits in a float's exponent field leaves them 2¹¹² too small, subnormals included.
    let scaled = Float(bitPattern: magnitude &<< 13) * 0x1p112
    // Infinities and NaN have all exponent bits set in either format.
    let exponent: UInt32 = magnitude >= 0x7c00 ? 0x7f80_0000 : 0
    return Float(bitPattern: scaled.bitPattern | exponent | sign)
  }

  /// The IEEE binary16 bits nearest to a value, ties to even; from 65,520 on infinite.
  @inline(__always)
  package static func float16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = (bits &>> 16) & 0x8000
    let magnitude = bits & 0x7fff_ffff
    let rebased = magnitude &- 0x3800_0000
    let normal = (rebased &+ 0xfff &+ ((rebased &>> 13) & 1)) &>> 13
    // Below 2⁻¹⁴ adding ½ has the hardware round to a multiple of 2⁻²⁴.
    let rounded = Float(bitPattern: magnitude) + 0.5
    let subnormal = rounded.bitPattern &- 0x3f00_0000
    let finite = magnitude < 0x3880_0000 ? subnormal : normal
    let nan = 0x7e00 | ((magnitude &>> 13) & 0x3ff)
    let limited = magnitude >= 0x477f_f000 ? 0x7c00 : finite
    return UInt16(truncatingIfNeeded: sign | (magnitude > 0x7f80_0000 ? nan : limited))
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
    let rounded = (bits &+ 0x7fff &+ ((bits &>> 16) & 1)) &>> 16
    let nan = (bits &>> 16) | 0x40
    return UInt16(truncatingIfNeeded: bits & 0x7fff_ffff > 0x7f80_0000 ? nan : rounded)
  }
}

/// The 8-bit floating-point formats. Source: Micikevicius et al., "FP8 Formats for Deep Learning"
/// (2022); the one with four exponent bits is its finite form, PyTorch's `float8_e4m3fn`.
package enum EightBits {
  /// The value of E4M3 bits.
  @inline(__always)
  package static func float8E4M3(_ bits: UInt8) -> Float {
    let sign = UInt32(bits & 0x80) &<< 24
    let magnitude = UInt32(bits & 0x7f)
    // Placing the bits in a float's exponent field leaves them 2¹²⁰ too small, subnormals included.
    let scaled = Float(bitPattern: magnitude &<< 20) * 0x1p120
    let nan: UInt32 = magnitude == 0x7f ? 0x7fc0_0000 : 0
    return Float(bitPattern: scaled.bitPattern | nan | sign)
  }

  /// The value of E5M2 bits: those of a float16 whose lower byte is 0.
  @inline(__always)
  package static func float8E5M2(_ bits: UInt8) -> Float {
    HalfPrecision.float16(UInt16(bits) &<< 8)
  }
}
