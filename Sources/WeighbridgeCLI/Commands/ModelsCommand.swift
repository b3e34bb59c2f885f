import ArgumentParser
import Weighbridge

/// `weighbridge models`.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "models", abstract: "Not there yet.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var json: JSONFlag

  func run() throws {
    throw WeighbridgeError(.unsupported, "models is not there yet")
  }
}
