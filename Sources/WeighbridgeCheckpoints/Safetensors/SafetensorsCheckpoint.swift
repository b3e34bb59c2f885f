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
  public let remarks: [String]
  /// The file as a native weight file, where it is one.
  public let native: NativeWeights?
  let index: EntryIndex
  private let files: [SafetensorsFile]
  /// Per entry that the index was given: the file that holds it.
  private let holders: [Int]

  init(_ map: MappedFile) throws {
    let file = try SafetensorsFile(map)
    path = map.path
    metadata = file.metadata.merging(HubConfiguration.texts(beside: map.path)) { own, _ in own }
    remarks = SafetensorsCheckpoint.shardRemark(map.path).map { [$0] } ?? []
    native = file.isNative ? try NativeWeights(file) : nil
    files = [file]
    holders = []
    index = EntryIndex(
      file.entries.map(CheckpointEntry.init), skipped: file.skipped, path: map.path)
  }

  init(index map: MappedFile) throws {
    let shards = try SafetensorsIndex(map)
    path = map.path
    metadata = shards.metadata.merging(HubConfiguration.texts(beside: map.path)) { own, _ in own }
    remarks = []
    native = nil
    files = shards.shards
    holders = shards.entries.map(\.shard)
    index = EntryIndex(
      shards.entries.map { CheckpointEntry($0.entry) }, skipped: shards.skipped, path: map.path)
  }

  public func checkUnchanged() throws {
    for file in files { try file.checkUnchanged() }
  }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    try native?.verify(name)
    return try files[holders.isEmpty ? 0 : holders[position]].tensor(name)
  }

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
