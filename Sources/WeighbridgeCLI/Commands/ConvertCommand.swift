import ArgumentParser
import Weighbridge

/// `weighbridge convert`.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "convert", abstract: "Not there yet.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var json: JSONFlag

  func run() throws {
    throw WeighbridgeError(.unsupported, "convert is not there yet")
  }
}
