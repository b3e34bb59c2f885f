import ArgumentParser
import Weighbridge

/// `weighbridge inspect`.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Not there yet.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var json: JSONFlag

  func run() throws {
    throw WeighbridgeError(.unsupported, "inspect is not there yet")
  }
}
