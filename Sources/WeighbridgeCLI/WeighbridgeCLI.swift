import WeighbridgeCommand

/// The `weighbridge` command: the tool with the built-in architectures.
@main
struct WeighbridgeCLI: WeighbridgeTool {
  static let name = "weighbridge"
}
