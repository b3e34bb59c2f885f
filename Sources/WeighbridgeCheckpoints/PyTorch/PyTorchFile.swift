import WeighbridgeTensors
import WeighbridgeWeights

/// A file of `torch.save`, whatever its name: `.pth`, `.pt`, `.bin`, `.th`, `.ckpt`.
///
/// Its pickle is read by a machine that can build tensors, dictionaries, lists, numbers and texts, and
/// runs nothing: an object of any other class is a name and its attributes. Storages are used in
/// place, and shared ones stay shared.
package final class PyTorchFile: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .pytorch }
  public let metadata: [String: String]
  let index: EntryIndex
  private let map: MappedFile
  private let contents: TorchContents
  /// Per entry of `index`.
  private let tensors: [TorchTensor]

  /// A zip archive of PyTorch's.
  static func archive(_ map: MappedFile, _ archive: TorchArchive) throws -> PyTorchFile {
    try PyTorchFile(map, archive.read(map))
  }

  /// A legacy file, or a plain pickle.
  static func legacy(_ map: MappedFile) throws -> PyTorchFile {
    try PyTorchFile(map, map.withBytes(TorchLegacy.read))
  }

  private init(_ map: MappedFile, _ contents: consuming TorchContents) throws {
    let found = try contents.takeTensors()
    var (entries, kept, skipped) = ([CheckpointEntry](), [TorchTensor](), found.skipped)
    entries.reserveCapacity(found.tensors.count)
    kept.reserveCapacity(found.tensors.count)
    for (name, tensor) in found.tensors {
      do {
        entries.append(try contents.entry(name, tensor))
        kept.append(tensor)
      } catch let error as WeighbridgeError {
        skipped.append(SkippedEntry(name: name, reason: SkipReason(error)))
      }
    }
    guard !entries.isEmpty || !skipped.isEmpty else {
      throw WeighbridgeError(
        .malformed, "is a pickle that holds no tensors",
        remedy: "Save a state dict: torch.save(net.state_dict(), PATH)")
    }
    self.map = map
    self.contents = contents
    path = map.path
    metadata = found.metadata.merging(HubConfiguration.texts(beside: map.path)) { own, _ in own }
    tensors = kept
    index = EntryIndex(entries, skipped: skipped, path: map.path)
  }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    return try WeighbridgeError.locating(file: path, entry: index[position].name) {
      try contents.tensor(tensors[position], map)
    }
  }
}

extension TorchContents {
  /// Elements that views repeat beyond their storage's size, in bytes, are refused beyond this: no
  /// program saves them, and reading them would take memory that the file does not have.
  private static let repeatLimit = 256 << 20

  /// A tensor as its header describes it.
  ///
  /// - Throws: `malformed` when it does not lie within its storage.
  func entry(_ name: String, _ tensor: TorchTensor) throws -> CheckpointEntry {
    switch tensor {
    case .array(let array):
      let header = array.header
      guard case .numbers(let dtype, _) = header.elements else {
        throw WeighbridgeError(.unsupported, "is no tensor")
      }
      return CheckpointEntry(
        name: name, dtype: dtype, shape: array.shape, storage: .copied("pickled"))
    case .view(let id, let dtype, let shape, let strides, let offset):
      let storage = try storage(id, isEmpty: shape.elementCount == 0)
      let start = try byteOffset(id, dtype, offset)
      let described = Tensor(describing: dtype, shape: shape)
      try described.checkReach(
        strides: strides ?? shape.contiguousStrides, from: start,
        within: min(storage.byteCount, id.view?.upperBound ?? storage.byteCount))
      let byteCount = shape.elementCount * dtype.byteCount
      guard byteCount <= max(storage.byteCount, Self.repeatLimit) else {
        throw WeighbridgeError(
          .malformed, "repeats the \(storage.byteCount) bytes of its storage to \(byteCount)")
      }
      return CheckpointEntry(
        name: name, dtype: dtype, shape: shape, storage: note(storage, dtype))
    }
  }

  /// The tensor.
  func tensor(_ tensor: TorchTensor, _ map: MappedFile) throws -> Tensor {
    switch tensor {
    case .array(let array): return try array.header.tensor(bytes(array.bytes, map))
    case .view(let id, let dtype, let shape, let strides, let offset):
      if shape.elementCount == 0 { return try Tensor.empty(dtype, shape) }
      let storage = try storage(id, isEmpty: false)
      let bytes = try storage.bytes(map)
      let start = try byteOffset(id, dtype, offset)
      let view = try Tensor(
        dtype: dtype, shape: shape, strides: strides ?? shape.contiguousStrides, storage: bytes,
        byteOffset: start)
      return isBigEndian ? try view.byteSwapped() : view
    }
  }

  private func storage(_ id: TorchStorageID, isEmpty: Bool) throws -> TorchStorage {
    if let found = storages[id.key] {
      try id.check(found)
      return found
    }
    if isEmpty { return TorchStorage(offset: 0, storedByteCount: 0, byteCount: 0) }
    throw WeighbridgeError(
      .malformed, "its storage '\(id.key.prefix(64))' is missing",
      remedy: "Save or download the file again")
  }

  private func byteOffset(_ id: TorchStorageID, _ dtype: DType, _ offset: Int) throws -> Int {
    let (bytes, overflow) = offset.multipliedReportingOverflow(by: dtype.byteCount)
    let (sum, carried) = bytes.addingReportingOverflow(id.view?.lowerBound ?? 0)
    guard !overflow, !carried else {
      throw WeighbridgeError(.malformed, "begins beyond any memory")
    }
    return sum
  }

  private func note(_ storage: TorchStorage, _ dtype: DType) -> StorageNote {
    if storage.isDeflated {
      return .encoded("deflate", storedBytes: storage.storedByteCount)
    }
    return isBigEndian && dtype.byteCount > 1 ? .copied("big-endian") : .inPlace
  }

  private func bytes(_ bytes: NumPyArray.Bytes, _ map: MappedFile) throws -> TensorStorage {
    switch bytes {
    case .range(let range):
      guard let pickle else { return try map.storage(offset: range.lowerBound, count: range.count) }
      guard range.upperBound <= pickle.byteCount else {
        throw WeighbridgeError(.malformed, "lies beyond the pickle's end")
      }
      return try pickle.part(from: range.lowerBound)
    case .latin1(let text):
      let values = text.unicodeScalars.map(\.value)
      guard values.allSatisfy({ $0 < 256 }) else {
        throw WeighbridgeError(.malformed, "its bytes are written as text that holds none")
      }
      return try TensorStorage(byteCount: values.count) { output in
        for (index, value) in values.enumerated() { output[index] = UInt8(value) }
      }
    }
  }
}

extension NumPyArray {
  fileprivate var header: NPYHeader {
    NPYHeader(
      elements: elements, isFortranOrder: isFortranOrder, shape: shape, dataOffset: 0)
  }
}

extension Tensor {
  /// Checks that the elements of this shape, so far apart, lie within a storage.
  ///
  /// - Throws: `malformed` otherwise.
  fileprivate func checkReach(strides: [Int], from start: Int, within byteCount: Int) throws {
    guard elementCount > 0 else { return }
    var last = 0
    for (extent, stride) in zip(shape, strides) {
      let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carried) = last.addingReportingOverflow(reach)
      guard !overflow, !carried else {
        throw WeighbridgeError(.malformed, "its strides lead beyond any memory")
      }
      last = sum
    }
    let available = (byteCount - start) / dtype.byteCount
    guard start <= byteCount, start % dtype.byteCount == 0, last < available else {
      throw WeighbridgeError(
        .malformed, "needs more than the \(byteCount) bytes of its storage",
        remedy: "Save or download the file again")
    }
  }

  fileprivate static func empty(_ dtype: DType, _ shape: Shape) throws -> Tensor {
    try Tensor(dtype: dtype, shape: shape, storage: TensorStorage(byteCount: 0) { _ in })
  }
}
