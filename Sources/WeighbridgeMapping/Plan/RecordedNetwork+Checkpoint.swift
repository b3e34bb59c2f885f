import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeNetwork
import WeighbridgeTensors

extension Network {
  /// The network that a reference holds: its text under `network`, and its `constants/0` ….
  ///
  /// - Throws: `malformed`, naming the place, for a file without a network or one that breaks the format;
  ///   `unsupported` for another version of the format; what reading throws.
  public init(of checkpoint: any Checkpoint) throws {
    guard let network = try Network(in: checkpoint) else {
      throw WeighbridgeError(
        .malformed, "holds no network", file: checkpoint.path, entry: "network",
        remedy:
          "Record it with record(..., network=True), or name the model with \(Setting.model())")
    }
    self = network
  }

  /// The same; `nil` for a file without a network.
  ///
  /// - Throws: As `init(of:)`, for a network that is there.
  public init?(in checkpoint: any Checkpoint) throws {
    func constant(_ index: Int) throws -> Tensor { try checkpoint.tensor("constants/\(index)") }
    do {
      if var text = checkpoint.metadata["network"] {
        self = try text.withUTF8 {
          try Network(json: UnsafeRawBufferPointer($0), constant: constant)
        }
        return
      }
      guard let entry = checkpoint.entry("network") else { return nil }
      let tensor = try checkpoint.tensor(entry.rawPath)
      guard tensor.dtype == .uint8 || tensor.dtype == .int8 else {
        throw WeighbridgeError(
          .malformed, "the recorded network is an array of \(tensor.dtype), not text",
          entry: "network")
      }
      self = try tensor.withUnsafeBytes { try Network(json: $0, constant: constant) }
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path, entry: "network")
    }
  }
}

extension AnyArchitecture {
  /// A recorded network under the id that asks for it, `recorded`.
  public init(recorded network: Network) {
    self.init(
      id: AnyArchitecture.recordedID,
      summary: "\(network.className), as it was recorded"
    ) { try RecordedNetwork($0, network) }
  }

  /// What `--model` calls the network that a reference holds.
  public static let recordedID = "recorded"
}
