import ArgumentParser
import Weighbridge

/// `--reference`, for commands that need one only for the network in it.
struct RecordedNetworkOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "With --model recorded: the reference that holds the network.", valueName: "file"))
  var reference: String?
}

extension ModelOptions {
  /// The architectures that may be meant: the built-in ones, and, where that is asked for, the network
  /// that a reference holds.
  ///
  /// - Parameters:
  ///   - reference: The reference's path.
  ///   - checkpoint: The weights, which may be a recorded network's native file.
  /// - Throws: `usage` when a recorded network is asked for and there is no reference; what reading it
  ///   throws.
  func registry(
    reference: String?, for checkpoint: (any Checkpoint)? = nil
  ) throws -> ArchitectureRegistry {
    var registry = Tool.current.registry
    let recorded = AnyArchitecture.recordedID
    let isAsked = identifier == recorded
    let named =
      try identifier == nil ? checkpoint.flatMap { try RecordedMetadata(native: $0) } : nil
    guard isAsked || named?.model == recorded else { return registry }
    guard let reference else {
      guard isAsked else { return registry }
      throw WeighbridgeError(
        .usage, "--model recorded is the network that a reference holds, and none is given",
        remedy: "Add --reference FILE")
    }
    registry.register(AnyArchitecture(recorded: try Network(of: Checkpoints.open(reference))))
    return registry
  }
}
