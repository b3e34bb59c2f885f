import WeighbridgeTensors
import WeighbridgeWeights

/// A safetensors checkpoint: one file, or the shards that an index names.
///
/// The tensors of a native weight file are compared with their checksums, once, when first taken;
/// other safetensors files carry none.
public final class SafetensorsCheckpoint: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .safetensors }
  public var skipped: [SkippedEntry] { [] }
  public let metadata: [String: String]
  /// The file as a native weight file, where it is one.
  public let native: NativeWeights?
  let index: EntryIndex
  /// Per entry of `index`: the file that holds it.
  private let holders: [SafetensorsFile]

  init(_ map: MappedFile) throws {
    let file = try SafetensorsFile(map)
    path = map.path
    metadata = file.metadata
    native = file.isNative ? try NativeWeights(file) : nil
    (index, holders) = try SafetensorsCheckpoint.index([file], path: map.path)
  }

  init(index map: MappedFile) throws {
    let shards = try SafetensorsIndex(map)
    path = map.path
    metadata = shards.metadata
    native = nil
    (index, holders) = try SafetensorsCheckpoint.index(shards.shards, path: map.path)
  }

  private static func index(
    _ files: [SafetensorsFile], path: String
  ) throws -> (EntryIndex, [SafetensorsFile]) {
    let entries = files.flatMap { file in
      file.entries.map {
        CheckpointEntry(name: $0.name, dtype: $0.dtype, shape: $0.shape, storage: .inPlace)
      }
    }
    let holders = files.flatMap { file in file.entries.map { _ in file } }
    return (try EntryIndex(entries, skipped: [], path: path), holders)
  }

  public func tensor(_ name: String) throws -> Tensor {
    let holder = holders[try index.position(of: name)]
    try native?.verify(name)
    return try holder.tensor(name)
  }
}
