import WeighbridgeTensors

extension JSONDocument {
  /// The deepest document: deeper ones are no configuration and no report.
  private static let deepest = 200

  /// The document in a text, by RFC 8259: nothing more, nothing less.
  ///
  /// - Throws: `malformed` naming the byte; also for a key that is there twice, for nesting deeper than
  ///   200, and for a number beyond float64.
  package init(parsing text: String) throws {
    var text = text
    self = try text.withUTF8 { try JSONDocument(parsing: UnsafeRawBufferPointer($0)) }
  }

  /// The document in bytes of UTF-8.
  ///
  /// - Throws: As for a text, and for what is not UTF-8.
  package init(parsing bytes: UnsafeRawBufferPointer) throws {
    var reader = try JSONReader(bytes, deepest: JSONDocument.deepest)
    self = try JSONDocument(&reader)
    try reader.end()
  }

  private init(_ reader: inout JSONReader) throws {
    switch try reader.kind() {
    case .object:
      var members: [Member] = []
      try reader.object { members.append(Member($0, try JSONDocument(&$1))) }
      self = .object(members)
    case .array:
      var values: [JSONDocument] = []
      try reader.array { values.append(try JSONDocument(&$0)) }
      self = .array(values)
    case .string: self = .string(try reader.string())
    case .word: self = try reader.word().map { .boolean($0) } ?? .null
    case .number:
      let (text, isWhole) = try reader.number()
      if isWhole, let integer = Int(text) {
        self = .integer(integer)
      } else if let value = Double(text), value.isFinite {
        self = .number(value)
      } else {
        throw reader.failure("the number '\(text.shortened(to: 64))' is too large")
      }
    }
  }

  /// The member of an object.
  package subscript(key: String) -> JSONDocument? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  package var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  package var integerValue: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  package var arrayValue: [JSONDocument]? {
    if case .array(let values) = self { values } else { nil }
  }
}
