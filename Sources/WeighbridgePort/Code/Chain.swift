/// A statement that is a chain of methods.
enum Chain {
  /// The statement in lines of this width, each but the first with a method in front; as it is where that
  /// cannot be had.
  static func broken(_ statement: String, width: Int) -> [String] {
    let text = Array(statement)
    let places = methods(text)
    var lines: [String] = []
    var start = 0
    while text.count - start > width - (start > 0 ? 2 : 0) {
      let end = start + width - (start > 0 ? 2 : 0)
      guard let place = places.last(where: { $0 > start && $0 <= end }) else { return [statement] }
      lines.append((start > 0 ? "  " : "") + String(text[start..<place]))
      start = place
    }
    return lines + [(start > 0 ? "  " : "") + String(text[start...])]
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
