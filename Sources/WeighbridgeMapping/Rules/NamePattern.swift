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

/// A pattern ready to be matched. Not `Sendable`: made where it is used.
struct NameMatcher {
  private let pattern: NamePattern
  private let regex: Regex<AnyRegexOutput>?

  /// - Throws: `usage` when the regular expression is not one.
  init(_ pattern: NamePattern) throws {
    self.pattern = pattern
    guard case .regex(let text) = pattern else {
      regex = nil
      return
    }
    do {
      regex = try Regex(text)
    } catch {
      throw WeighbridgeError(
        .usage, "'\(text)' is not a regular expression: \(NameMatcher.oneLine(error))")
    }
  }

  /// The captures when the pattern matches: 0 is the whole name; with a prefix, 1 is the rest.
  func captures(_ name: String) -> [String]? {
    switch pattern {
    case .exact(let wanted): return name == wanted ? [name] : nil
    case .prefix(let lead):
      return name.hasPrefix(lead) ? [name, String(name.dropFirst(lead.count))] : nil
    case .regex:
      guard let match = try? regex?.wholeMatch(in: name) else { return nil }
      return match.output.map { $0.substring.map(String.init) ?? "" }
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
    return result + rest
  }

  private static func oneLine(_ error: any Error) -> String {
    "\(error)".split(separator: "\n").joined(separator: " ")
  }
}
