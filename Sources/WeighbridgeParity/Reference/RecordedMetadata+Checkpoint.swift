import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules

extension RecordedMetadata {
  /// The metadata of a reference: text beside the tensors, or a tensor of bytes; empty when there is
  /// none.
  ///
  /// - Throws: `malformed` when it is not the JSON that a reference has.
  init(of checkpoint: any Checkpoint) throws {
    do {
      if let text = checkpoint.metadata["metadata"] {
        try self.init(json: text)
      } else if let entry = checkpoint.entry("metadata") {
        let tensor = try checkpoint.tensor(entry.rawPath)
        guard tensor.dtype == .uint8 || tensor.dtype == .int8 else {
          throw WeighbridgeError(
            .malformed, "the metadata is an array of \(tensor.dtype), not text")
        }
        try self.init(json: tensor.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      } else {
        self.init(framework: nil)
      }
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path, entry: "metadata")
    }
  }
}
