import WeighbridgeTensors

/// An open safetensors file. Its tensors use the file's bytes in place, from a memory map that they
/// keep alive.
public final class SafetensorsFile: Sendable {
  /// The path that was opened.
  public let path: String
  /// The tensors, in the order of their bytes.
  public let entries: [SafetensorsEntry]
  /// What the header lists and what cannot be used.
  public let skipped: [SkippedEntry]
  /// The texts under `__metadata__`.
  public let metadata: [String: String]
  private let positions: [ExactText: Int]
  private let map: MappedFile

  /// Opens a file and checks its whole header.
  ///
  /// - Throws: `unreadable`, `malformed` or `unsupported`.
  public convenience init(path: String) throws {
    try self.init(MappedFile(path: path))
  }

  package init(_ map: MappedFile) throws {
    let header: SafetensorsHeader
    do {
      header = try map.withBytes { try SafetensorsHeader($0) }
    } catch let error as WeighbridgeError {
      throw error.located(file: map.path)
    }
    self.map = map
    path = map.path
    entries = header.entries
    skipped = header.skipped
    metadata = header.metadata
    // The header's reader has skipped duplicate names.
    positions = Dictionary(
      header.entries.enumerated().map { (ExactText($1.name), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Whether this is a native weight file.
  package var isNative: Bool { NativeManifest.isPresent(in: metadata) }

  /// The entry of a name.
  public func entry(_ name: String) -> SafetensorsEntry? {
    positions[ExactText(name)].map { entries[$0] }
  }

  /// The tensor of a name, in place.
  ///
  /// - Throws: `mapping` when there is none, `unsupported` or `malformed` when it was skipped.
  public func tensor(_ name: String) throws -> Tensor {
    guard let entry = entry(name) else {
      if let skipped = skipped.first(where: { ExactText($0.name) == ExactText(name) }) {
        throw skipped.reason.error(file: path, entry: name)
      }
      throw WeighbridgeError(.mapping, "there is no entry of this name", file: path, entry: name)
    }
    let storage = try map.storage(offset: entry.byteOffset, count: entry.byteCount)
    return try Tensor(dtype: entry.dtype, shape: entry.shape, storage: storage)
  }

  /// Checks that nobody has written into the file since it was opened.
  ///
  /// - Throws: `unreadable` when somebody has.
  package func checkUnchanged() throws { try map.checkUnchanged() }

  /// Calls `body` with an entry's bytes.
  package func withBytes<R>(
    of entry: SafetensorsEntry, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    try map.withBytes { bytes in
      guard let slice = bytes.slice(at: entry.byteOffset, count: entry.byteCount) else {
        throw WeighbridgeError(
          .malformed, "its bytes lie beyond the file's end", file: path, entry: entry.name)
      }
      return try body(slice)
    }
  }
}
