import WeighbridgeTensors
import WeighbridgeWeights

/// A writer that puts its file together in an `OutputFile`.
protocol FileWriter: CheckpointWriter {
  var output: OutputFile { get }
  /// Under which name or path a reader finds a tensor.
  func readName(of name: String) -> String
}

extension FileWriter {
  func readName(of name: String) -> String { name }
}

/// Writes by another writer, and reads the file back before it gets its name: what a reader finds there
/// is what was added.
final class CheckedWriter: CheckpointWriter {
  private struct Written: Sendable {
    let name: String
    let dtype: DType
    let shape: Shape
    let fingerprint: Fingerprint
  }

  private let writer: any FileWriter
  private let format: CheckpointFormat
  private var written: [Written] = []

  var path: String { writer.path }

  init(_ writer: any FileWriter, _ format: CheckpointFormat) {
    (self.writer, self.format) = (writer, format)
  }

  func add(_ name: String, _ tensor: Tensor) throws {
    try writer.add(name, tensor)
    written.append(
      Written(
        name: writer.readName(of: name), dtype: tensor.dtype, shape: tensor.shape,
        fingerprint: try tensor.withUnsafeBytes { Fingerprint($0) }))
  }

  func finish() throws {
    writer.output.willCommit = { [written, format, path] temporary in
      do {
        // As what it was written: it may be of a dialect, too, which has names of its own.
        guard let file = try format.open(FileContent(MappedFile(path: temporary))) else {
          throw WeighbridgeError(.malformed, "it is no \(format.title) file")
        }
        try CheckedWriter.check(written, file)
      } catch let error as WeighbridgeError {
        throw WeighbridgeError(
          .unwritable, "the file was written and does not read back: \(error.message)", file: path,
          entry: error.entry, remedy: "Check the disk, and write it again")
      }
    }
    try writer.finish()
  }

  func cancel() { writer.cancel() }

  private static func check(_ written: [Written], _ checkpoint: any Checkpoint) throws {
    // The one tensor of a file without names has another name there.
    let only = checkpoint.format.holdsOneTensor ? checkpoint.entries.first?.name : nil
    for tensor in written {
      // Bytes that are text are taken for text.
      if tensor.dtype == .uint8, checkpoint.metadata[tensor.name] != nil { continue }
      let found = try checkpoint.tensor(only ?? tensor.name)
      guard found.dtype == tensor.dtype, found.shape == tensor.shape,
        try found.withUnsafeBytes({ Fingerprint($0) }) == tensor.fingerprint
      else {
        throw WeighbridgeError(.malformed, "it holds other values", entry: tensor.name)
      }
    }
  }
}
