import WeighbridgeTensors
import WeighbridgeWeights

/// Writes a state dict as `torch.save` does since PyTorch 1.6: a zip archive of a pickle and a stored
/// record per tensor. Equal tensors give equal bytes.
final class PyTorchWriter: FileWriter {
  let path: String
  private var plan: WritePlan
  private var archive: ZipOutput
  var output: OutputFile { archive.file }

  /// PyTorch gives the file's own name; a fixed one keeps equal files equal.
  private static let folder = "archive/"

  init(_ path: String, tensors: [TensorDescription], metadata: [String: String]) throws {
    self.path = path
    plan = try WritePlan(tensors, path: path)
    archive = ZipOutput(try OutputFile(path: path))
    try guarded(entry: nil) {
      try write("data.pkl", TorchPickleWriter(tensors, metadata: metadata).bytes)
      try write("byteorder", Array("little".utf8))
    }
  }

  func add(_ name: String, _ tensor: Tensor) throws {
    let position = try plan.take(name, tensor)
    try guarded(entry: name) {
      try archive.write(PyTorchWriter.folder + "data/\(position)", tensor)
    }
  }

  func finish() throws {
    try guarded(entry: nil) {
      try plan.checkComplete()
      try write("version", Array("3\n".utf8))
      try archive.finish()
    }
  }

  func cancel() { archive.file.discard() }

  /// Runs `body`; removes the file when it fails.
  private func guarded(entry: String?, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as WeighbridgeError {
      cancel()
      throw error.located(file: path, entry: entry)
    }
  }

  private func write(_ name: String, _ content: [UInt8]) throws {
    try archive.write(PyTorchWriter.folder + name, content)
  }
}
