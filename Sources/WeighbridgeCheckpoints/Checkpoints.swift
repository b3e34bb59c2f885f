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
      switch map.withBytes(FileSignature.init) {
      case .zip:
        let directory = try map.withBytes { try ZipDirectory($0) }
        return try PyTorchFile.archive(map, directory) ?? NPZFile(map, directory)
      case .npy: return try NPYFile(map)
      case .hdf5: return try HDF5File(map)
      case .safetensors: return try SafetensorsCheckpoint(map)
      case .json: return try SafetensorsCheckpoint(index: map)
      case .pickle: return try PyTorchFile.legacy(map)
      case .foreign(let error): throw error
      }
    }
  }
}
