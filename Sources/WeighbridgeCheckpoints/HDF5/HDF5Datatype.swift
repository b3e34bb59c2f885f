import WeighbridgeTensors

/// What a dataset's or attribute's elements are.
enum HDF5Datatype: Sendable, Hashable {
  case numbers(DType, bigEndian: Bool)
  /// Text, of a fixed number of bytes or of variable length.
  case text(byteCount: Int?)
  /// Anything else, by its description.
  case other(String)

  /// The bit fields of a floating-point type.
  struct FloatLayout {
    var sign: Int
    var exponent: Int
    var exponentSize: Int
    var mantissa: Int
    var mantissaSize: Int
    var bias: Int
    /// Whether the mantissa's leading 1 is implied.
    var isNormalized: Bool
  }

  /// A float by its bit fields: h5py writes the smaller ones as types of their own. E4M3 is that of the
  /// Open Compute Project, which HDF5 2.0 means by it too: without infinities.
  static func float(size: Int, _ layout: FloatLayout, bigEndian: Bool) -> HDF5Datatype {
    guard layout.mantissa == 0, layout.exponent == layout.mantissaSize,
      layout.sign == layout.exponent + layout.exponentSize, layout.sign == size * 8 - 1,
      layout.isNormalized
    else { return .other("numbers of an unusual floating-point format") }
    let dtype: DType? =
      switch (size, layout.exponentSize, layout.bias) {
      case (1, 4, 7): .float8E4M3
      case (1, 5, 15): .float8E5M2
      case (2, 5, 15): .float16
      case (2, 8, 127): .bfloat16
      case (4, 8, 127): .float32
      case (8, 11, 1023): .float64
      default: nil
      }
    guard let dtype else {
      return .other(
        "floating-point numbers of \(size * 8) bits, \(layout.exponentSize) of them exponent")
    }
    return .numbers(dtype, bigEndian: size > 1 && bigEndian)
  }

  static func integer(
    size: Int, isSigned: Bool, bigEndian: Bool, bitOffset: Int, precision: Int
  ) -> HDF5Datatype {
    guard precision == size * 8, bitOffset == 0 else { return .other("integers with unused bits") }
    let dtype: DType? =
      switch size {
      case 1: isSigned ? .int8 : .uint8
      case 2: isSigned ? .int16 : .uint16
      case 4: isSigned ? .int32 : .uint32
      case 8: isSigned ? .int64 : .uint64
      default: nil
      }
    guard let dtype else { return .other("integers of \(size * 8) bits") }
    return .numbers(dtype, bigEndian: size > 1 && bigEndian)
  }
}
