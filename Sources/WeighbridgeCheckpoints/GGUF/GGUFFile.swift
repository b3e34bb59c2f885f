import WeighbridgeTensors
import WeighbridgeWeights

/// A GGUF file. Unquantised tensors are used in place; others are listed.
public final class GGUFFile: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .gguf }
  public let metadata: [String: String]
  let index: EntryIndex
  private let map: MappedFile
  private let offsets: [Int]
  private let isBigEndian: Bool

  init(_ map: MappedFile) throws {
    let listing = try map.withBytes { try GGUFListing($0) }
    self.map = map
    path = map.path
    metadata = listing.metadata
    offsets = listing.offsets
    isBigEndian = listing.isBigEndian
    index = EntryIndex(listing.entries, skipped: listing.skipped, path: map.path)
  }

  public func checkUnchanged() throws { try map.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    let entry = index[position]
    return try WeighbridgeError.locating(file: path, entry: entry.name) {
      let storage = try map.storage(offset: offsets[position], count: entry.byteCount)
      let tensor = try Tensor(dtype: entry.dtype, shape: entry.shape, storage: storage)
      return isBigEndian ? try tensor.byteSwapped() : tensor
    }
  }
}
