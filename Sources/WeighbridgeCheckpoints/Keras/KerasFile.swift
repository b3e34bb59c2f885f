import WeighbridgeTensors
import WeighbridgeWeights

/// Weights that Keras wrote: HDF5, by itself or in a `.keras` archive beside the network's
/// configuration. Entries are named as a person expects, `conv1.kernel`, whatever the file calls them.
package final class KerasFile: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .keras }
  public let metadata: [String: String]
  let index: EntryIndex
  private let weights: HDF5File
  /// Per entry: its path in the HDF5 file.
  private let sources: [String]

  /// - Returns: `nil` for an HDF5 file that is not Keras'.
  convenience init?(_ weights: HDF5File) throws {
    guard KerasNames.isKeras(weights) else { return nil }
    let text = weights.metadata["model_config"]
    try self.init(weights, configuration: text, metadata: weights.metadata)
  }

  /// The archive of a zip file, if it is one of Keras'.
  static func archive(_ map: MappedFile, _ zip: ZipDirectory) throws -> KerasFile? {
    func entry(_ name: String) -> ZipEntry? { zip.entries.first { $0.name == name } }
    guard let weights = entry("model.weights.h5"),
      entry("config.json") ?? entry("metadata.json") != nil
    else { return nil }
    var (metadata, skipped): ([String: String], [SkippedEntry]) = ([:], [])
    // Without them the weights are read all the same.
    func found(_ name: String) -> String? {
      do {
        return try entry(name).map { try text($0, map) }
      } catch {
        skipped.append(SkippedEntry(name: name, reason: SkipError(error).reason))
        return nil
      }
    }
    let configuration = found("config.json")
    if let about = found("metadata.json"),
      case .object(let members)? = try? JSONDocument(parsing: about)
    {
      for member in members { metadata[member.key] = member.value.stringValue }
    }
    if let configuration { metadata["config"] = configuration }
    let content = try WeighbridgeError.locating(entry: weights.name) {
      try HDF5File(weights.content(map))
    }
    return try KerasFile(
      content, configuration: configuration, metadata: metadata, skipped: skipped)
  }

  /// The longest configuration that is read: some thousand layers take 5 MB.
  private static let longestText = 8 << 20

  private static func text(_ entry: ZipEntry, _ map: MappedFile) throws -> String {
    try WeighbridgeError.locating(entry: entry.name) {
      guard entry.byteCount <= longestText else {
        throw WeighbridgeError(.malformed, "is no configuration of \(entry.byteCount) bytes")
      }
      let content = try entry.content(map)
      guard let text = content.withBytes({ String(validating: $0, as: UTF8.self) }) else {
        throw WeighbridgeError(.malformed, "is not UTF-8 text")
      }
      return text
    }
  }

  private init(
    _ weights: HDF5File, configuration: String?, metadata: [String: String],
    skipped: [SkippedEntry] = []
  ) throws {
    self.weights = weights
    path = weights.path
    self.metadata = metadata
    let network = configuration.flatMap { KerasNetwork(json: $0) }
    let names = KerasNames(weights, network)
    let order = names.order
    sources = order.map { weights.entries[$0].rawPath }
    let entries = order.map { position in
      let (entry, named) = (weights.entries[position], names.entries[position])
      return CheckpointEntry(
        name: named.name, rawPath: entry.rawPath, dtype: entry.dtype, shape: entry.shape,
        storage: entry.storage, form: named.form)
    }
    index = EntryIndex(entries, skipped: weights.skipped + skipped, path: path)
  }

  public func checkUnchanged() throws { try weights.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    do {
      return try weights.tensor(sources[position])
    } catch var error as WeighbridgeError {
      error.entry = index[position].name
      throw error
    }
  }
}

extension ZipEntry {
  /// An entry as a file of its own: in place where it is stored.
  ///
  /// - Throws: `malformed` or `unsupported` when it cannot be read.
  func content(_ map: MappedFile) throws -> MappedFile {
    if let problem { throw problem.error(file: map.path, entry: name) }
    guard !isEncrypted, method == .stored || method == .deflated,
      Inflate.isPossible(byteCount: byteCount, storedByteCount: storedByteCount)
    else {
      throw WeighbridgeError(
        .unsupported, "is encrypted or compressed in a way that is not read", entry: name)
    }
    if method == .stored { return try map.part(offset: dataOffset, count: byteCount) }
    let storage = try TorchStorage(
      offset: dataOffset, storedByteCount: storedByteCount, byteCount: byteCount, isDeflated: true
    ).bytes(map)
    return try map.part(holding: storage)
  }
}
