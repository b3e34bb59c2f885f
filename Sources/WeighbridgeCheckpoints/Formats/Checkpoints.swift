import WeighbridgeTensors
import WeighbridgeWeights

/// Opens checkpoints of every format.
public enum Checkpoints {
  /// Opens a file of named tensors. The format is found from the content, never from the extension.
  ///
  /// - Parameter path: A file, or a folder that holds the index of a sharded checkpoint.
  /// - Throws: `unreadable`, `malformed` or `unsupported`; the message names the file and what to do.
  public static func open(_ path: String) throws -> any Checkpoint {
    let map = try MappedFile(path: SafetensorsIndex.path(inFolder: path) ?? path)
    return try WeighbridgeError.locating(file: path) {
      let file = try FileContent(map)
      if let checkpoint = try open(file) { return checkpoint }
      if let error = map.withBytes(ForeignFile.known) { throw error }
      if try file.findArchive(), let checkpoint = try open(file) { return checkpoint }
      throw map.withBytes(ForeignFile.unknown)
    }
  }

  private static func open(_ file: FileContent) throws -> (any Checkpoint)? {
    for format in CheckpointFormat.all {
      if let checkpoint = try format.open(file) { return checkpoint }
    }
    return nil
  }
}
