import WeighbridgeTensors

/// Which tensors a rule is for.
public enum NamePattern: Sendable, Hashable {
  /// This name.
  case exact(String)
  /// Every name that begins so.
  case prefix(String)
  /// Every name that the regular expression matches as a whole.
  case regex(String)
}

extension NamePattern: CustomStringConvertible {
  public var description: String {
    switch self {
    case .exact(let name): name
    case .prefix(let prefix): "\(prefix)*"
    case .regex(let text): "/\(text)/"
    }
  }
}

/// A pattern ready to be matched.
struct NameMatcher {
  /// The longest name that a template may make, in bytes.
  private static let longestName = 4096
  private let pattern: NamePattern
  private let expression: LinearExpression?

  /// - Throws: `usage` when the regular expression is not one.
  init(_ pattern: NamePattern) throws {
    self.pattern = pattern
    guard case .regex(let text) = pattern else {
      expression = nil
      return
    }
    expression = try LinearExpression(text)
  }

  /// The captures when the pattern matches: 0 is the whole name; with a prefix, 1 is the rest.
  func captures(_ name: String) -> [String]? {
    switch pattern {
    case .exact(let wanted): return ExactText(name) == ExactText(wanted) ? [name] : nil
    case .prefix(let lead):
      guard name.utf8.starts(with: lead.utf8) else { return nil }
      return [name, String(decoding: name.utf8.dropFirst(lead.utf8.count), as: UTF8.self)]
    case .regex: return expression?.captures(name)
    }
  }

  /// A template with `$0` … `$9` replaced by captures; `$$` is a dollar.
  ///
  /// - Throws: `usage` for a capture that the pattern does not have.
  func expand(_ template: String, _ captures: [String]) throws -> String {
    var result = ""
    var rest = template[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      guard let mark = rest.popFirst() else {
        throw WeighbridgeError(.usage, "'\(template)' ends in $; write $$ for a dollar")
      }
      if mark == "$" {
        result += "$"
      } else if let index = mark.wholeNumberValue, index < captures.count {
        result += captures[index]
      } else {
        throw WeighbridgeError(
          .usage, "'\(template)' uses $\(mark), and \(pattern) captures \(captures.count - 1)")
      }
    }
    result += rest
    guard result.utf8.count <= NameMatcher.longestName else {
      throw WeighbridgeError(
        .mapping, "the new name is longer than \(NameMatcher.longestName) bytes")
    }
    return result
  }
}
