import ArgumentParser
import Weighbridge

/// `--model` and `--config`, as every command that loads a model takes them.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The architecture; `\(Tool.name) models` lists them.",
      discussion: """
        Without it, or with `auto`, the native file's metadata tells, else the names and shapes.
        """,
      valueName: "id"),
    completion: .models("auto"))
  var model = "auto"

  @Option(
    help: ArgumentHelp(
      "A configuration value; repeatable. Shapes overrule defaults, and may not be contradicted.",
      valueName: "key=value"),
    completion: .configurationKeys)
  var config: [String] = []

  @Option(
    help: ArgumentHelp(
      "The part of the checkpoint that is meant, where it holds several: ema, state_dict.module.",
      discussion: """
        Without it the file's exact names win over copies under other names, wrappers are taken off, \
        and two complete copies are an error.
        """,
      valueName: "name"))
  var root: String?

  /// The architecture's id, or `nil` to identify it.
  var identifier: String? { model == "auto" ? nil : model }

  /// The `--config` pairs in order.
  ///
  /// - Throws: `usage` for one without `=` or given twice with two values.
  func overrides() throws -> [(key: String, text: String)] { try ModelOptions.pairs(config) }

  static func pairs(_ config: [String]) throws -> [(key: String, text: String)] {
    var seen: [String: String] = [:]
    return try config.map { pair in
      guard let mark = pair.firstIndex(of: "="), mark != pair.startIndex else {
        throw WeighbridgeError(
          .usage, "--config takes key=value, not '\(pair)'", remedy: "For example --config heads=8")
      }
      let (key, text) = (String(pair[..<mark]), String(pair[pair.index(after: mark)...]))
      if let earlier = seen.updateValue(text, forKey: key), earlier != text {
        throw WeighbridgeError(
          .usage, "--config gives \(key) twice: \(earlier) and \(text)", remedy: "Give it once")
      }
      return (key, text)
    }
  }
}

/// `--rules`, as every command that maps names takes it.
struct RulesOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A YAML file of rules for names and layouts; `\(Tool.name) map --help` shows the format.",
      valueName: "file"),
    completion: .files)
  var rules: String?

  /// - Throws: `unreadable`, or `malformed` naming the file and the line.
  func read() throws -> Rules { try rules.map(Rules.read) ?? Rules() }
}
