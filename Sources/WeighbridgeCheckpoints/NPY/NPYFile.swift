import WeighbridgeTensors
import WeighbridgeWeights

/// A plain `.npy` file: one tensor, named like the file without its extension.
public final class NPYFile: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .npy }
  public var metadata: [String: String] { [:] }
  let index: EntryIndex
  private let header: NPYHeader
  private let map: MappedFile

  init(_ map: MappedFile) throws {
    self.map = map
    path = map.path
    let name = NPYFile.stem(map.path)
    (header, index) = try WeighbridgeError.locating(file: map.path) {
      let header = try map.withBytes { try NPYHeader($0) }
      if let reason = header.skipReason { throw reason.error(file: map.path, entry: name) }
      try header.check(fills: map.byteCount)
      guard case .numbers(let dtype, _) = header.elements else {
        throw WeighbridgeError(.unsupported, "is no tensor")
      }
      let entry = CheckpointEntry(
        name: name, dtype: dtype, shape: header.shape, storage: header.plainStorage)
      return (header, EntryIndex([entry], skipped: [], path: map.path))
    }
  }

  public func checkUnchanged() throws { try map.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    _ = try index.position(of: name)
    return try WeighbridgeError.locating(file: path, entry: name) {
      try header.tensor(map.storage(offset: 0, count: map.byteCount))
    }
  }

  private static func stem(_ path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.utf8.suffix(4).elementsEqual(".npy".utf8) && name.utf8.count > 4
      ? String(name.dropLast(4)) : name
  }
}
