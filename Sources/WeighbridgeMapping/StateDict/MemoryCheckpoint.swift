import WeighbridgeCheckpoints
import WeighbridgeTensors

/// Named tensors in memory, seen as a checkpoint.
package struct MemoryCheckpoint: Checkpoint {
  package let path: String
  package var format: CheckpointFormat { .npz }
  package let entries: [CheckpointEntry]
  package var skipped: [SkippedEntry] = []
  package var metadata: [String: String]
  private let values: [ExactText: Tensor]

  package init(
    _ tensors: KeyValuePairs<String, Tensor>, path: String = "memory",
    metadata: [String: String] = [:]
  ) {
    self.init(tensors.map { ($0.key, $0.value) }, path: path, metadata: metadata)
  }

  package init(
    _ tensors: [(name: String, tensor: Tensor)], path: String = "memory",
    metadata: [String: String] = [:]
  ) {
    self.path = path
    self.metadata = metadata
    entries = tensors.map {
      CheckpointEntry(
        name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape, storage: .inPlace)
    }
    values = Dictionary(tensors.map { (ExactText($0.name), $0.tensor) }) { first, _ in first }
  }

  package func tensor(_ name: String) throws -> Tensor {
    guard let tensor = values[ExactText(name)] else {
      throw WeighbridgeError(.mapping, "there is no entry of this name", file: path, entry: name)
    }
    return tensor
  }

  package func entry(_ name: String) -> CheckpointEntry? {
    entries.first { ExactText($0.name) == ExactText(name) }
  }
}
