/// A JSON value with its members in order, so that the same result always prints the same text.
package indirect enum JSONDocument: Sendable, Hashable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONDocument])
  case object([Member])

  package struct Member: Sendable, Hashable {
    package let key: String
    package let value: JSONDocument

    package init(_ key: String, _ value: JSONDocument) {
      self.key = key
      self.value = value
    }
  }

  /// An object of these members, in this order.
  package static func members(_ pairs: KeyValuePairs<String, JSONDocument>) -> JSONDocument {
    .object(pairs.map { Member($0.key, $0.value) })
  }

  package static func strings(_ values: some Sequence<String>) -> JSONDocument {
    .array(values.map { .string($0) })
  }

  /// The text. Non-finite numbers are the strings "nan", "inf" and "-inf".
  package func text(indented: Bool = false) -> String {
    var text = ""
    write(to: &text, indent: indented ? 0 : nil)
    return text
  }

  private func write(to text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .number(let value):
      if value.isNaN {
        text += "\"nan\""
      } else if value.isInfinite {
        text += value < 0 ? "\"-inf\"" : "\"inf\""
      } else {
        text += "\(value)"
      }
    case .string(let value): text += JSONText.quoted(value)
    case .array(let values):
      // Numbers side by side: a shape is one line.
      let flat = indent == nil || values.allSatisfy(\.isScalarNumber)
      JSONDocument.list(values, "[", "]", &text, flat ? nil : indent, flat && indent != nil) {
        $0.write(to: &$1, indent: $2)
      }
    case .object(let members):
      JSONDocument.list(members, "{", "}", &text, indent, false) { member, text, indent in
        text += JSONText.quoted(member.key)
        text += indent == nil ? ":" : ": "
        member.value.write(to: &text, indent: indent)
      }
    }
  }

  private var isScalarNumber: Bool {
    switch self {
    case .integer, .number: true
    default: false
    }
  }

  private static func list<Item>(
    _ items: [Item], _ open: String, _ close: String, _ text: inout String, _ indent: Int?,
    _ spaced: Bool, _ body: (Item, inout String, Int?) -> Void
  ) {
    text += open
    let inner = indent.map { $0 + 2 }
    for (index, item) in items.enumerated() {
      if index > 0 { text += spaced ? ", " : "," }
      if let inner { text += "\n" + String(repeating: " ", count: inner) }
      body(item, &text, inner)
    }
    if let indent, !items.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }
}

extension JSONDocument: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
}
