import WeighbridgeTensors
import WeighbridgeWeights

/// The bytes of a pickle, read from front to back.
struct PickleReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position: Int
  /// Longer lines are no names, numbers or texts that a program writes in protocol 0.
  private static let longestLine = 1 << 20

  init(_ bytes: UnsafeRawBufferPointer, at start: Int) {
    self.bytes = bytes
    position = start
  }

  static func malformed(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the pickle is damaged: \(what)", remedy: "Save or download the file again")
  }

  private static let cutOff = malformed("it ends in the middle")

  mutating func byte() throws -> UInt8 {
    guard position < bytes.count else { throw Self.cutOff }
    defer { position += 1 }
    return bytes[position]
  }

  /// The next bytes, as a range of the whole.
  mutating func bytes(_ count: Int) throws -> Range<Int> {
    guard count >= 0, count <= bytes.count - position else { throw Self.cutOff }
    defer { position += count }
    return position..<(position + count)
  }

  /// An unsigned little-endian number of that many bytes.
  mutating func length(_ byteCount: Int) throws -> Int {
    var value: UInt64 = 0
    for index in try bytes(byteCount).reversed() { value = value << 8 | UInt64(bytes[index]) }
    guard let length = Int(exactly: value) else { throw Self.cutOff }
    return length
  }

  /// Text up to a line's end.
  mutating func line() throws -> String {
    let limit = min(bytes.count, position + Self.longestLine)
    var end = position
    while end < limit, bytes[end] != 0x0a { end += 1 }
    guard end < limit else { throw Self.cutOff }
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  mutating func decimal() throws -> Int {
    guard let value = Int(try line()) else { throw Self.malformed("a position is no number") }
    return value
  }

  private mutating func text(_ count: Int) throws -> PickleValue {
    let range = try bytes(count)
    guard let text = String(validating: bytes[range], as: UTF8.self) else { return .bytes(range) }
    return .text(text)
  }

  /// The value of an opcode that stands for itself; `nil` for every other opcode.
  mutating func plainValue(_ opcode: UInt8) throws -> PickleValue? {
    switch opcode {
    case UInt8(ascii: "N"): return PickleValue.none
    case 0x88: return .bool(true)
    case 0x89: return .bool(false)
    case UInt8(ascii: "I"): return try lineInteger()
    case UInt8(ascii: "J"): return .int(Int(Int32(truncatingIfNeeded: try length(4))))
    case UInt8(ascii: "K"): return .int(Int(try byte()))
    case UInt8(ascii: "M"): return .int(try length(2))
    case UInt8(ascii: "L"): return try lineInteger()
    case 0x8a: return try longInteger(Int(byte()))
    case 0x8b: return try longInteger(length(4))
    case UInt8(ascii: "F"):
      guard let value = Double(try line()) else { throw Self.malformed("a number is none") }
      return .float(value)
    case UInt8(ascii: "G"):
      let bits = try bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
      return .float(Double(bitPattern: bits))
    case UInt8(ascii: "S"): return .text(Self.unquoted(try line()))
    case UInt8(ascii: "V"): return .text(try rawUnicodeLine())
    case UInt8(ascii: "T"), UInt8(ascii: "X"): return try text(length(4))
    case UInt8(ascii: "U"), 0x8c: return try text(Int(byte()))
    case 0x8d: return try text(length(8))
    case UInt8(ascii: "B"): return .bytes(try bytes(length(4)))
    case UInt8(ascii: "C"): return .bytes(try bytes(Int(byte())))
    case 0x8e, 0x96: return .bytes(try bytes(length(8)))
    default: return nil
    }
  }

  /// A decimal integer on a line; 00 and 01 are the booleans of protocol 0.
  private mutating func lineInteger() throws -> PickleValue {
    var digits = try line()
    if digits == "00" || digits == "01" { return .bool(digits == "01") }
    if digits.hasSuffix("L") { digits.removeLast() }
    if let value = Int(digits) { return .int(value) }
    let magnitude = digits.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    guard !magnitude.isEmpty, magnitude.allSatisfy({ (48...57).contains($0) }) else {
      throw Self.malformed("an integer is none")
    }
    return .largeInt
  }

  /// A signed little-endian integer.
  private mutating func longInteger(_ count: Int) throws -> PickleValue {
    let range = try bytes(count)
    guard count <= 8 else { return .largeInt }
    var value = range.last.map { bytes[$0] & 0x80 != 0 } == true ? -1 : 0
    for index in range.reversed() { value = value << 8 | Int(bytes[index]) }
    return .int(value)
  }

  /// A line in Python's `raw-unicode-escape`: characters below 256 as bytes, others as `\\u` and four
  /// or `\\U` and eight hexadecimal digits.
  private mutating func rawUnicodeLine() throws -> String {
    var text = ""
    let start = position
    _ = try line()
    var index = start
    while index < position - 1 {
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < position - 1,
        let digits = [UInt8(ascii: "u"): 4, UInt8(ascii: "U"): 8][bytes[index + 1]],
        index + 2 + digits < position,
        let value = UInt32(
          String(decoding: bytes[(index + 2)..<(index + 2 + digits)], as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(value)
      {
        text.unicodeScalars.append(scalar)
        index += 2 + digits
      } else {
        text.unicodeScalars.append(Unicode.Scalar(bytes[index]))
        index += 1
      }
    }
    return text
  }

  private static func unquoted(_ text: String) -> String {
    guard let quote = text.first, quote == "'" || quote == "\"", text.count >= 2 else {
      return text
    }
    return String(text.dropFirst().dropLast())
  }
}
