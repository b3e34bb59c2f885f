import WeighbridgeTensors

/// Reads JSON strictly and within bounds: RFC 8259, nothing nested deeper than a limit, and keys that
/// stand twice only where the caller wants them. Every reader of JSON here is this one, value by value
/// or as a `JSONDocument`.
package struct JSONReader {
  private var rest: Slice<UnsafeRawBufferPointer>
  private let start: Int
  /// How many arrays and objects are open.
  private var depth = 0
  private let deepest: Int

  /// - Parameter deepest: How many arrays and objects may stand in each other.
  /// - Throws: `malformed` when the bytes are not UTF-8.
  package init(_ bytes: UnsafeRawBufferPointer, deepest: Int = 32) throws {
    rest = bytes[...]
    start = rest.startIndex
    self.deepest = deepest
    var validator = UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    loop: while true {
      switch validator.parseScalar(from: &iterator) {
      case .valid: continue
      case .emptyInput: break loop
      case .error: throw WeighbridgeError(.malformed, "the JSON is not UTF-8 text")
      }
    }
  }

  package func failure(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the JSON is wrong at byte \(rest.startIndex - start): \(what)")
  }

  /// Checks that nothing but space follows.
  package mutating func end() throws {
    skipSpace()
    guard rest.isEmpty else { throw failure("text follows the end") }
  }
}

// Objects and arrays.
extension JSONReader {
  /// Reads an object; `member` reads the value of each key.
  ///
  /// - Parameter repeats: Whether `member` may be called with a key twice.
  package mutating func object(
    repeats: Bool = false, _ member: (String, inout JSONReader) throws -> Void
  ) throws {
    try open(UInt8(ascii: "{"))
    defer { depth -= 1 }
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

  package mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    try open(UInt8(ascii: "["))
    defer { depth -= 1 }
    if take(UInt8(ascii: "]")) { return }
    repeat { try element(&self) } while take(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"))
  }

  private mutating func open(_ byte: UInt8) throws {
    try expect(byte)
    guard depth < deepest else { throw failure("values are nested too deeply") }
    depth += 1
  }

  /// Passes over any value; keys may stand twice in it.
  package mutating func skipValue() throws {
    switch try kind() {
    case .object: try object(repeats: true) { try $1.skipValue() }
    case .array: try array { try $0.skipValue() }
    case .string: _ = try string()
    case .number: _ = try number()
    case .word: _ = try word()
    }
  }
}

// Single values.
extension JSONReader {
  package enum Kind { case object, array, string, number, word }

  /// What the next value is, by its first byte.
  package mutating func kind() throws -> Kind {
    skipSpace()
    switch rest.first {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case let byte? where byte == UInt8(ascii: "-") || (48...57).contains(byte): return .number
    case let byte? where (97...122).contains(byte): return .word
    case nil: throw failure("the text ends too early")
    default: throw failure("a value is expected")
    }
  }

  /// Whether the next value is a text.
  package mutating func isAtString() -> Bool {
    skipSpace()
    return rest.first == UInt8(ascii: "\"")
  }

  /// An integer that fits an `Int`, written without a point or an exponent.
  package mutating func integer() throws -> Int {
    guard try kind() == .number else { throw failure("a whole number is expected") }
    let (text, isWhole) = try number()
    guard isWhole else { throw failure("a whole number is expected") }
    guard let value = Int(text) else {
      throw failure("a whole number that fits 64 bits is expected")
    }
    return value
  }

  /// A number as it is written: `-`, an integer without leading zeros, then perhaps a fraction and an
  /// exponent, each with digits.
  package mutating func number() throws -> (text: String, isWhole: Bool) {
    skipSpace()
    let begin = rest.startIndex
    takeByte("-")
    let first = rest.first
    let count = takeDigits()
    guard count > 0 else { throw failure("a number has no digits") }
    guard first != UInt8(ascii: "0") || count == 1 else { throw failure("a number begins with 0") }
    var isWhole = true
    if takeByte(".") {
      isWhole = false
      guard takeDigits() > 0 else { throw failure("a number has no digits after its point") }
    }
    if takeByte("e") || takeByte("E") {
      isWhole = false
      _ = takeByte("+") || takeByte("-")
      guard takeDigits() > 0 else { throw failure("a number has no digits in its exponent") }
    }
    return (String(decoding: rest.base[begin..<rest.startIndex], as: UTF8.self), isWhole)
  }

  /// `true` or `false`, or `nil` for `null`.
  package mutating func word() throws -> Bool? {
    if takeWord("true") { return true }
    if takeWord("false") { return false }
    guard takeWord("null") else { throw failure("a value is expected") }
    return nil
  }

  /// Takes a word, as a whole.
  package mutating func takeWord(_ word: String) -> Bool {
    skipSpace()
    guard rest.starts(with: word.utf8) else { return false }
    let after = rest.dropFirst(word.utf8.count)
    if let next = after.first, (97...122).contains(next) || (48...57).contains(next) {
      return false
    }
    rest = after
    return true
  }

  package mutating func string() throws -> String {
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
}

// Bytes.
extension JSONReader {
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

  private mutating func takeDigits() -> Int {
    let digits = rest.prefix { (48...57).contains($0) }
    rest = rest[digits.endIndex...]
    return digits.count
  }

  @discardableResult
  private mutating func takeByte(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }
}
