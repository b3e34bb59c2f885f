/// Lines of formatted sources that are too long: `swift format` finds no place to break deep within an
/// expression, and keeps a break that is there.
enum LongLines {
  static let width = 100

  /// How many lines of a text are too long.
  static func count(_ text: String) -> Int {
    text.split(separator: "\n").count { $0.count > width }
  }

  /// The text with each of its long lines broken in two; as it is where there is no place for that.
  static func broken(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard line.count > width, let place = place(Array(line)) else { return String(line) }
      let (head, tail) = (line.prefix(place), line.dropFirst(place))
      let indent = String(line.prefix { $0 == " " })
      return "\(head.trimmingTrailingSpace)\n\(indent)  \(tail.drop { $0 == " " })"
    }.joined(separator: "\n")
  }

  /// Where a line is best broken: the last place before its end that is within the fewest brackets, behind a
  /// comma, before a method or a sign; `nil` where there is none.
  private static func place(_ line: [Character]) -> Int? {
    var (depth, best, isText): (Int, (depth: Int, place: Int)?, Bool) = (0, nil, false)
    let first = line.firstIndex { $0 != " " } ?? 0
    if line[first...].starts(with: "//") { return nil }
    for (place, character) in line.enumerated() where place < width - 2 {
      if character == "\"" && (place == 0 || line[place - 1] != "\\") { isText.toggle() }
      guard !isText else { continue }
      let isPlace: Bool
      switch character {
      case "(", "[", "{":
        depth += 1
        continue
      case ")", "]", "}":
        depth -= 1
        continue
      case ".": isPlace = place > 0 && (line[place - 1] == ")" || line[place - 1] == "]")
      case "+", "-", "*", "/", "%":
        isPlace = place > 0 && line[place - 1] == " " && line[place + 1] == " "
      case " ": isPlace = place > 0 && line[place - 1] == ","
      default: isPlace = false
      }
      guard isPlace, place > first + 8 else { continue }
      if best.map({ depth <= $0.depth }) ?? true { best = (depth, place) }
    }
    return best?.place
  }
}
