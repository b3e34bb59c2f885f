/// An expression of Swift.
struct Code: Hashable, Sendable {
  /// How tightly an expression holds together.
  enum Level: Int, Comparable {
    case choice, sum, product, atom

    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  var text: String
  /// Whether something in it may throw, so that its statement begins with `try`.
  var isThrowing = false
  var level = Level.atom

  init(_ text: String, isThrowing: Bool = false, level: Level = .atom) {
    (self.text, self.isThrowing, self.level) = (text, isThrowing, level)
  }

  /// The expression where one of at least this level must stand.
  func at(_ level: Level) -> String { self.level < level ? "(\(text))" : text }

  /// `self.name`, a property.
  func member(_ name: String) -> Code { Code("\(at(.atom)).\(name)", isThrowing: isThrowing) }

  /// `self[index]`; a `TensorList` has an index itself.
  func item(_ index: Int) -> Code {
    let list = text.hasSuffix(Code.tensors) ? String(text.dropLast(Code.tensors.count)) : at(.atom)
    return Code("\(list)[\(index)]", isThrowing: isThrowing)
  }

  private static let tensors = ".tensors"

  /// The `TensorList` whose array this is.
  var tensorList: Code {
    text.hasSuffix(Code.tensors)
      ? Code(String(text.dropLast(Code.tensors.count)))
      : .call("TensorList", [Argument("tensors", self)])
  }

  /// A method that may throw: `self.name(arguments)`.
  func calling(_ name: String, _ arguments: [Argument] = []) -> Code {
    Code.call("\(at(.atom)).\(name)", arguments, throwing: true)
  }

  /// `head(arguments)`.
  static func call(_ head: String, _ arguments: [Argument], throwing: Bool = false) -> Code {
    Code(
      "\(head)(\(arguments.map(\.text).joined(separator: ", ")))",
      isThrowing: throwing || arguments.contains { $0.value.isThrowing } || head.contains("try "))
  }

  /// `[items]`.
  static func list(_ items: [Code]) -> Code {
    Code(
      "[\(items.map(\.text).joined(separator: ", "))]",
      isThrowing: items.contains(where: \.isThrowing))
  }

  /// `a + b`, with an operator of tensors or of numbers.
  static func infix(
    _ a: Code, _ sign: String, _ b: Code, _ level: Level, throwing: Bool
  ) -> Code {
    let right = b.level <= level ? "(\(b.text))" : b.text
    return Code(
      "\(a.at(level)) \(sign) \(right)", isThrowing: throwing || a.isThrowing || b.isThrowing,
      level: level)
  }

  /// The expression as a whole statement or right-hand side.
  var marked: String { isThrowing ? "try \(text)" : text }
}

/// An argument of a call.
struct Argument: Sendable {
  let label: String?
  let value: Code

  init(_ label: String? = nil, _ value: Code) { (self.label, self.value) = (label, value) }

  var text: String { label.map { "\($0): \(value.text)" } ?? value.text }
}

/// Literals.
extension Code {
  static func integer(_ value: Int) -> Code { Code(value == .min ? "Int.min" : "\(value)") }

  static func number(_ value: Double) -> Code {
    if value.isNaN { return Code("Double.nan") }
    if value.isInfinite { return Code(value < 0 ? "-Double.infinity" : "Double.infinity") }
    let text = "\(value)"
    return Code(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
  }

  static func flag(_ value: Bool) -> Code { Code(value ? "true" : "false") }

  /// A string literal, whatever the text holds: printable ASCII stands for itself, all else is escaped.
  static func string(_ text: String) -> Code {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": literal += "\\\""
      case "\\": literal += "\\\\"
      case " "..."~": literal.unicodeScalars.append(scalar)
      default: literal += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return Code(literal + "\"")
  }
}
