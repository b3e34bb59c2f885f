@_exported import Weighbridge
import WeighbridgeTensors

/// The whole `weighbridge` command with architectures of your own.
///
/// ```swift
/// @main struct NetTool: WeighbridgeTool {
///   static let architectures: [any Architecture.Type] = [Net.self]
/// }
/// ```
///
/// Every subcommand then knows `Net` beside the built-in architectures: `models` lists it, `map`,
/// `convert`, `validate` and `run` take `--model net` or find out by themselves, and completions
/// complete its id and its configuration keys. The exit statuses are those of `weighbridge`.
public protocol WeighbridgeTool {
  /// Your architectures, beside the built-in ones. None, unless told otherwise.
  static var architectures: [any Architecture.Type] { get }

  /// All architectures that the tool knows: `ArchitectureRegistry.builtIn` with `architectures`,
  /// unless told otherwise. One of an id that is there already takes its place.
  static var registry: ArchitectureRegistry { get }

  /// What the tool calls itself in help and messages: the executable's name, unless told otherwise.
  static var name: String { get }

  /// What `--version` prints: the library's version, unless told otherwise.
  static var version: String { get }
}

extension WeighbridgeTool {
  /// None.
  public static var architectures: [any Architecture.Type] { [] }

  /// Your architectures, and the built-in ones whose ids they do not take.
  public static var registry: ArchitectureRegistry {
    let own = architectures.map { AnyArchitecture($0) }
    let ids = Set(own.map(\.id))
    return ArchitectureRegistry(
      own + ArchitectureRegistry.builtIn.architectures.filter { !ids.contains($0.id) })
  }

  /// The last part of the path that the process was called by.
  public static var name: String {
    let path = CommandLine.arguments.first ?? ""
    return path.split(separator: "/").last.map(String.init) ?? "weighbridge"
  }

  /// The library's version.
  public static var version: String { WeighbridgeVersion.current }

  /// Runs the command that the process was called with, and ends the process with its exit status.
  public static func main() {
    Tool.$current.withValue(Tool(name: name, version: version, registry: registry)) {
      Setting.spelled(Setting.option) {
        Entry.run(arguments: Array(CommandLine.arguments.dropFirst()))
      }
    }
  }
}
