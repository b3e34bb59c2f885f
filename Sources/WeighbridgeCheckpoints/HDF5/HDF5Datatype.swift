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

  private static func isBigEndian(_ type: hid_t) -> Bool { H5Tget_order(type) == H5T_ORDER_BE }

  /// A float by its bit fields: h5py writes float16, and some writers bfloat16, as types of their own.
  private static func float(_ type: hid_t, _ size: Int) -> HDF5Datatype {
    var (sign, exponent, exponentSize, mantissa, mantissaSize) = (0, 0, 0, 0, 0)
    guard H5Tget_fields(type, &sign, &exponent, &exponentSize, &mantissa, &mantissaSize) >= 0,
      mantissa == 0, exponent == mantissaSize, sign == exponent + exponentSize,
      sign == size * 8 - 1, H5Tget_norm(type) == H5T_NORM_IMPLIED
    else { return .other("numbers of an unusual floating-point format") }
    let order = H5Tget_order(type)
    guard order == H5T_ORDER_LE || order == H5T_ORDER_BE else {
      return .other("numbers of an unusual byte order")
    }
    let bias = H5Tget_ebias(type)
    let dtype: DType? =
      switch (size, exponentSize, bias) {
      case (2, 5, 15): .float16
      case (2, 8, 127): .bfloat16
      case (4, 8, 127): .float32
      case (8, 11, 1023): .float64
      default: nil
      }
    guard let dtype else { return .other("floating-point numbers of \(size * 8) bits") }
    return .numbers(dtype, bigEndian: isBigEndian(type))
  }

  private static func integer(_ type: hid_t, _ size: Int) -> HDF5Datatype {
    guard H5Tget_precision(type) == size * 8, H5Tget_offset(type) == 0 else {
      return .other("integers with unused bits")
    }
    let signed = H5Tget_sign(type) == H5T_SGN_2
    let dtype: DType? =
      switch size {
      case 1: signed ? .int8 : .uint8
      case 2: signed ? .int16 : .uint16
      case 4: signed ? .int32 : .uint32
      case 8: signed ? .int64 : .uint64
      default: nil
      }
    guard let dtype else { return .other("integers of \(size * 8) bits") }
    return .numbers(dtype, bigEndian: size > 1 && isBigEndian(type))
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
