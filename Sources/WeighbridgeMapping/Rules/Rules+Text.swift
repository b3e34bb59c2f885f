import WeighbridgeWeights

extension Rules {
  /// The rules as YAML that reads back the same; one rule a line.
  public var yaml: String { rules.map { $0.yaml + "\n" }.joined() }
}

extension Rule {
  /// One line of a rules file.
  public var yaml: String {
    var fields: [String] = []
    switch pattern {
    case .exact(let name): fields.append("tensor: \(Rule.quoted(name))")
    case .prefix(let prefix): fields.append("prefix: \(Rule.quoted(prefix))")
    case .regex(let text): fields.append("regex: \(Rule.quoted(text))")
    }
    switch action {
    case .rename(_, let name): fields.append("to: \(Rule.quoted(name))")
    case .permute(_, let axes), .transpose(_, let axes): fields.append("axes: \(axes)")
    case .reshape(_, let shape): fields.append("shape: \(shape)")
    case .split(_, let axis, let sizes, let names):
      fields.append("axis: \(axis)")
      if let sizes { fields.append("sizes: \(sizes)") }
      fields.append("into: \(Rule.list(names))")
    case .concatenate(_, let others, let axis, let name), .stack(_, let others, let axis, let name):
      fields += ["with: \(Rule.list(others))", "axis: \(axis)", "into: \(Rule.quoted(name))"]
    case .flip(_, let axis): fields.append("axis: \(axis)")
    case .cast(_, let dtype): fields.append("dtype: \(dtype)")
    case .weightNorm(_, let magnitude, let name):
      fields += ["magnitude: \(Rule.quoted(magnitude))", "into: \(Rule.quoted(name))"]
    case .spectralNorm(_, let u, let v, let axis, let name):
      fields += ["u: \(Rule.quoted(u))", "v: \(Rule.quoted(v))", "axis: \(axis)"]
      fields.append("into: \(Rule.quoted(name))")
    case .drop(_, let reason): fields.append("reason: \(Rule.quoted(reason))")
    }
    if isOptional { fields.append("optional: true") }
    return "- \(keyword): {\(fields.joined(separator: ", "))}"
  }

  private static func list(_ names: [String]) -> String {
    "[\(names.map(quoted).joined(separator: ", "))]"
  }

  /// Text that YAML reads back as itself: plain where it is a simple name, quoted otherwise.
  private static func quoted(_ text: String) -> String {
    let plain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    let beginsAsName = text.utf8.first.map { $0 == UInt8(ascii: "_") || $0 >= UInt8(ascii: "A") }
    if plain, beginsAsName == true { return text }
    if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      // JSON's escapes are YAML's, in double quotes.
      return JSONDocument.string(text).text()
    }
    return "'\(text.replacing("'", with: "''"))'"
  }
}
