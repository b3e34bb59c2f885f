import Weighbridge

/// What a command is part of: its name, its version and the architectures that it knows.
struct Tool: Sendable {
  var name: String
  var version: String
  var registry: ArchitectureRegistry

  /// The tool that runs.
  @TaskLocal static var current = Tool(
    name: "weighbridge", version: WeighbridgeVersion.current, registry: .builtIn)

  /// Its name as messages start with it.
  static var name: String { current.name }
}
