import WeighbridgeTensors
import WeighbridgeWeights

/// Writes safetensors files through the codec of the native weight file.
final class SafetensorsCheckpointWriter: FileWriter {
  private let writer: SafetensorsWriter

  var path: String { writer.path }
  var output: OutputFile { writer.file }

  init(_ path: String, tensors: [TensorDescription], metadata: [String: String]) throws {
    writer = try SafetensorsWriter(path: path, tensors: tensors, metadata: metadata)
  }

  func add(_ name: String, _ tensor: Tensor) throws { try writer.add(name, tensor) }
  func finish() throws { try writer.finish() }
  func cancel() { writer.cancel() }
}
