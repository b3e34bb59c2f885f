import WeighbridgeTensors
import WeighbridgeWeights

/// A safetensors checkpoint: one file, or the shards that an index names.
///
/// The tensors of a native weight file are compared with their checksums, once, when first taken;
/// other safetensors files carry none.
public final class SafetensorsCheckpoint: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .safetensors }
  public let metadata: [String: String]
  /// That the file is one shard of several, or a native file without a checksum of its metadata.
  public let remarks: [String]
  /// The file as a native weight file, where it is one.
  public let native: NativeWeights?
  /// Further names of tensors that a model has under several, each with the one that is stored.
  public let aliases: [String: String]
  let index: EntryIndex
  private let files: [SafetensorsFile]
  /// Per entry that the index was given, aliases left out: the file that holds it.
  private let holders: [Int]

  init(_ map: MappedFile) throws {
    let file = try SafetensorsFile(map)
    path = map.path
    native = file.isNative ? try NativeWeights(file) : nil
    remarks =
      (SafetensorsCheckpoint.shardRemark(map.path).map { [$0] } ?? [])
      + (native?.hasMetadataSum == false ? [SafetensorsCheckpoint.unsummed] : [])
    files = [file]
    holders = []
    let names = SharedNames(
      file.entries.map(CheckpointEntry.init), file.metadata, isNative: native != nil)
    aliases = names.aliases
    // A native file says itself what it is, under its sum.
    let beside = native == nil ? HubConfiguration.texts(beside: map.path) : [:]
    metadata = names.metadata.merging(beside) { own, _ in own }
    index = EntryIndex(
      MLXForms.marked(names.entries, by: native == nil ? metadata : [:]), skipped: file.skipped,
      path: map.path)
  }

  init(index map: MappedFile) throws {
    let shards = try SafetensorsIndex(map)
    path = map.path
    remarks = []
    native = nil
    files = shards.shards
    holders = shards.entries.map(\.shard)
    let names = SharedNames(
      shards.entries.map { CheckpointEntry($0.entry) }, shards.metadata, isNative: false)
    aliases = names.aliases
    metadata = names.metadata.merging(HubConfiguration.texts(beside: map.path)) { own, _ in own }
    index = EntryIndex(
      MLXForms.marked(names.entries, by: metadata), skipped: shards.skipped, path: map.path)
  }

  public func checkUnchanged() throws {
    for file in files { try file.checkUnchanged() }
  }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    if let stored = aliases[index[position].name] { return try tensor(stored) }
    try native?.verify(name)
    return try files[holders.isEmpty ? 0 : holders[position]].tensor(name)
  }

  /// What is to be said of a native file of an earlier version.
  private static let unsummed =
    "this native file's metadata has no checksum, as earlier versions wrote it: a changed "
    + "configuration is not noticed; convert it again to add one"

  /// What the name of a shard that was opened by itself says: `model-00001-of-00002.safetensors`.
  private static func shardRemark(_ path: String) -> String? {
    let name = path.split(separator: "/").last ?? ""
    guard let match = name.wholeMatch(of: /.*-(\d{1,9})-of-(\d{1,9})\.safetensors/),
      let number = Int(match.1), let count = Int(match.2), count > 1
    else { return nil }
    return
      "this is shard \(number) of \(count): the other tensors are in the others, and the file that "
      + "ends in .safetensors.index.json opens all of them"
  }
}

extension CheckpointEntry {
  init(_ entry: SafetensorsEntry) {
    self.init(name: entry.name, dtype: entry.dtype, shape: entry.shape, storage: .inPlace)
  }
}

/// The entries of a file with the names that `safetensors.torch.save_model` took out: of tensors that a
/// model shares it stores one, and leaves each other name in the metadata, with the stored one as text.
private struct SharedNames {
  private(set) var entries: [CheckpointEntry]
  private(set) var aliases: [String: String] = [:]
  /// Without the names that became entries.
  private(set) var metadata: [String: String]

  init(_ entries: [CheckpointEntry], _ metadata: [String: String], isNative: Bool) {
    (self.entries, self.metadata) = (entries, metadata)
    // A native file has every name, and texts of its own.
    guard !isNative, !metadata.isEmpty else { return }
    let stored = Dictionary(entries.map { (ExactText($0.name), $0) }) { first, _ in first }
    for (name, text) in metadata.sorted(by: { ExactText($0.key) < ExactText($1.key) }) {
      // `format` says whose conventions the tensors follow: `pt`.
      guard name != "format", stored[ExactText(name)] == nil, let entry = stored[ExactText(text)]
      else { continue }
      aliases[name] = text
      self.metadata[name] = nil
      self.entries.append(
        CheckpointEntry(
          name: name, dtype: entry.dtype, shape: entry.shape, storage: entry.storage))
    }
  }
}
