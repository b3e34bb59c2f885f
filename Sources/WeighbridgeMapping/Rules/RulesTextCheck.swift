import WeighbridgeTensors

/// What is looked at in a rules file before YAML is: nothing in it may make reading it expensive.
enum RulesTextCheck {
  /// The largest text, in bytes, and the deepest nesting.
  static let (largest, deepest) = (4 << 20, 64)

  /// - Throws: `malformed`, naming the line, for anchors, nesting and indents beyond any rule.
  static func check(_ text: String, file: String) throws {
    guard text.utf8.count <= largest else {
      throw WeighbridgeError(
        .malformed, "is larger than \(largest >> 20) MB, more than any rules need", file: file)
    }
    var (depth, number) = (0, 0)
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      func refuse(_ reason: String) -> WeighbridgeError {
        WeighbridgeError(.malformed, reason, file: "\(file):\(number)")
      }
      // A rule begins: brackets in the text of the last one count no longer.
      if line.starts(with: [UInt8(ascii: "-"), UInt8(ascii: " ")]) { depth = 0 }
      let marks = line.prefix { " -?:\t".utf8.contains($0) }
      guard marks.count <= 4 * deepest, marks.count(where: { $0 != 32 }) <= 8 else {
        throw refuse("nests deeper than any rule")
      }
      var previous = UInt8(ascii: " ")
      var isOpen = false
      for byte in line {
        // An anchor or an alias, wherever it can begin: what it multiplies is not bounded by the text.
        if isOpen, byte > 32 {
          throw refuse("has an anchor or an alias (& or *): write what it stands for")
        }
        isOpen = byte == UInt8(ascii: "&") && " \t[{,:-?!>".utf8.contains(previous)
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
        default: break
        }
        guard depth <= deepest else { throw refuse("nests deeper than any rule") }
        previous = byte
      }
    }
  }
}
