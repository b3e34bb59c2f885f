/// The element type of a tensor. Raw values are NumPy's and PyTorch's names.
public enum DType: String, Sendable, Hashable, Codable, CaseIterable {
  /// Eight bits: four of exponent, no infinities, one NaN per sign; up to 448.
  case float8E4M3 = "float8_e4m3fn"
  /// Eight bits: five of exponent, as `float16` with a shorter fraction.
  case float8E5M2 = "float8_e5m2"
  /// IEEE 754's of 16, 32 and 64 bits, and the upper half of a `float32`.
  case float16, bfloat16, float32, float64
  /// With a sign.
  case int8, int16, int32, int64
  /// Without a sign.
  case uint8, uint16, uint32, uint64
  /// A truth value in one byte.
  case bool

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool, .float8E4M3, .float8E5M2: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  /// Whether elements are floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float8E4M3, .float8E5M2, .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// Whether it is floating-point of 16 bits, of which float32 holds every value.
  package var isHalfPrecision: Bool { self == .float16 || self == .bfloat16 }

  /// The dtype of a name as users write it: `float32`, `f32`, `half`, `F32`, …
  public init?(userName: String) {
    let name = userName.lowercased()
    if let exact = DType(rawValue: name) {
      self = exact
      return
    }
    let short: [String: DType] = [
      "f16": .float16, "half": .float16, "bf16": .bfloat16, "f32": .float32, "float": .float32,
      "f64": .float64, "double": .float64, "i8": .int8, "i16": .int16, "i32": .int32,
      "i64": .int64, "u8": .uint8, "u16": .uint16, "u32": .uint32, "u64": .uint64,
    ]
    guard let found = short[name] else { return nil }
    self = found
  }
}

extension DType: CustomStringConvertible {
  public var description: String { rawValue }
}

/// A Swift type whose values are tensor elements as they lie in memory.
public protocol TensorElement: BitwiseCopyable, Sendable {
  /// The dtype whose elements are these values.
  static var dtype: DType { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }
