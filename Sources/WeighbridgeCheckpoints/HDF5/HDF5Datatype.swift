import CHDF5
import WeighbridgeTensors

/// What a dataset's or attribute's elements are.
enum HDF5Datatype: Sendable, Hashable {
  case numbers(DType, bigEndian: Bool)
  /// Text, of a fixed number of bytes or of variable length.
  case text(byteCount: Int?)
  /// Anything else, by its description.
  case other(String)

  /// Called inside `HDF5Library.run`.
  init(_ type: hid_t) {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_FLOAT: self = HDF5Datatype.float(type, size)
    case H5T_INTEGER: self = HDF5Datatype.integer(type, size)
    case H5T_ENUM: self = HDF5Datatype.enumeration(type, size)
    case H5T_BITFIELD where size == 1: self = .numbers(.bool, bigEndian: false)
    case H5T_STRING:
      self = .text(byteCount: H5Tis_variable_str(type) > 0 ? nil : size)
    case H5T_COMPOUND: self = .other("records (a compound type)")
    case H5T_VLEN: self = .other("lists of varying length")
    case H5T_REFERENCE: self = .other("references")
    case H5T_OPAQUE: self = .other("raw bytes (an opaque type)")
    case H5T_ARRAY: self = .other("small arrays (an array type)")
    default: self = .other("an unknown type")
    }
  }

  /// The elements' dtype when they are numbers.
  var dtype: DType? {
    if case .numbers(let dtype, _) = self { dtype } else { nil }
  }

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

  /// A float by its bit fields: h5py writes float16, and some writers bfloat16, as types of their own.
  static func float(size: Int, _ layout: FloatLayout, bigEndian: Bool) -> HDF5Datatype {
    guard layout.mantissa == 0, layout.exponent == layout.mantissaSize,
      layout.sign == layout.exponent + layout.exponentSize, layout.sign == size * 8 - 1,
      layout.isNormalized
    else { return .other("numbers of an unusual floating-point format") }
    let dtype: DType? =
      switch (size, layout.exponentSize, layout.bias) {
      case (2, 5, 15): .float16
      case (2, 8, 127): .bfloat16
      case (4, 8, 127): .float32
      case (8, 11, 1023): .float64
      default: nil
      }
    guard let dtype else { return .other("floating-point numbers of \(size * 8) bits") }
    return .numbers(dtype, bigEndian: bigEndian)
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

  private static func isBigEndian(_ type: hid_t) -> Bool { H5Tget_order(type) == H5T_ORDER_BE }

  private static func float(_ type: hid_t, _ size: Int) -> HDF5Datatype {
    var layout = FloatLayout(
      sign: 0, exponent: 0, exponentSize: 0, mantissa: 0, mantissaSize: 0,
      bias: H5Tget_ebias(type), isNormalized: H5Tget_norm(type) == H5T_NORM_IMPLIED)
    let order = H5Tget_order(type)
    guard order == H5T_ORDER_LE || order == H5T_ORDER_BE,
      H5Tget_fields(
        type, &layout.sign, &layout.exponent, &layout.exponentSize, &layout.mantissa,
        &layout.mantissaSize) >= 0
    else { return .other("numbers of an unusual floating-point format") }
    return float(size: size, layout, bigEndian: order == H5T_ORDER_BE)
  }

  private static func integer(_ type: hid_t, _ size: Int) -> HDF5Datatype {
    integer(
      size: size, isSigned: H5Tget_sign(type) == H5T_SGN_2, bigEndian: isBigEndian(type),
      bitOffset: Int(H5Tget_offset(type)), precision: H5Tget_precision(type))
  }

  /// An enumeration: h5py's booleans, one byte with the names FALSE and TRUE; others by their numbers.
  private static func enumeration(_ type: hid_t, _ size: Int) -> HDF5Datatype {
    let base = H5Tget_super(type)
    guard base >= 0 else { return .other("an enumeration") }
    defer { H5Tclose(base) }
    if size == 1, H5Tget_nmembers(type) == 2 {
      var (no, yes): (Int8, Int8) = (1, 0)
      if H5Tenum_valueof(type, "FALSE", &no) >= 0, H5Tenum_valueof(type, "TRUE", &yes) >= 0,
        no == 0, yes == 1
      {
        return .numbers(.bool, bigEndian: false)
      }
    }
    return integer(base, size)
  }
}
