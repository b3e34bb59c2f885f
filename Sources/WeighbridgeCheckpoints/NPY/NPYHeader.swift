import WeighbridgeTensors
import WeighbridgeWeights

/// The header of a NumPy array file, versions 1 to 3: a magic number, and a Python dictionary literal
/// with the element type, the order and the shape.
///
/// Source: NumPy's `numpy.lib.format`, "NEP 1 — A simple file format for NumPy arrays".
struct NPYHeader: Sendable, Hashable {
  /// What the elements are.
  enum Elements: Sendable, Hashable {
    case numbers(DType, bigEndian: Bool)
    /// Text of `length` UTF-32 units.
    case unicode(length: Int, bigEndian: Bool)
    /// Text of `length` bytes.
    case bytes(length: Int)
    /// Pickled Python objects.
    case objects
    /// Anything else, by its description.
    case other(String)
  }

  var elements: Elements
  var isFortranOrder: Bool
  var shape: Shape
  /// Where the elements begin, from the start of the header.
  var dataOffset: Int

  static let magic: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
  /// How much of a file always suffices to learn the header's length.
  static let prefixLength = 12
  /// No header that NumPy writes for a plain array comes near this.
  static let maximumLength = 1 << 16

  /// The size of one element in bytes, where it is known.
  var elementSize: Int? {
    switch elements {
    case .numbers(let dtype, _): dtype.byteCount
    case .unicode(let length, _): length.multipliedReportingOverflow(by: 4).partialValue
    case .bytes(let length): length
    case .objects, .other: nil
    }
  }

  /// The header's whole length, from the first `prefixLength` bytes of a file.
  static func length(prefix bytes: UnsafeRawBufferPointer) throws -> Int {
    guard bytes.count >= 10, bytes.starts(with: magic) else {
      throw WeighbridgeError(.malformed, "is no NumPy array: its magic number is missing")
    }
    let total: Int
    switch bytes[6] {
    case 1:
      total = 10 + Int(bytes.littleEndian(at: 8, as: UInt16.self) ?? 0)
    case 2, 3:
      guard let length = bytes.littleEndian(at: 8, as: UInt32.self) else {
        throw WeighbridgeError(.malformed, "the NumPy header is cut off")
      }
      total = 12 + Int(length)
    default:
      throw WeighbridgeError(
        .unsupported, "is a NumPy array of format version \(bytes[6]).\(bytes[7])",
        remedy: "Versions 1 to 3 are read")
    }
    guard total <= maximumLength else {
      throw WeighbridgeError(.malformed, "the NumPy header claims to be \(total) bytes long")
    }
    return total
  }

  /// Parses a header at the start of `bytes`.
  ///
  /// - Throws: `malformed` when it is cut off or not what NumPy writes.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    let total = try NPYHeader.length(prefix: bytes)
    let start = bytes[6] == 1 ? 10 : 12
    guard total <= bytes.count, start <= total else {
      throw WeighbridgeError(.malformed, "the NumPy header is cut off")
    }
    var parser = PythonLiteralParser(bytes[start..<total])
    self = try parser.header(dataOffset: total)
  }

  init(elements: Elements, isFortranOrder: Bool, shape: Shape, dataOffset: Int) {
    self.elements = elements
    self.isFortranOrder = isFortranOrder
    self.shape = shape
    self.dataOffset = dataOffset
  }
}

extension NPYHeader.Elements {
  /// The elements of a NumPy type string such as `<f4`.
  init(typeString: String) throws {
    var rest = Substring(typeString)
    var bigEndian = false
    if let first = rest.first, "<>|=".contains(first) {
      bigEndian = first == ">"
      rest = rest.dropFirst()
    }
    guard let kind = rest.first else {
      throw WeighbridgeError(.malformed, "the NumPy type '\(typeString)' is not one")
    }
    let digits = rest.dropFirst()
    if kind == "O" {
      self = .objects
      return
    }
    if kind == "M" || kind == "m" {
      self = .other("dates or times ('\(typeString)')")
      return
    }
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let size = Int(digits.isEmpty ? "1" : digits),
      size <= 1 << 32
    else { throw WeighbridgeError(.malformed, "the NumPy type '\(typeString)' is not one") }
    if let dtype = Self.dtype(kind, size) {
      self = .numbers(dtype, bigEndian: bigEndian && size > 1)
      return
    }
    switch kind {
    // What NumPy writes for ml_dtypes' bfloat16: raw bytes with an order, which raw bytes have not.
    case "V" where size == 2 && typeString.utf8.first == UInt8(ascii: "<"):
      self = .numbers(.bfloat16, bigEndian: false)
    case "U": self = .unicode(length: size, bigEndian: bigEndian)
    case "S", "a": self = .bytes(length: size)
    case "c": self = .other("complex numbers ('\(typeString)')")
    case "V": self = .other("raw bytes or records ('\(typeString)')")
    case "f", "i", "u", "b": self = .other("numbers of an unusual size ('\(typeString)')")
    default: throw WeighbridgeError(.malformed, "the NumPy type '\(typeString)' is not one")
    }
  }

  private static func dtype(_ kind: Character, _ size: Int) -> DType? {
    switch (kind, size) {
    case ("f", 2): .float16
    case ("f", 4): .float32
    case ("f", 8): .float64
    case ("i", 1): .int8
    case ("i", 2): .int16
    case ("i", 4): .int32
    case ("i", 8): .int64
    case ("u", 1): .uint8
    case ("u", 2): .uint16
    case ("u", 4): .uint32
    case ("u", 8): .uint64
    case ("b", 1), ("?", 1): .bool
    default: nil
    }
  }
}
