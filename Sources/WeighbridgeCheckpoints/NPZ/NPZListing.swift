import WeighbridgeTensors
import WeighbridgeWeights

/// What an archive holds, from its directory and the arrays' headers.
struct NPZListing {
  private(set) var entries: [CheckpointEntry] = []
  private(set) var arrays: [NPZArray] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]
  private var library: ZipLibrary?

  /// A text longer than this is not metadata.
  private static let longestText = 64 << 20

  /// - Throws: `unsupported` for encrypted entries, pickled objects and unknown compression,
  ///   `malformed` for whatever contradicts itself.
  init(_ map: MappedFile) throws {
    try map.withBytes { bytes in
      let directory = try ZipDirectory(bytes)
      var names: Set<String> = []
      for (index, entry) in directory.entries.enumerated() where !entry.isDirectory {
        guard names.insert(entry.name).inserted else {
          throw WeighbridgeError(
            .malformed, "the zip archive holds this name twice", entry: entry.name,
            remedy: "Keep one of the two")
        }
        let name = entry.name.hasSuffix(".npy") ? String(entry.name.dropLast(4)) : entry.name
        try WeighbridgeError.locating(entry: name) { try add(entry, name, index, bytes, map) }
      }
    }
    library = nil
    guard !entries.isEmpty || !metadata.isEmpty else { throw emptyError() }
  }

  private mutating func add(
    _ entry: ZipEntry, _ name: String, _ index: Int, _ bytes: UnsafeRawBufferPointer,
    _ map: MappedFile
  ) throws {
    guard !entry.isEncrypted else {
      throw WeighbridgeError(
        .unsupported, "the entry is encrypted", remedy: "Save the archive without a password")
    }
    guard entry.name.hasSuffix(".npy") else {
      skipped.append(SkippedEntry(name: name, reason: SkipReason(.foreign, "is no NumPy array")))
      return
    }
    if case .other(let number) = entry.method, !ZipLibrary.supports(method: number) {
      throw WeighbridgeError(
        .unsupported, "is compressed by zip method \(number), which is not known",
        remedy: "Save it with np.savez or np.savez_compressed")
    }
    guard
      entry.method != .deflated
        || Inflate.isPossible(byteCount: entry.byteCount, storedByteCount: entry.storedByteCount)
    else {
      throw WeighbridgeError(
        .malformed, "promises \(entry.byteCount) bytes, more than its compressed data can hold")
    }
    let header = try header(entry, index, bytes)
    try header.check(fills: entry.byteCount)
    let array = NPZArray(zip: entry, zipIndex: index, header: header)
    if let text = try text(array, name, map) {
      metadata[name] = text
    } else if case .numbers(let dtype, _) = header.elements {
      entries.append(
        CheckpointEntry(name: name, dtype: dtype, shape: header.shape, storage: array.storage))
      arrays.append(array)
    } else if case .objects = header.elements {
      throw WeighbridgeError(
        .unsupported, header.skipReason?.clause ?? "", remedy: "Save plain arrays only")
    } else {
      skipped.append(
        SkippedEntry(name: name, reason: header.skipReason ?? SkipReason(.dtype, "is no tensor")))
    }
  }

  /// An array's header; of a compressed array only the beginning is inflated.
  private mutating func header(
    _ entry: ZipEntry, _ index: Int, _ bytes: UnsafeRawBufferPointer
  ) throws -> NPYHeader {
    if entry.method == .stored {
      guard let stored = bytes.slice(at: entry.dataOffset, count: entry.storedByteCount) else {
        throw ZipDirectory.malformed("it lies beyond the file's end")
      }
      return try NPYHeader(stored)
    }
    let library = try library ?? ZipLibrary(bytes)
    self.library = library
    var length = min(entry.byteCount, 128)
    while true {
      let start = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        count = try library.read(
          index,
          into: UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<length]))
      }
      let whole = try start.withUnsafeBytes { try NPYHeader.length(prefix: $0) }
      if whole <= start.count { return try start.withUnsafeBytes { try NPYHeader($0) } }
      guard whole > length, whole <= entry.byteCount else {
        throw WeighbridgeError(.malformed, "the NumPy header is cut off")
      }
      length = whole
    }
  }

  /// The text of an array that is metadata: a scalar text, or the bytes named `metadata`.
  private func text(_ array: NPZArray, _ name: String, _ map: MappedFile) throws -> String? {
    switch array.header.elements {
    case .unicode, .bytes: guard array.header.shape.elementCount == 1 else { return nil }
    case .numbers(.uint8, _):
      guard name == "metadata", array.header.shape.rank == 1 else { return nil }
    default: return nil
    }
    guard array.zip.byteCount <= NPZListing.longestText else { return nil }
    if array.zip.method == .stored {
      try array.verify(map)
      return try map.withBytes { bytes in
        guard let stored = bytes.slice(at: array.zip.dataOffset, count: array.zip.byteCount) else {
          return nil
        }
        return try array.header.text(stored)
      }
    }
    let storage = try array.inflated(map)
    return try storage.withBytes { try array.header.text($0) }
  }

  /// Why there is nothing to read: an archive of another kind, or an empty one.
  private func emptyError() -> WeighbridgeError {
    if skipped.contains(where: { $0.name.hasSuffix("/data.pkl") || $0.name == "data.pkl" }) {
      return WeighbridgeError(
        .unsupported, "is a PyTorch pickle archive (.pth), which is not read",
        remedy: "tools/export-checkpoint IN.pth OUT.npz rewrites its state dict as npz, HDF5 or "
          + "safetensors")
    }
    return WeighbridgeError(
      .malformed, "the zip archive holds no NumPy arrays", remedy: "Checkpoints hold .npy entries")
  }
}
