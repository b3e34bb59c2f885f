import WeighbridgeTensors
import WeighbridgeWeights

/// The initialisers of an ONNX model, used in place. Nothing of its network is run, and no other file
/// is opened.
public final class ONNXFile: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .onnx }
  public let metadata: [String: String]
  let index: EntryIndex
  private let map: MappedFile
  private let tensors: [ONNXTensor]

  init(_ map: MappedFile) throws {
    let listing = try map.withBytes { try ONNXListing($0) }
    self.map = map
    path = map.path
    metadata = listing.metadata
    tensors = listing.tensors
    index = EntryIndex(listing.entries, skipped: listing.skipped, path: map.path)
  }

  public func checkUnchanged() throws { try map.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    return try WeighbridgeError.locating(file: path, entry: index[position].name) {
      try tensors[position].tensor(map)
    }
  }
}
