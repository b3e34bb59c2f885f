import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeWeights

extension RecordedMetadata {
  /// The metadata of a reference: text beside the tensors, or a tensor of bytes; empty when there is
  /// none.
  ///
  /// - Throws: `malformed` when it is not the JSON that a reference has.
  package init(of checkpoint: any Checkpoint) throws {
    do {
      if let text = try RecordedMetadata.text(of: checkpoint) {
        try self.init(json: text)
      } else {
        self.init(framework: nil)
      }
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path, entry: "metadata")
    }
  }

  /// The JSON text; `nil` when there is none.
  private static func text(of checkpoint: any Checkpoint) throws -> String? {
    if let text = checkpoint.metadata["metadata"] { return text }
    guard let entry = checkpoint.entry("metadata") else {
      // What lies there and cannot be read would have said something.
      if let reason = checkpoint.skipReason(of: "metadata") {
        throw reason.error(file: checkpoint.path, entry: "metadata")
      }
      return nil
    }
    let tensor = try checkpoint.tensor(entry.rawPath)
    guard tensor.dtype == .uint8 || tensor.dtype == .int8 else {
      throw WeighbridgeError(.malformed, "the metadata is an array of \(tensor.dtype), not text")
    }
    return try tensor.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Further names of modules that PyTorch knows by two, each with the one that is recorded.
  ///
  /// - Throws: `malformed` when they are no object of texts.
  package static func aliases(of checkpoint: any Checkpoint) throws -> [String: String] {
    guard let text = try text(of: checkpoint) else { return [:] }
    do {
      return try RecordingConditions.texts(JSONDocument(parsing: text)["aliases"], "aliases")
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path, entry: "metadata")
    }
  }
}
