/// The statements as lines.
extension ForwardWriter {
  /// Where a variable has a property's name, the property is reached by `self`.
  func lines() -> [String] {
    let names = Set(locals.keys)
    let usesDType = statements.contains { $0.code.text.contains(ForwardWriter.dtypeMark) }
    var rest = statements.filter { statement in
      if case .declare("dtype") = statement.kind { usesDType } else { true }
    }[...]
    var lines: [String] = []
    while let first = rest.first {
      let together = rest.prefix { $0.isBeside(first) }
      if together.count > 1, let line = ForwardWriter.tuple(together, names) {
        lines.append(line)
        rest = rest.dropFirst(together.count)
      } else {
        lines += first.lines(names)
        rest = rest.dropFirst()
      }
    }
    return lines
  }

  /// The columns that a statement has, within a forward within a struct.
  static let width = 96

  /// `let (q, k, v) = (qkv[0], qkv[1], qkv[2])`; `nil` where that is too long.
  private static func tuple(_ statements: ArraySlice<Statement>, _ names: Set<String>) -> String? {
    let left = statements.compactMap { statement in
      if case .declare(let name) = statement.kind { name } else { nil }
    }.joined(separator: ", ")
    let right = statements.map(\.code.text).joined(separator: ", ")
    let isThrowing = statements.contains(where: \.code.isThrowing)
    let line = statements.first?.resolved(
      "let (\(left)) = \(isThrowing ? "try " : "")(\(right))", names)
    return line.flatMap { $0.count <= width ? $0 : nil }
  }
}

extension ForwardWriter.Statement {
  /// Whether this is declared in one statement with another one.
  func isBeside(_ other: Self) -> Bool {
    guard case .declare = kind, case .declare = other.kind else { return false }
    return group != nil && group == other.group && !isMutable && !other.isMutable
  }

  func lines(_ names: Set<String>) -> [String] {
    var text = code.text
    switch kind {
    case .declare(let name): text = "\(isMutable ? "var" : "let") \(name) = \(code.marked)"
    case .assign(let name): text = "\(name) = \(code.marked)"
    case .plain: break
    }
    let lines = resolved(text, names).split(separator: "\n").map(String.init)
    guard lines.count == 1, let only = lines.first else { return lines }
    return Chain.broken(only, width: ForwardWriter.width)
  }

  func resolved(_ text: String, _ names: Set<String>) -> String {
    Layout.resolved(text.replacing(ForwardWriter.dtypeMark, with: "dtype"), besides: names)
  }
}
