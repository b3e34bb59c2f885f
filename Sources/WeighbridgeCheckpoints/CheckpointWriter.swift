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

  /// The name that a reader finds in an HDF5 file for a tensor that was written under a name.
  package static func nameRead(of name: String) -> String { name.replacing("/", with: ".") }
}

extension Checkpoints {
  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - path: Where the file will be; an existing file is replaced when the new one is complete.
  ///   - tensors: What will be added.
  ///   - metadata: Texts that travel along: attributes of an HDF5 file's root, `__metadata__` of
  ///     safetensors, scalar text entries of an npz.
  ///   - level: Compresses npz and HDF5, from 1, the fastest, to 9.
  /// - Throws: `unwritable` when the file cannot be created, `unsupported` for a dtype that the format
  ///   has not, `usage` for names that occur twice.
  public static func writer(
    _ path: String, format: CheckpointFormat, tensors: [TensorDescription],
    metadata: [String: String] = [:], naming: HDF5Naming = .flat, gzip level: Int? = nil
  ) throws -> any CheckpointWriter {
    try format.checkIsBuilt(file: path)
    guard let write = format.write else {
      throw WeighbridgeError(
        .unsupported, "\(format.title) files are read, not written", file: path,
        remedy: "Write \(CheckpointFormat.titles(CheckpointFormat.written))")
    }
    guard level == nil || format.compresses, (1...9).contains(level ?? 1) else {
      throw WeighbridgeError(
        .usage,
        format.compresses
          ? "compression has levels from 1 to 9, not \(level ?? 0)"
          : "\(format.title) files are not compressed", file: path)
    }
    return CheckedWriter(
      try write(
        path,
        CheckpointContent(tensors: tensors, metadata: metadata, naming: naming, level: level)),
      format)
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
