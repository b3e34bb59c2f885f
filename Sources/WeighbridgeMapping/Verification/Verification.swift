import WeighbridgeCheckpoints
import WeighbridgeTensors
import WeighbridgeWeights

/// Whether a file still holds what was written: every tensor against its checksum, and a native file's
/// metadata against its own.
public struct Verification: Sendable {
  /// What a file keeps to check its tensors by.
  public enum Checksums: String, Sendable, Hashable {
    /// A SHA-256 per tensor, in native weight files.
    case sha256
    /// A CRC-32 per array, in npz files.
    case crc32
    /// A Fletcher-32 per chunk of every dataset, in HDF5 files that were written so.
    case fletcher32
    /// Nothing that covers every tensor.
    case none
  }

  /// A tensor that is not what was written.
  public struct Damage: Sendable, Hashable {
    /// The tensor's name in the file.
    public let name: String
    /// A clause.
    public let reason: String
    package let error: WeighbridgeError
  }

  /// The file's path.
  public let path: String
  /// The file's format.
  public let format: CheckpointFormat
  /// What a native weight file says that it is; `nil` for any other file.
  public let architecture: String?
  /// What the file keeps to check its tensors by.
  public let checksums: Checksums
  /// Whether a native file's metadata has a checksum, which was right; `nil` for any other file.
  public let hasMetadataSum: Bool?
  /// How many tensors the file has.
  public let tensorCount: Int
  /// How many of them have a checksum of their own.
  public let checksummedCount: Int
  /// Tensors that are not what was written, in the order of the file.
  public private(set) var damage: [Damage] = []

  /// Reads every tensor.
  ///
  /// - Parameter onProgress: Called before a tensor is read with how many are done, and its name.
  /// - Throws: `unreadable` when the file changed meanwhile. What is wrong with a tensor is listed.
  public init(
    _ checkpoint: any Checkpoint, onProgress: (Int, String) -> Void = { _, _ in }
  ) throws {
    (path, format) = (checkpoint.path, checkpoint.format)
    let native = (checkpoint as? SafetensorsCheckpoint)?.native
    architecture = native?.manifest.architecture
    hasMetadataSum = native?.hasMetadataSum
    tensorCount = checkpoint.entries.count
    if native != nil || checkpoint.format == .npz {
      checksummedCount = tensorCount
      checksums = native != nil ? .sha256 : .crc32
    } else {
      checksummedCount = checkpoint.entries.count {
        checkpoint.format == .hdf5 && $0.storage.description.contains("fletcher32")
      }
      checksums = checksummedCount > 0 && checksummedCount == tensorCount ? .fletcher32 : .none
    }
    for entry in checkpoint.skipped where entry.reason.kind == .damaged {
      damage.append(Damage(entry.reason.error(file: path, entry: entry.name)))
    }
    if let native {
      onProgress(0, "all tensors")
      damage += native.damage().map { Damage($0.error) }
    } else {
      for (position, entry) in checkpoint.entries.enumerated() {
        onProgress(position, entry.name)
        do {
          try checkpoint.forEachBlock(of: entry.rawPath, limit: 1 << 24) { _ in }
        } catch let error as WeighbridgeError where error.code.exitStatus == 3 {
          damage.append(Damage(error.located(file: path, entry: entry.name)))
        }
      }
    }
    try checkpoint.checkUnchanged()
  }
}

extension Verification.Damage {
  fileprivate init(_ error: WeighbridgeError) {
    self.init(name: error.entry ?? "", reason: error.message, error: error)
  }
}
