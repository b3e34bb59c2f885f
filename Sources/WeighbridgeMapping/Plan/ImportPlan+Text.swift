import WeighbridgeModules
import WeighbridgeTensors

extension ImportPlan: CustomStringConvertible {
  /// The file and the architecture, the configuration, and what `weighbridge map` prints of the names.
  public var description: String {
    let heading = "\(checkpoint.path.escapingControlCharacters()) as \(architecture.id)"
    let settings = configuration.description
    return ([heading] + (settings.isEmpty ? [] : [settings]) + [report.description])
      .joined(separator: "\n")
  }
}
