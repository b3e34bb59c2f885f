import WeighbridgeCauses
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeVerdicts

extension Cause.Fix {
  /// `configuration`, `rules` or `code`.
  var kindName: String {
    switch self {
    case .configuration: "configuration"
    case .parameters: "rules"
    case .code: "code"
    }
  }

  /// What to do, in the user's terms: an option of the command, lines of a rules file, or words.
  public var text: String {
    switch self {
    case .configuration(let key, let value): "--config \(key)=\(value)"
    case .parameters(let changes):
      Rules(changes.rules { $0 }).yaml.trimmingSuffix(while: \.isNewline)
    case .code(let words): words
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(while isOut: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, isOut(last) { text.removeLast() }
    return String(text)
  }
}
