import WeighbridgeParallel
import WeighbridgeTensors
import WeighbridgeWeights

/// An HDF5 file, flat or in nested groups.
///
/// Its structure is read in Swift, within bounds that follow from its size; libhdf5 never sees it. The
/// elements of contiguous datasets are used in place, from a memory map, and chunks are decoded from it
/// in parallel.
public final class HDF5File: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .hdf5 }
  public let metadata: [String: String]
  let index: EntryIndex
  private let datasets: [HDF5Dataset]
  private let map: MappedFile
  /// The names of the root's attributes.
  let attributes: Set<String>
  /// The groups `vars`, by path, with their attribute `name`.
  let variableGroups: [String: String]

  init(_ map: MappedFile) throws {
    self.map = map
    path = map.path
    var content = try WeighbridgeError.locating(file: map.path) {
      do {
        return try map.withBytes { try HDF5Content(HDF5Listing(HDF5Structure($0))) }
      } catch let error as HDF5Unreadable {
        throw error.reason.error(file: map.path, entry: "")
      }
    }
    try content.takeMetadata { try HDF5File.tensor($0, map) }
    metadata = content.metadata
    (attributes, variableGroups) = (content.attributes, content.variableGroups)
    datasets = content.datasets
    index = EntryIndex(content.entries, skipped: content.skipped, path: map.path)
  }

  public func checkUnchanged() throws { try map.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    let entry = index[position]
    return try WeighbridgeError.locating(file: path, entry: entry.name) {
      do {
        return try HDF5File.tensor(datasets[position], map)
      } catch let error as HDF5Unreadable {
        throw error.reason.error(file: path, entry: entry.name)
      }
    }
  }

  private static func tensor(_ dataset: HDF5Dataset, _ map: MappedFile) throws -> Tensor {
    let byteCount = dataset.shape.elementCount * dataset.dtype.byteCount
    let storage: TensorStorage
    switch dataset.layout.kind {
    case .contiguous(let offset), .compact(let offset):
      storage = try map.storage(offset: offset, count: byteCount)
    case .absent:
      storage = try TensorStorage(byteCount: byteCount) { fill($0, with: dataset.fill) }
    case .chunked(let chunking):
      let decoder = HDF5ChunkDecoder(
        grid: try HDF5ChunkGrid(shape: dataset.shape.dimensions, chunking), dtype: dataset.dtype,
        isBigEndian: dataset.isBigEndian)
      storage = try TensorStorage(byteCount: byteCount) { output in
        let output = UnsafeMutableRawBufferPointer(rebasing: output[..<byteCount])
        try readChunks(decoder, fill: dataset.fill, map, into: output)
      }
    }
    let tensor = try Tensor(dtype: dataset.dtype, shape: dataset.shape, storage: storage)
    return dataset.isBigEndian ? try tensor.byteSwapped() : tensor
  }

  /// Decodes chunks on several threads.
  private static func readChunks(
    _ decoder: HDF5ChunkDecoder, fill element: [UInt8], _ map: MappedFile,
    into output: UnsafeMutableRawBufferPointer
  ) throws {
    guard !output.isEmpty else { return }
    try map.withBytes { bytes in
      let (chunks, areAll) = try HDF5Structure(bytes).chunks(decoder.grid)
      if !areAll { fill(output, with: element) }
      nonisolated(unsafe) let output = output
      _ = try Parallel.collect(chunks.count) {
        try decoder.decode(chunks[$0], from: bytes, to: output)
      }
    }
  }

  /// Repeats an element, by copies of ever larger parts.
  private static func fill(_ output: UnsafeMutableRawBufferPointer, with element: [UInt8]) {
    guard let base = output.baseAddress, !element.isEmpty, output.count >= element.count else {
      return
    }
    guard element.contains(where: { $0 != 0 }) else {
      base.initializeMemory(as: UInt8.self, repeating: 0, count: output.count)
      return
    }
    output.copyBytes(from: element)
    var filled = element.count
    while filled < output.count {
      let count = min(filled, output.count - filled)
      (base + filled).copyMemory(from: base, byteCount: count)
      filled += count
    }
  }
}

/// What a file holds.
private struct HDF5Content: Sendable {
  private(set) var entries: [CheckpointEntry]
  private(set) var datasets: [HDF5Dataset]
  private(set) var skipped: [SkippedEntry]
  private(set) var metadata: [String: String]
  let attributes: Set<String>
  let variableGroups: [String: String]

  init(_ listing: HDF5Listing) {
    (attributes, variableGroups) = (listing.attributes, listing.variableGroups)
    skipped = listing.skipped
    metadata = listing.metadata
    datasets = listing.datasets
    entries = zip(listing.paths, datasets).map { path, dataset in
      CheckpointEntry(
        name: path.contains("/") ? path.replacing("/", with: ".") : path, rawPath: path,
        dtype: dataset.dtype, shape: dataset.shape, storage: dataset.storage)
    }
  }

  /// Takes the bytes named `metadata`, where they are UTF-8, for text.
  mutating func takeMetadata(_ read: (HDF5Dataset) throws -> Tensor) throws {
    guard let position = entries.firstIndex(where: { $0.rawPath == "metadata" }),
      entries[position].dtype == .uint8, entries[position].shape.rank == 1,
      entries[position].byteCount <= 64 << 20
    else { return }
    let entry = entries[position]
    do {
      let bytes = try read(datasets[position]).elements(as: UInt8.self)
      guard let text = String(validating: bytes, as: UTF8.self) else { return }
      metadata[entry.rawPath] = text
    } catch let error as WeighbridgeError {
      skipped.append(SkippedEntry(name: entry.name, reason: SkipReason(error)))
    }
    entries.remove(at: position)
    datasets.remove(at: position)
  }
}
