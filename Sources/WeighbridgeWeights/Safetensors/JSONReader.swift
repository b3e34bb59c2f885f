import WeighbridgeTensors

/// Reads JSON strictly and within bounds: RFC 8259, duplicate keys refused, integers only where they
/// are asked for, nothing nested deeper than `deepest`.
struct JSONReader {
  private var rest: Slice<UnsafeRawBufferPointer>
  private let start: Int

  private static let deepest = 32

  /// - Throws: `malformed` when the bytes are not UTF-8.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    rest = bytes[...]
    start = rest.startIndex
    var validator = UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    loop: while true {
      switch validator.parseScalar(from: &iterator) {
      case .valid: continue
      case .emptyInput: break loop
      case .error: throw WeighbridgeError(.malformed, "the header is not UTF-8 text")
      }
    }
  }

  func failure(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the JSON is wrong at byte \(rest.startIndex - start): \(what)")
  }

  /// Reads an object; `member` reads the value of each key.
  ///
  /// - Parameter repeats: Whether `member` may be called with a key twice.
  mutating func object(
    repeats: Bool = false, _ member: (String, inout JSONReader) throws -> Void
  ) throws {
    try expect(UInt8(ascii: "{"))
    var keys: Set<ExactText> = []
    if take(UInt8(ascii: "}")) { return }
    repeat {
      let key = try string()
      guard repeats || keys.insert(ExactText(key)).inserted else {
        throw failure("the key '\(key.shortened(to: 64))' stands twice")
      }
      try expect(UInt8(ascii: ":"))
      try member(key, &self)
    } while take(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    try expect(UInt8(ascii: "["))
    if take(UInt8(ascii: "]")) { return }
    repeat { try element(&self) } while take(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"))
  }

  /// An integer that fits an `Int`.
  mutating func integer() throws -> Int {
    skipSpace()
    let text = rest.prefix { $0 == UInt8(ascii: "-") || (48...57).contains($0) }
    rest = rest[text.endIndex...]
    let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
    guard digits.count == 1 || digits.first != UInt8(ascii: "0") else {
      throw failure("a number begins with 0")
    }
    if let next = rest.first, ".eE".utf8.contains(next) {
      throw failure("a whole number is expected")
    }
    guard let value = Int(String(decoding: text, as: UTF8.self)) else {
      throw failure("a whole number that fits 64 bits is expected")
    }
    return value
  }

  mutating func string() throws -> String {
    try expect(UInt8(ascii: "\""), "a text")
    var units: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: units, as: UTF8.self)
      case UInt8(ascii: "\\"): units.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw failure("a text holds a control character")
      default: units.append(byte)
      }
    }
    throw failure("a text does not end")
  }

  private mutating func escape() throws -> Unicode.Scalar {
    guard let byte = rest.popFirst() else { throw failure("a text does not end") }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("there is no such escape")
    }
  }

  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    let high = try hexadecimal()
    if (0xd800..<0xdc00).contains(high) {
      guard rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u") else {
        throw failure("half a surrogate pair")
      }
      let low = try hexadecimal()
      guard (0xdc00..<0xe000).contains(low),
        let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
      else { throw failure("half a surrogate pair") }
      return scalar
    }
    guard let scalar = Unicode.Scalar(high) else { throw failure("half a surrogate pair") }
    return scalar
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = rest.popFirst(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw failure("an escape needs four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// Passes over any value.
  mutating func skipValue(depth: Int = 0) throws {
    guard depth < JSONReader.deepest else { throw failure("values are nested too deeply") }
    skipSpace()
    switch rest.first {
    case UInt8(ascii: "{"): try object(repeats: true) { try $1.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["): try array { try $0.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    case let byte? where byte == UInt8(ascii: "-") || (48...57).contains(byte): try skipNumber()
    default:
      let words = ["true", "false", "null"]
      guard words.contains(where: { takeWord($0) }) else { throw failure("a value is expected") }
    }
  }

  /// `-`, an integer without leading zeros, then perhaps a fraction and an exponent, each with digits.
  private mutating func skipNumber() throws {
    _ = takeByte(UInt8(ascii: "-"))
    let first = rest.first
    let count = takeDigits()
    guard count > 0 else { throw failure("a number has no digits") }
    if first == UInt8(ascii: "0"), count > 1 { throw failure("a number begins with 0") }
    if takeByte(UInt8(ascii: ".")), takeDigits() == 0 {
      throw failure("a number has no digits after its point")
    }
    if takeByte(UInt8(ascii: "e")) || takeByte(UInt8(ascii: "E")) {
      _ = takeByte(UInt8(ascii: "+")) || takeByte(UInt8(ascii: "-"))
      guard takeDigits() > 0 else { throw failure("a number has no digits in its exponent") }
    }
  }

  private mutating func takeDigits() -> Int {
    let digits = rest.prefix { (48...57).contains($0) }
    rest = rest[digits.endIndex...]
    return digits.count
  }

  private mutating func takeByte(_ byte: UInt8) -> Bool {
    guard rest.first == byte else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// Takes a word, as a whole.
  mutating func takeWord(_ word: String) -> Bool {
    skipSpace()
    guard rest.starts(with: word.utf8) else { return false }
    let after = rest.dropFirst(word.utf8.count)
    if let next = after.first, (97...122).contains(next) || (48...57).contains(next) {
      return false
    }
    rest = after
    return true
  }

  /// Whether the next value is a text.
  mutating func isAtString() -> Bool {
    skipSpace()
    return rest.first == UInt8(ascii: "\"")
  }

  /// Checks that nothing but space follows.
  mutating func end() throws {
    skipSpace()
    guard rest.isEmpty else { throw failure("text follows the end") }
  }

  private mutating func skipSpace() {
    rest = rest.drop { $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard rest.first == byte else { return false }
    rest = rest.dropFirst()
    return true
  }

  private mutating func expect(_ byte: UInt8, _ what: String? = nil) throws {
    guard take(byte) else {
      throw failure("\(what ?? "'\(Unicode.Scalar(byte))'") is expected")
    }
  }
}

/// Writes JSON texts.
package enum JSONText {
  /// A text in quotes, with what JSON demands escaped.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// An object of texts, its keys sorted.
  package static func object(_ members: [String: String]) -> String {
    let pairs = members.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
    return "{" + pairs.joined(separator: ",") + "}"
  }

  /// Reads an object whose values are all texts; `nil` when it is something else.
  package static func texts(_ json: String) -> [String: String]? {
    var members: [String: String] = [:]
    var json = json
    let isRead = json.withUTF8 { bytes in
      do {
        var reader = try JSONReader(UnsafeRawBufferPointer(bytes))
        try reader.object { members[$0] = try $1.string() }
        try reader.end()
        return true
      } catch {
        return false
      }
    }
    return isRead ? members : nil
  }
}
