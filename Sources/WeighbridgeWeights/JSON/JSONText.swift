import WeighbridgeTensors

/// JSON's texts, and objects of nothing but texts.
package enum JSONText {
  /// A text in quotes, with what JSON demands escaped, and DEL, which terminals obey.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    write(text, to: &result)
    return result + "\""
  }

  private static func write(_ text: String, to result: inout String) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  /// An object of texts, its keys sorted by their bytes.
  package static func object(_ members: some Sequence<(key: String, value: String)>) -> String {
    let pairs = members.map { (key: ExactText($0.key), value: $0.value) }
      .sorted { $0.key < $1.key }.map { "\(quoted($0.key.text)):\(quoted($0.value))" }
    return "{" + pairs.joined(separator: ",") + "}"
  }

  /// Reads an object whose values are all texts; `nil` when it is something else.
  package static func texts(_ json: String) -> [ExactText: String]? {
    guard case .object(let pairs)? = try? JSONDocument(parsing: json) else { return nil }
    var members: [ExactText: String] = [:]
    for pair in pairs {
      guard let text = pair.value.stringValue else { return nil }
      members[ExactText(pair.key)] = text
    }
    return members
  }
}
