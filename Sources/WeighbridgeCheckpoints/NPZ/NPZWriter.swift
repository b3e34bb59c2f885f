import WeighbridgeTensors
import WeighbridgeWeights

/// Writes a `.npz` file: stored entries whose elements begin at multiples of 64 bytes, by padding in
/// the extra field of each entry's header, so that they can be used in place.
final class NPZWriter: FileWriter {
  let path: String
  private var plan: WritePlan
  private var archive: ZipOutput
  private let level: Int?
  var output: OutputFile { archive.file }

  /// - Parameter level: How much the entries are compressed, from 1 to 9; `nil` for not at all.
  init(
    _ path: String, tensors: [TensorDescription], metadata: [String: String], level: Int? = nil
  ) throws {
    (self.path, self.level) = (path, level)
    plan = try WritePlan(tensors, path: path)
    for tensor in tensors {
      try WeighbridgeError.locating(file: path, entry: tensor.name) {
        _ = try NPYEncoder.code(of: tensor.dtype)
      }
      guard metadata[tensor.name] == nil else {
        throw WeighbridgeError(
          .usage, "a tensor and a text have this name", file: path, entry: tensor.name)
      }
    }
    archive = ZipOutput(try OutputFile(path: path))
    try guarded(entry: nil) {
      for (name, text) in metadata.sorted(by: { $0.key < $1.key }) {
        try archive.write(name + ".npy", NPYEncoder.array(text: text))
      }
    }
  }

  func add(_ name: String, _ tensor: Tensor) throws {
    _ = try plan.take(name, tensor)
    try guarded(entry: name) {
      let header = try NPYEncoder.header(tensor.dtype, tensor.shape)
      try archive.write(name + ".npy", header: header, tensor, level: level)
    }
  }

  func finish() throws {
    try guarded(entry: nil) {
      try plan.checkComplete()
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
}
