import WeighbridgeTensors
import WeighbridgeWeights

/// What an archive holds, from its directory and the arrays' headers.
struct NPZListing {
  private(set) var entries: [CheckpointEntry] = []
  private(set) var arrays: [NPZArray] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]
  /// The names that are known to stand in the archive twice.
  private var twice: Set<ExactText> = []

  /// A text longer than this is not metadata.
  private static let longestText = 64 << 20

  /// - Throws: `malformed` when the archive holds nothing of NumPy's. What is wrong with an entry is
  ///   its reason.
  init(_ map: MappedFile, _ directory: ZipDirectory) throws {
    try map.withBytes { bytes in
      let repeated = NPZListing.repeatedNames(directory)
      entries.reserveCapacity(directory.entries.count)
      arrays.reserveCapacity(directory.entries.count)
      for (count, entry) in directory.entries.enumerated() where !entry.isDirectory {
        if count % ZipDirectory.batch == ZipDirectory.batch - 1 { map.letGo() }
        let name = entry.name.hasArraySuffix ? String(entry.name.dropLast(4)) : entry.name
        guard !repeated.contains(ExactText(entry.name)) else {
          skipTwice(name)
          continue
        }
        do {
          if let problem = entry.problem { throw Skip(reason: problem) }
          try add(entry, name, bytes, map)
        } catch let skip as Skip {
          skipped.append(SkippedEntry(name: name, reason: skip.reason))
        } catch let error as WeighbridgeError where error.code.exitStatus == 3 {
          skipped.append(SkippedEntry(name: name, reason: SkipReason(error)))
        }
      }
      try checkContent()
    }
  }

  private struct Skip: Error { let reason: SkipReason }

  /// The names that several entries have.
  private static func repeatedNames(_ directory: ZipDirectory) -> Set<ExactText> {
    var (seen, repeated) = (
      Set<ExactText>(minimumCapacity: directory.entries.count), Set<ExactText>()
    )
    for entry in directory.entries {
      let name = ExactText(entry.name)
      if !seen.insert(name).inserted { repeated.insert(name) }
    }
    return repeated
  }

  private mutating func skipTwice(_ name: String) {
    guard twice.insert(ExactText(name)).inserted else { return }
    skipped.append(
      SkippedEntry(
        name: name,
        reason: SkipReason(
          .ambiguous, "the zip archive holds this name twice", remedy: "Keep one of the two")))
  }

  private mutating func add(
    _ entry: ZipEntry, _ name: String, _ bytes: UnsafeRawBufferPointer, _ map: MappedFile
  ) throws {
    guard !entry.isEncrypted else {
      throw Skip(
        reason: SkipReason(
          .encoding, "the entry is encrypted", remedy: "Save the archive without a password"))
    }
    if case .other(let number) = entry.method, !ZipStream.supports(method: number) {
      throw Skip(
        reason: SkipReason(
          .encoding, "is compressed by zip method \(number), which is not read",
          remedy: "Save it with np.savez or np.savez_compressed"))
    }
    guard
      entry.method != .deflated
        || Inflate.isPossible(byteCount: entry.byteCount, storedByteCount: entry.storedByteCount)
    else {
      throw WeighbridgeError(
        .malformed, "promises \(entry.byteCount) bytes, more than its compressed data can hold")
    }
    guard let header = try header(entry, bytes) else {
      throw Skip(reason: SkipReason(.foreign, "is no NumPy array"))
    }
    try header.check(fills: entry.byteCount)
    let array = NPZArray(zip: entry.unnamed, header: header)
    if let text = try text(array, name, map) {
      metadata[name] = text
    } else if case .numbers(let dtype, _) = header.elements {
      entries.append(
        CheckpointEntry(name: name, dtype: dtype, shape: header.shape, storage: array.storage))
      arrays.append(array)
    } else {
      throw Skip(reason: header.skipReason ?? SkipReason(.dtype, "is no tensor"))
    }
  }

  /// An array's header, of a compressed array only the beginning inflated; `nil` for an entry that is
  /// none and does not claim to be one by its name.
  private func header(
    _ entry: ZipEntry, _ bytes: UnsafeRawBufferPointer
  ) throws -> NPYHeader? {
    if entry.method == .stored {
      guard let stored = bytes.slice(at: entry.dataOffset, count: entry.storedByteCount) else {
        throw ZipDirectory.malformed("it lies beyond the file's end")
      }
      return isForeign(entry, stored) ? nil : try NPYHeader(stored)
    }
    guard let input = bytes.slice(at: entry.dataOffset, count: entry.storedByteCount) else {
      throw ZipDirectory.malformed("it lies beyond the file's end")
    }
    var length = min(entry.byteCount, 128)
    while true {
      let start = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        count = try ZipStream(entry, input).read(
          UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<length]))
      }
      if start.withUnsafeBytes({ isForeign(entry, $0) }) { return nil }
      let whole = try start.withUnsafeBytes { try NPYHeader.length(prefix: $0) }
      if whole <= start.count { return try start.withUnsafeBytes { try NPYHeader($0) } }
      guard whole > length, whole <= entry.byteCount else {
        throw WeighbridgeError(.malformed, "the NumPy header is cut off")
      }
      length = whole
    }
  }

  /// Whether an entry is no array and was not meant as one: it lacks NumPy's magic number and the name
  /// of an array, or is what macOS keeps beside every file.
  private func isForeign(_ entry: ZipEntry, _ start: UnsafeRawBufferPointer) -> Bool {
    if start.starts(with: NPYHeader.magic) { return false }
    return !entry.name.hasArraySuffix || start.starts(with: [0x00, 0x05, 0x16, 0x07])
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

  /// - Throws: When there is nothing that NumPy wrote: an archive of another kind, or an empty one.
  private func checkContent() throws {
    guard entries.isEmpty, metadata.isEmpty,
      skipped.allSatisfy({ $0.reason.kind == .foreign })
    else { return }
    throw WeighbridgeError(
      .malformed,
      skipped.isEmpty
        ? "the zip archive is empty" : "none of the zip archive's entries is a NumPy array",
      remedy: "A checkpoint's entries are .npy arrays, as np.savez writes them")
  }
}

extension String {
  /// Whether this is the name of an array in an archive.
  fileprivate var hasArraySuffix: Bool {
    utf8.count > 4 && utf8.suffix(4).elementsEqual(".npy".utf8)
  }
}
