import CHDF5
import WeighbridgeParallel
import WeighbridgeTensors
import WeighbridgeWeights

/// An HDF5 file, flat or in nested groups.
///
/// Files in the classic format, h5py's default, are read in Swift; libhdf5 reads the structure of newer
/// ones, and elements behind filters other than gzip, shuffle and fletcher32. The elements of
/// contiguous datasets are used in place, from a memory map, and chunks are decoded from it in
/// parallel.
public final class HDF5File: IndexedCheckpoint {
  public let path: String
  public var format: CheckpointFormat { .hdf5 }
  public let metadata: [String: String]
  let index: EntryIndex
  private let datasets: [HDF5Dataset]
  private let map: MappedFile
  private let library: HDF5LibraryFile

  /// - Parameter classic: Whether files in the classic format are read in Swift.
  init(_ map: MappedFile, classic: Bool = true) throws {
    let library = HDF5LibraryFile(map.path)
    let content = try WeighbridgeError.locating(file: map.path) {
      do {
        guard classic else { throw HDF5NeedsLibrary(what: "the caller") }
        return try map.withBytes { try HDF5Content(HDF5ClassicWalk(HDF5Structure($0)), $0) }
      } catch is HDF5NeedsLibrary {
        return try library.run { try HDF5Content(library: $0) }
      }
    }
    self.map = map
    self.library = library
    path = map.path
    metadata = content.metadata
    datasets = content.datasets
    index = EntryIndex(content.entries, skipped: content.skipped, path: map.path)
  }

  public func checkUnchanged() throws { try map.checkUnchanged() }

  public func tensor(_ name: String) throws -> Tensor {
    let position = try index.position(of: name)
    let entry = index[position]
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
    switch dataset.layout.kind {
    case .contiguous(let offset), .compact(.some(let offset)):
      storage = try map.storage(offset: offset, count: entry.byteCount)
    case .chunked, .absent, .compact(nil):
      storage = try TensorStorage(byteCount: entry.byteCount) { output in
        let output = UnsafeMutableRawBufferPointer(rebasing: output[..<entry.byteCount])
        if try readElements(dataset, entry, into: output) { return }
        try library.run { file in
          try dataset.checkFilters()
          try HDF5LibraryFile.read(file, entry.rawPath, into: output)
        }
      }
    }
    let tensor = try Tensor(dtype: dtype, shape: entry.shape, storage: storage)
    return bigEndian ? try tensor.byteSwapped() : tensor
  }

  /// Reads chunks and fill values without the library, on several threads; returns whether it could.
  private func readElements(
    _ dataset: HDF5Dataset, _ entry: CheckpointEntry, into output: UnsafeMutableRawBufferPointer
  ) throws -> Bool {
    if output.isEmpty { return true }
    if case .absent = dataset.layout.kind, let fill = dataset.fill {
      HDF5File.fill(output, with: fill)
      return true
    }
    guard let grid = HDF5ChunkGrid(dataset),
      let (chunks, areAll) = try locateChunks(grid, dataset, entry)
    else { return false }
    if !areAll {
      guard let fill = dataset.fill else { return false }
      HDF5File.fill(output, with: fill)
    }
    try map.withBytes { bytes in
      nonisolated(unsafe) let output = output
      _ = try Parallel.collect(chunks.count) {
        try grid.decode(chunks[$0], from: bytes, to: output)
      }
    }
    return true
  }

  /// The chunks of a dataset, and whether they cover it; `nil` when the library should read them.
  private func locateChunks(
    _ grid: HDF5ChunkGrid, _ dataset: HDF5Dataset, _ entry: CheckpointEntry
  ) throws -> (chunks: [HDF5ChunkGrid.Chunk], areAll: Bool)? {
    guard case .chunked(_, _, let index) = dataset.layout.kind else { return nil }
    switch index {
    case .tree(nil): return ([], false)
    case .tree(let tree?):
      return try map.withBytes { bytes in
        try grid.checked(HDF5Structure(bytes).chunks(tree: tree, rank: grid.shape.count))
      }
    case .library:
      let chunks = try library.run { try grid.locate($0, entry.rawPath, in: map.byteCount) }
      return chunks.map { ($0, true) }
    }
  }

  private static func fill(_ output: UnsafeMutableRawBufferPointer, with element: [UInt8]) {
    guard !element.isEmpty else { return }
    for start in stride(from: 0, to: output.count, by: element.count) {
      for (byte, value) in element.enumerated() { output[start + byte] = value }
    }
  }
}

/// What a file holds.
private struct HDF5Content: Sendable {
  var entries: [CheckpointEntry] = []
  var datasets: [HDF5Dataset] = []
  var skipped: [SkippedEntry]
  var metadata: [String: String]

  init(_ walk: HDF5ClassicWalk, _ bytes: UnsafeRawBufferPointer) throws {
    skipped = walk.skipped
    metadata = walk.metadata
    add(walk.datasets) { _, dataset in
      guard case .contiguous(let offset) = dataset.layout.kind,
        let text = bytes.slice(at: offset, count: dataset.shape.elementCount)
      else { return nil }
      return String(validating: text, as: UTF8.self)
    }
  }

  /// Runs inside `HDF5Library.run`.
  init(library file: hid_t) throws {
    let walk = try HDF5Walk(file)
    skipped = walk.skipped
    metadata = try HDF5Text.attributes(of: file)
    for name in walk.texts { metadata[name] = try HDF5Text.dataset(file, name) }
    try add(walk.datasets) { path, dataset in
      guard dataset.shape.elementCount <= 64 << 20 else { return nil }
      var bytes = [UInt8](repeating: 0, count: dataset.shape.elementCount)
      try bytes.withUnsafeMutableBytes { try HDF5LibraryFile.read(file, path, into: $0) }
      return String(validating: bytes, as: UTF8.self)
    }
  }

  /// Adds datasets as entries, but the bytes named `metadata` as text.
  private mutating func add(
    _ found: [(path: String, dataset: HDF5Dataset)],
    text: (String, HDF5Dataset) throws -> String?
  ) rethrows {
    for (path, dataset) in found {
      guard let dtype = dataset.type.dtype else { continue }
      if path == "metadata", dtype == .uint8, dataset.shape.rank == 1,
        let text = try text(path, dataset)
      {
        metadata[path] = text
        continue
      }
      datasets.append(dataset)
      entries.append(
        CheckpointEntry(
          name: path.replacing("/", with: "."), rawPath: path, dtype: dtype,
          shape: dataset.shape, storage: dataset.storage))
    }
  }
}

/// A file as libhdf5 has it open, from the first time it is needed.
private final class HDF5LibraryFile: @unchecked Sendable {
  private let path: String
  /// Negative until opened. Used only inside `HDF5Library.run`.
  private var file: hid_t = -1

  init(_ path: String) {
    self.path = path
  }

  deinit {
    let file = file
    if file >= 0 { HDF5Library.run { _ = H5Fclose(file) } }
  }

  /// Runs `body` with the file inside `HDF5Library.run`.
  func run<R: Sendable>(_ body: (hid_t) throws -> R) throws -> R {
    try HDF5Library.run {
      if file < 0 { file = try HDF5LibraryFile.open(path) }
      return try body(file)
    }
  }

  private static func open(_ path: String) throws -> hid_t {
    let access = H5Pcreate(wb_h5_plist_file_access())
    return try HDF5Library.using(access, H5Pclose, "not enough memory", code: .engine) { access in
      H5Pset_fclose_degree(access, H5F_CLOSE_STRONG)
      _ = wb_h5_set_no_locking(access)
      return try HDF5Library.check(
        H5Fopen(path, wb_h5_read_only(), access), "is a damaged HDF5 file")
    }
  }

  /// Reads a dataset as its bytes are in the file, without conversion. Runs inside `HDF5Library.run`.
  static func read(
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
}
