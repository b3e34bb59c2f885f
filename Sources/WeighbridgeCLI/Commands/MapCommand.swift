import ArgumentParser
import Weighbridge

/// `weighbridge map`.
struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "map", abstract: "Not there yet.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var json: JSONFlag

  func run() throws {
    throw WeighbridgeError(.unsupported, "map is not there yet")
  }
}
