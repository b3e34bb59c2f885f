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
  public let metadata: [String: String]
  let index: EntryIndex
  private let map: MappedFile
  /// Per entry of `index`: its array in the archive.
  private let arrays: [NPZArray]
  /// Which arrays' checksums were found right.
  private let verified: Mutex<Set<Int>>

  init(_ map: MappedFile, _ directory: ZipDirectory) throws {
    let content = try WeighbridgeError.locating(file: map.path) { try NPZListing(map, directory) }
    self.map = map
    path = map.path
    metadata = content.metadata
    arrays = content.arrays
    index = EntryIndex(content.entries, skipped: content.skipped, path: map.path)
    verified = Mutex([])
  }

  public func checkUnchanged() throws { try map.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    let array = arrays[position]
    return try WeighbridgeError.locating(file: path, entry: index[position].name) {
      guard array.zip.method == .stored else {
        return try array.header.tensor(array.inflated(map))
      }
      try verify(array, position)
      let storage = try map.storage(offset: array.zip.dataOffset, count: array.zip.byteCount)
      return try array.header.tensor(storage)
    }
  }
}

extension NPZFile {
  /// Inflates a compressed array piece by piece, so that memory is needed for one block.
  public func forEachBlock(
    of name: String, limit: Int, _ body: (Tensor) throws -> Void
  ) throws {
    let position = try index.position(of: name)
    let array = arrays[position]
    guard case .numbers(let dtype, let bigEndian) = array.header.elements else { return }
    try WeighbridgeError.locating(file: path, entry: index[position].name) {
      let step = max(1, limit / dtype.byteCount) * dtype.byteCount
      func hand(_ storage: TensorStorage, _ count: Int) throws {
        let block = try Tensor(dtype: dtype, shape: [count / dtype.byteCount], storage: storage)
        try body(bigEndian ? block.byteSwapped() : block)
      }
      guard array.zip.method == .stored else {
        // Small ones are faster at once.
        if array.zip.byteCount <= 4 * step {
          return try array.header.tensor(array.inflated(map)).forEachBlock(limit: limit, body)
        }
        return try array.inflateInBlocks(map, step, hand)
      }
      try verify(array, position)
      let (start, end) = (array.zip.dataOffset + array.header.dataOffset, array.zip.dataEnd)
      for offset in stride(from: start, to: end, by: step) {
        let count = min(step, end - offset)
        try hand(map.storage(offset: offset, count: count), count)
      }
    }
  }

  /// Checks the CRC-32 of a stored array, once.
  private func verify(_ array: NPZArray, _ position: Int) throws {
    guard !verified.withLock({ $0.contains(position) }) else { return }
    try array.verify(map)
    verified.withLock { _ = $0.insert(position) }
  }
}

/// An array of an archive: its zip entry and its header.
struct NPZArray: Sendable {
  let zip: ZipEntry
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
  ///
  /// - Throws: `malformed` for one that promises to fill the memory: some compressions make millions of
  ///   bytes of a few.
  func inflated(_ map: MappedFile) throws -> TensorStorage {
    guard zip.byteCount <= NPZArray.trusted || zip.byteCount / 4096 <= zip.storedByteCount else {
      throw WeighbridgeError(
        .malformed, "promises \(zip.byteCount) bytes, compressed to \(zip.storedByteCount)",
        remedy: "Where that is meant, save it again with np.savez_compressed")
    }
    return try TensorStorage(byteCount: zip.byteCount) { output in
      try map.withBytes { bytes in
        let output = UnsafeMutableRawBufferPointer(rebasing: output[..<zip.byteCount])
        guard let input = bytes.slice(at: zip.dataOffset, count: zip.storedByteCount) else {
          throw ZipDirectory.malformed("it lies beyond the file's end")
        }
        if zip.method == .deflated {
          try Inflate.run(input, into: output)
        } else {
          let stream = try ZipStream(zip, input)
          try stream.readExactly(output)
          try stream.expectEnd()
        }
        try check(CRC32.checksum(UnsafeRawBufferPointer(output)))
      }
    }
  }

  /// The elements, decompressed block by block: `hand` gets memory with `count` bytes in it. The end of
  /// the data and its CRC-32 are checked after the last.
  func inflateInBlocks(
    _ map: MappedFile, _ step: Int, _ hand: (TensorStorage, _ count: Int) throws -> Void
  ) throws {
    try map.withBytes { bytes in
      guard let input = bytes.slice(at: zip.dataOffset, count: zip.storedByteCount) else {
        throw ZipDirectory.malformed("it lies beyond the file's end")
      }
      let stream = try ZipStream(zip, input)
      var start = [UInt8](repeating: 0, count: header.dataOffset)
      try start.withUnsafeMutableBytes { try stream.readExactly($0) }
      for offset in stride(from: header.dataOffset, to: zip.byteCount, by: step) {
        let count = min(step, zip.byteCount - offset)
        let block = try TensorStorage(byteCount: count) { output in
          try stream.readExactly(UnsafeMutableRawBufferPointer(rebasing: output[..<count]))
        }
        try hand(block, count)
      }
      try stream.expectEnd()
    }
  }

  private func check(_ sum: UInt32) throws {
    guard Checksums.agree(zip.crc, sum) else { throw NPZArray.checksumError }
  }

  /// What any compressed array may come to, however little it is compressed to.
  private static let trusted = 1 << 28

  static let checksumError = WeighbridgeError(
    .malformed, "the bytes are damaged: their CRC-32 is not the one in the archive",
    remedy: "Save or download the file again")
}
