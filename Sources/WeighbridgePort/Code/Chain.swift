/// A statement that is a chain of methods.
enum Chain {
  /// The statement in lines of this width, each but the first with a method in front; as it is where that
  /// cannot be had.
  static func broken(_ statement: String, width: Int) -> [String] {
    let text = Array(statement)
    guard text.count > width else { return [statement] }
    let places = methods(text)
    if places.isEmpty { return inner(statement, text, width: width) }
    var lines: [String] = []
    var start = 0
    while text.count - start > width - (start > 0 ? 2 : 0) {
      let end = start + width - (start > 0 ? 2 : 0)
      guard
        let place = places.last(where: { $0 > start && $0 <= end })
          ?? places.first(where: { $0 > start })
      else { break }
      lines.append((start > 0 ? "  " : "") + String(text[start..<place]))
      start = place
    }
    return lines + [(start > 0 ? "  " : "") + String(text[start...])]
  }

  /// The chain that a call is given, in lines of its own.
  private static func inner(_ statement: String, _ text: [Character], width: Int) -> [String] {
    guard let open = text.firstIndex(of: "("), text.last == ")", !text.contains("\"") else {
      return [statement]
    }
    var depth = 0
    for (place, character) in text.enumerated() {
      if "([{".contains(character) { depth += 1 }
      if ")]}".contains(character) { depth -= 1 }
      // Something stands behind the call, or beside what it is given.
      if place > open, depth == 0, place < text.count - 1 { return [statement] }
      if character == ",", depth == 1 { return [statement] }
    }
    let given = broken(String(text[(open + 1)..<(text.count - 1)]), width: width - 3)
    guard given.count > 1 else { return [statement] }
    return [String(text[...open])] + given.dropLast().map { "  \($0)" }
      + ["  \(given[given.count - 1]))"]
  }

  /// Where methods are called on what stands before; none where the statement is a sum, or has texts in it.
  private static func methods(_ text: [Character]) -> [Int] {
    var (depth, places): (Int, [Int]) = (0, [])
    for (place, character) in text.enumerated() {
      switch character {
      case "\"": return []
      case "(", "[", "{": depth += 1
      case ")", "]", "}": depth -= 1
      case "." where depth == 0 && place > 0 && (text[place - 1] == ")" || text[place - 1] == "]"):
        places.append(place)
      case "+", "-", "*", "/", "?", ":":
        if depth == 0 { return [] }
      default: break
      }
    }
    return places
  }
}
