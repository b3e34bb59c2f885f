import Synchronization
import WeighbridgeTensors
import WeighbridgeWeights

/// A `.npz` file: a zip archive of NumPy arrays.
///
/// Stored arrays are used in place; their CRC-32 is checked once, when a tensor is first taken.
/// Deflated ones are inflated, and checked, each time.
public final class NPZFile: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .npz }
  public let skipped: [SkippedEntry]
  public let metadata: [String: String]
  let index: EntryIndex
  private let map: MappedFile
  /// Per entry of `index`: its array in the archive.
  private let arrays: [NPZArray]
  /// Which arrays' checksums were found right.
  private let verified: Mutex<Set<Int>>

  init(_ map: MappedFile) throws {
    let content = try WeighbridgeError.locating(file: map.path) { try NPZListing(map) }
    self.map = map
    path = map.path
    skipped = content.skipped
    metadata = content.metadata
    arrays = content.arrays
    index = try EntryIndex(content.entries, skipped: content.skipped, path: map.path)
    verified = Mutex([])
  }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    let array = arrays[position]
    return try WeighbridgeError.locating(file: path, entry: index.entries[position].name) {
      guard array.zip.method == .stored else {
        return try array.header.tensor(array.inflated(map))
      }
      if !verified.withLock({ $0.contains(position) }) {
        try array.verify(map)
        verified.withLock { _ = $0.insert(position) }
      }
      let storage = try map.storage(offset: array.zip.dataOffset, count: array.zip.byteCount)
      return try array.header.tensor(storage)
    }
  }
}

/// An array of an archive: its zip entry and its header.
struct NPZArray: Sendable {
  let zip: ZipEntry
  /// The entry's position in the archive, by which libzip knows it.
  let zipIndex: Int
  let header: NPYHeader

  var storage: StorageNote {
    switch zip.method {
    case .stored: header.plainStorage
    case .deflated: .encoded("deflate", storedBytes: zip.storedByteCount)
    case .other(let number): .encoded("zip method \(number)", storedBytes: zip.storedByteCount)
    }
  }

  /// Checks the CRC-32 of a stored array.
  func verify(_ map: MappedFile) throws {
    try map.withBytes { bytes in
      guard let stored = bytes.slice(at: zip.dataOffset, count: zip.storedByteCount) else {
        throw ZipDirectory.malformed("it lies beyond the file's end")
      }
      try check(CRC32.checksum(stored))
    }
  }

  /// The whole array file, decompressed, its CRC-32 checked.
  func inflated(_ map: MappedFile) throws -> TensorStorage {
    try TensorStorage(byteCount: zip.byteCount) { output in
      try map.withBytes { bytes in
        let output = UnsafeMutableRawBufferPointer(rebasing: output[..<zip.byteCount])
        guard let input = bytes.slice(at: zip.dataOffset, count: zip.storedByteCount) else {
          throw ZipDirectory.malformed("it lies beyond the file's end")
        }
        if zip.method == .deflated {
          try Inflate.run(input, into: output)
        } else {
          let count = try ZipLibrary(bytes).read(zipIndex, into: output)
          guard count == zip.byteCount else { throw ZipDirectory.malformed("it is cut off") }
        }
        try check(CRC32.checksum(UnsafeRawBufferPointer(output)))
      }
    }
  }

  private func check(_ sum: UInt32) throws {
    guard sum == zip.crc else {
      throw WeighbridgeError(
        .malformed, "the bytes are damaged: their CRC-32 is not the one in the archive",
        remedy: "Save or download the file again")
    }
  }
}
