import WeighbridgeTensors

extension JSONDocument {
  /// The document in a text, by RFC 8259: nothing more, nothing less.
  ///
  /// - Throws: `malformed` naming the byte; also for a key that is there twice, and for nesting
  ///   deeper than 200.
  package init(parsing text: String) throws {
    var parser = JSONParser(bytes: Array(text.utf8))
    self = try parser.document()
  }

  /// The member of an object.
  package subscript(key: String) -> JSONDocument? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  package var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  var depth = 0

  mutating func document() throws -> JSONDocument {
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw failure("something follows the document") }
    return value
  }

  private mutating func value() throws -> JSONDocument {
    skipSpace()
    guard position < bytes.count else { throw failure("the text ends too early") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try nested { try $0.object() }
    case UInt8(ascii: "["): return try nested { try $0.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws -> JSONDocument
  ) throws -> JSONDocument {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 200 else { throw failure("is nested too deeply") }
    position += 1
    return try body(&self)
  }

  private mutating func object() throws -> JSONDocument {
    var members: [JSONDocument.Member] = []
    var keys: Set<ExactText> = []
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw failure("a key is missing")
      }
      let key = try string()
      guard keys.insert(ExactText(key)).inserted else {
        throw failure("the key '\(key.shortened(to: 64))' is there twice")
      }
      guard take(":") else { throw failure("a colon is missing") }
      members.append(.init(key, try value()))
    } while take(",")
    guard take("}") else { throw failure("an object is not closed") }
    return .object(members)
  }

  private mutating func array() throws -> JSONDocument {
    var values: [JSONDocument] = []
    if take("]") { return .array([]) }
    repeat { values.append(try value()) } while take(",")
    guard take("]") else { throw failure("an array is not closed") }
    return .array(values)
  }

  private mutating func string() throws -> String {
    position += 1
    var result: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &result)
      case 0..<0x20: throw failure("a control character in a string")
      default: result.append(byte)
      }
    }
    throw failure("a string is not closed")
  }

  private mutating func escape(into result: inout [UInt8]) throws {
    guard position < bytes.count else { throw failure("a string is not closed") }
    let mark = bytes[position]
    position += 1
    switch mark {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(mark)
    case UInt8(ascii: "n"): result.append(0x0a)
    case UInt8(ascii: "r"): result.append(0x0d)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0c)
    case UInt8(ascii: "u"):
      var code = try hex()
      if (0xd800..<0xdc00).contains(code), position + 1 < bytes.count,
        bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
      {
        position += 2
        let low = try hex()
        guard (0xdc00..<0xe000).contains(low) else { throw failure("half a surrogate pair") }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair") }
      result += Array(String(Character(scalar)).utf8)
    default: throw failure("an escape that JSON does not have")
    }
  }

  private mutating func hex() throws -> UInt32 {
    guard position + 4 <= bytes.count else { throw failure("a string is not closed") }
    var code: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("an escape that JSON does not have")
      }
      code = code * 16 + UInt32(digit)
    }
    position += 4
    return code
  }

  /// `-`, an integer without leading zeros, then perhaps a fraction and an exponent, each with digits.
  private mutating func number() throws -> JSONDocument {
    let start = position
    _ = skip("-")
    let isZero = position < bytes.count && bytes[position] == UInt8(ascii: "0")
    let digits = skipDigits()
    guard digits > 0 else {
      throw failure(position == start ? "a value is missing" : "a number has no digits")
    }
    guard !isZero || digits == 1 else { throw failure("a number begins with 0") }
    var isWhole = true
    if skip(".") {
      isWhole = false
      guard skipDigits() > 0 else { throw failure("a number has no digits after its point") }
    }
    if skip("e") || skip("E") {
      isWhole = false
      _ = skip("+") || skip("-")
      guard skipDigits() > 0 else { throw failure("a number has no digits in its exponent") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let integer = Int(text) { return .integer(integer) }
    guard let value = Double(text), value.isFinite else {
      throw failure("the number '\(text.shortened(to: 64))' is too large")
    }
    return .number(value)
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while position < bytes.count, (48...57).contains(bytes[position]) { position += 1 }
    return position - start
  }

  private mutating func word(_ word: String, _ value: JSONDocument) throws -> JSONDocument {
    let letters = Array(word.utf8)
    guard bytes[position...].starts(with: letters) else { throw failure("a value is missing") }
    position += letters.count
    return value
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) {
      position += 1
    }
  }

  private func failure(_ message: String) -> WeighbridgeError {
    WeighbridgeError(.malformed, "is not JSON: \(message), at byte \(position)")
  }
}
