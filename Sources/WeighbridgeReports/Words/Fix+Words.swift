import WeighbridgeCauses
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeTensors
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

  /// What to do, in the user's terms: a key of the configuration, lines of a rules file, or words.
  public var text: String {
    switch self {
    case .configuration(let key, let value): Setting.configuration(key, "\(value)").description
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
