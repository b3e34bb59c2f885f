import WeighbridgeTensors
import WeighbridgeWeights

/// Writes a file of named tensors, one by one; memory is needed for one at a time.
///
/// The tensors are announced when the writer is made, and each is added once, in any order. The file
/// appears under its name when `finish()` succeeds; on any failure, and when the writer is dropped
/// unfinished, nothing is left behind and an existing file is as it was.
public protocol CheckpointWriter: AnyObject {
  /// Where the file will be.
  var path: String { get }

  /// Adds an announced tensor.
  ///
  /// - Throws: `usage` when it differs from what was announced, `unwritable` when the disk is full or
  ///   cannot be written.
  func add(_ name: String, _ tensor: Tensor) throws

  /// Completes the file, flushes it to the disk and gives it its name.
  ///
  /// - Throws: `usage` when announced tensors are missing, `unwritable`.
  func finish() throws

  /// Removes what was written.
  func cancel()
}

/// How names become paths in an HDF5 file. A `/` in a name is a group in both.
public enum HDF5Naming: String, Sendable, Hashable, CaseIterable {
  /// `fc.0.weight` is a dataset of that name.
  case flat
  /// `fc.0.weight` is the dataset `weight` in the groups `fc` and `0`.
  case nested
}

extension Checkpoints {
  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - path: Where the file will be; an existing file is replaced when the new one is complete.
  ///   - tensors: What will be added.
  ///   - metadata: Texts that travel along: attributes of an HDF5 file's root, `__metadata__` of
  ///     safetensors, scalar text entries of an npz.
  /// - Throws: `unwritable` when the file cannot be created, `unsupported` for a dtype that the format
  ///   has not, `usage` for names that occur twice.
  public static func writer(
    _ path: String, format: CheckpointFormat, tensors: [TensorDescription],
    metadata: [String: String] = [:], naming: HDF5Naming = .flat
  ) throws -> any CheckpointWriter {
    switch format {
    case .npz: try NPZWriter(path, tensors: tensors, metadata: metadata)
    case .npy: try NPYWriter(path, tensors: tensors)
    case .hdf5: try HDF5Writer(path, tensors: tensors, metadata: metadata, naming: naming)
    case .safetensors:
      try SafetensorsCheckpointWriter(path, tensors: tensors, metadata: metadata)
    case .pytorch:
      throw WeighbridgeError(
        .unsupported, "PyTorch's own format is not written", file: path,
        remedy: "PyTorch reads safetensors, npz and HDF5")
    }
  }

  /// Writes tensors that are at hand.
  public static func write(
    _ path: String, format: CheckpointFormat, tensors: [(name: String, tensor: Tensor)],
    metadata: [String: String] = [:], naming: HDF5Naming = .flat
  ) throws {
    let plan = tensors.map {
      TensorDescription(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
    }
    let writer = try writer(
      path, format: format, tensors: plan, metadata: metadata, naming: naming)
    for (name, tensor) in tensors { try writer.add(name, tensor) }
    try writer.finish()
  }
}

/// The format that a path's extension asks for, when writing.
extension CheckpointFormat {
  public init?(pathExtension path: String) {
    let name = path.split(separator: "/").last ?? ""
    switch name.split(separator: ".").last?.lowercased() {
    case "npz": self = .npz
    case "npy": self = .npy
    case "h5", "hdf5", "hdf", "he5": self = .hdf5
    case "safetensors": self = .safetensors
    default: return nil
    }
  }
}
