import CHDF5
import WeighbridgeParallel
import WeighbridgeTensors
import WeighbridgeWeights

/// An HDF5 file, flat or in nested groups.
///
/// libhdf5 reads the structure. The elements of contiguous datasets are used in place, from a memory
/// map, and gzip chunks are inflated from it in parallel; the library reads only what is left.
public final class HDF5File: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .hdf5 }
  public let skipped: [SkippedEntry]
  public let metadata: [String: String]
  let index: EntryIndex
  private let datasets: [HDF5Dataset]
  private let map: MappedFile
  private let file: hid_t

  init(_ map: MappedFile) throws {
    self.map = map
    path = map.path
    let (file, content) = try WeighbridgeError.locating(file: map.path) {
      try HDF5Library.run { try HDF5File.read(map.path) }
    }
    self.file = file
    skipped = content.skipped
    metadata = content.metadata
    datasets = content.datasets
    do {
      index = try EntryIndex(content.entries, skipped: content.skipped, path: map.path)
    } catch {
      _ = HDF5Library.run { H5Fclose(file) }
      throw error
    }
  }

  deinit {
    _ = HDF5Library.run { H5Fclose(file) }
  }

  private struct Content: Sendable {
    var entries: [CheckpointEntry] = []
    var datasets: [HDF5Dataset] = []
    var skipped: [SkippedEntry] = []
    var metadata: [String: String] = [:]
  }

  /// Opens the file and lists it. Runs inside `HDF5Library.run`.
  private static func read(_ path: String) throws -> (hid_t, Content) {
    let access = H5Pcreate(wb_h5_plist_file_access())
    let file = try HDF5Library.using(access, H5Pclose, "not enough memory") { access in
      H5Pset_fclose_degree(access, H5F_CLOSE_STRONG)
      _ = wb_h5_set_no_locking(access)
      return try HDF5Library.check(
        H5Fopen(path, wb_h5_read_only(), access), "is a damaged HDF5 file")
    }
    do {
      var content = Content()
      let walk = try HDF5Walk(file)
      content.metadata = try HDF5Text.attributes(of: file)
      for name in walk.texts { content.metadata[name] = try HDF5Text.dataset(file, name) }
      content.skipped = walk.skipped
      for (path, dataset) in walk.datasets {
        guard let dtype = dataset.type.dtype else { continue }
        if path == "metadata", dtype == .uint8, dataset.shape.rank == 1,
          let text = try bytesAsText(file, path, dataset)
        {
          content.metadata[path] = text
          continue
        }
        content.datasets.append(dataset)
        content.entries.append(
          CheckpointEntry(
            name: path.replacing("/", with: "."), rawPath: path, dtype: dtype,
            shape: dataset.shape, storage: dataset.storage))
      }
      return (file, content)
    } catch {
      H5Fclose(file)
      throw error
    }
  }

  private static func bytesAsText(
    _ file: hid_t, _ path: String, _ dataset: HDF5Dataset
  ) throws -> String? {
    guard dataset.shape.elementCount <= 64 << 20 else { return nil }
    var bytes = [UInt8](repeating: 0, count: dataset.shape.elementCount)
    try bytes.withUnsafeMutableBytes { try HDF5File.readWhole(file, path, into: $0) }
    return String(validating: bytes, as: UTF8.self)
  }

  /// Reads a dataset as its bytes are in the file, without conversion. Runs inside `HDF5Library.run`.
  private static func readWhole(
    _ file: hid_t, _ path: String, into output: UnsafeMutableRawBufferPointer
  ) throws {
    guard let base = output.baseAddress, !output.isEmpty else { return }
    let id = H5Dopen2(file, path, wb_h5_default())
    try HDF5Library.using(id, H5Dclose, "cannot be opened") { dataset in
      try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "has no type") { type in
        let result = H5Dread(dataset, type, wb_h5_all(), wb_h5_all(), wb_h5_default(), base)
        try HDF5Library.check(result, "its elements cannot be read")
      }
    }
  }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    let entry = index.entries[position]
    return try WeighbridgeError.locating(file: path, entry: entry.name) {
      try tensor(datasets[position], entry)
    }
  }

  private func tensor(_ dataset: HDF5Dataset, _ entry: CheckpointEntry) throws -> Tensor {
    guard case .numbers(let dtype, let bigEndian) = dataset.type else {
      throw WeighbridgeError(.unsupported, "is no tensor")
    }
    try dataset.checkStorage(fileByteCount: map.byteCount)
    let storage: TensorStorage
    if case .contiguous(let offset) = dataset.layout.kind {
      storage = try map.storage(offset: offset, count: entry.byteCount)
    } else {
      storage = try TensorStorage(byteCount: entry.byteCount) { output in
        let output = UnsafeMutableRawBufferPointer(rebasing: output[..<entry.byteCount])
        if try readChunks(dataset, entry, into: output) { return }
        try HDF5Library.run { try HDF5File.readWhole(file, entry.rawPath, into: output) }
      }
    }
    let tensor = try Tensor(dtype: dtype, shape: entry.shape, storage: storage)
    return bigEndian ? try tensor.byteSwapped() : tensor
  }

  /// Decodes the chunks on several threads from the memory map, where the filters allow; returns
  /// whether it did.
  private func readChunks(
    _ dataset: HDF5Dataset, _ entry: CheckpointEntry, into output: UnsafeMutableRawBufferPointer
  ) throws -> Bool {
    guard let grid = HDF5ChunkGrid(dataset) else { return false }
    let chunks = try HDF5Library.run { try grid.locate(file, entry.rawPath, in: map.byteCount) }
    guard let chunks else { return false }
    try map.withBytes { bytes in
      nonisolated(unsafe) let output = output
      _ = try Parallel.collect(chunks.count) {
        try grid.decode(chunks[$0], from: bytes, to: output)
      }
    }
    return true
  }
}
