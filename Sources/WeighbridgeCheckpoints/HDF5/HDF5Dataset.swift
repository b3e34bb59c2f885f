import CHDF5
import WeighbridgeTensors
import WeighbridgeWeights

/// How a dataset's bytes lie in the file.
struct HDF5Layout: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    /// In one piece at an offset from the file's start.
    case contiguous(offset: Int)
    case chunked(extents: [Int], filters: [HDF5Filter], index: ChunkIndex)
    /// Within the dataset's header, at an offset from the file's start where that is known.
    case compact(offset: Int?)
    /// Nowhere yet: every element is the fill value.
    case absent
  }

  /// What tells where chunks are.
  enum ChunkIndex: Sendable, Hashable {
    /// The tree at this address; `nil` when no chunk is stored.
    case tree(Int?)
    case library
  }

  var kind: Kind
  /// The bytes that the file holds for it.
  var storedByteCount: Int
}

/// A step of a chunk's encoding.
enum HDF5Filter: Sendable, Hashable {
  case deflate, shuffle, fletcher32
  /// Another one, which libhdf5 may have.
  case other(number: Int, name: String)

  init(number: Int, name: String) {
    switch number {
    case 1: self = .deflate
    case 2: self = .shuffle
    case 3: self = .fletcher32
    default: self = .other(number: number, name: name)
    }
  }

  var name: String {
    switch self {
    case .deflate: "gzip"
    case .shuffle: "shuffle"
    case .fletcher32: "fletcher32"
    case .other(let number, let name): name.isEmpty ? "filter \(number)" : name
    }
  }
}

/// A dataset: its type and shape, and where its elements are.
struct HDF5Dataset: Sendable {
  let type: HDF5Datatype
  let shape: Shape
  let layout: HDF5Layout
  /// The bytes of an element that is not stored; `nil` when only the library knows.
  let fill: [UInt8]?

  static let virtualReason = "is a virtual dataset, whose elements are in other files"
  static let externalReason = "its elements are in another file, which is never opened"

  /// A dataset without stored data may be this large at most; and one whose stored data could not
  /// hold it even at deflate's best ratio is refused beyond it.
  private static let largestUnbacked = 256 << 20

  init(type: HDF5Datatype, shape: Shape, layout: HDF5Layout, fill: [UInt8]) {
    self.type = type
    self.shape = shape
    self.layout = layout
    self.fill = fill
  }

  /// Called inside `HDF5Library.run`.
  init(_ dataset: hid_t) throws {
    fill = nil
    type = try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "its type cannot be read") {
      HDF5Datatype($0)
    }
    let dimensions = try HDF5Library.using(
      H5Dget_space(dataset), H5Sclose, "its shape cannot be read", HDF5Dataset.dimensions)
    shape = try Shape.validated(dimensions, dtype: type.dtype ?? .float64)
    layout = try HDF5Library.using(
      H5Dget_create_plist(dataset), H5Pclose, "its layout cannot be read"
    ) { try HDF5Dataset.layout(dataset, $0, rank: dimensions.count) }
  }

  private static func dimensions(_ space: hid_t) throws -> [Int] {
    guard H5Sget_simple_extent_type(space) != H5S_NULL else { return [0] }
    let rank = Int(H5Sget_simple_extent_ndims(space))
    guard rank >= 0, rank <= 32 else { throw HDF5Library.failure("its shape cannot be read") }
    var extents = [hsize_t](repeating: 0, count: max(1, rank))
    guard rank == 0 || H5Sget_simple_extent_dims(space, &extents, nil) >= 0 else {
      throw HDF5Library.failure("its shape cannot be read")
    }
    return try extents.prefix(rank).map { extent in
      guard let value = Int(exactly: extent) else {
        throw WeighbridgeError(.malformed, "an extent of \(extent) is larger than any memory")
      }
      return value
    }
  }

  private static func layout(_ dataset: hid_t, _ list: hid_t, rank: Int) throws -> HDF5Layout {
    guard H5Pget_external_count(list) <= 0 else {
      throw WeighbridgeError(
        .unsupported, externalReason, remedy: "Copy them into this file")
    }
    let stored = Int(exactly: H5Dget_storage_size(dataset)) ?? .max
    switch H5Pget_layout(list) {
    case H5D_COMPACT:
      return HDF5Layout(kind: .compact(offset: nil), storedByteCount: stored)
    case H5D_CONTIGUOUS:
      let offset = H5Dget_offset(dataset)
      guard offset != wb_h5_no_address() else {
        return HDF5Layout(kind: .absent, storedByteCount: 0)
      }
      guard let offset = Int(exactly: offset) else {
        throw WeighbridgeError(.malformed, "its elements lie beyond the file's end")
      }
      return HDF5Layout(kind: .contiguous(offset: offset), storedByteCount: stored)
    case H5D_CHUNKED:
      var extents = [hsize_t](repeating: 0, count: max(1, rank))
      guard H5Pget_chunk(list, Int32(rank), &extents) >= 0 else {
        throw HDF5Library.failure("its chunks cannot be read")
      }
      return HDF5Layout(
        kind: .chunked(
          extents: extents.prefix(rank).map { Int(clamping: $0) }, filters: try filters(list),
          index: .library),
        storedByteCount: stored)
    default:
      throw WeighbridgeError(
        .unsupported, virtualReason, remedy: "Copy them into this file")
    }
  }

  private static func filters(_ list: hid_t) throws -> [HDF5Filter] {
    let count = H5Pget_nfilters(list)
    guard count >= 0 else { throw HDF5Library.failure("its filters cannot be read") }
    return try (0..<count).map { position in
      try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 257) { name in
        name.initialize(repeating: 0)
        guard let base = name.baseAddress else { return .other(number: 0, name: "") }
        let number = Int(wb_h5_filter(list, UInt32(position), base))
        guard number >= 0 else { throw HDF5Library.failure("its filters cannot be read") }
        return HDF5Filter(number: number, name: String(cString: base))
      }
    }
  }

  /// Checks that the file holds as much as the shape promises.
  ///
  /// - Throws: `malformed` when it does not, `unsupported` for a filter that is not there.
  func checkStorage(fileByteCount: Int) throws {
    guard let dtype = type.dtype else { return }
    let byteCount = shape.elementCount * dtype.byteCount
    switch layout.kind {
    case .contiguous(let offset), .compact(.some(let offset)):
      guard offset <= fileByteCount, byteCount <= fileByteCount - offset,
        byteCount <= layout.storedByteCount
      else {
        throw WeighbridgeError(
          .malformed, "the shape \(shape) promises \(byteCount) bytes, more than the file holds",
          remedy: "Save or download the file again")
      }
    case .compact(nil): break
    case .chunked, .absent:
      guard
        byteCount <= HDF5Dataset.largestUnbacked
          || byteCount / 1032 <= layout.storedByteCount
      else {
        throw WeighbridgeError(
          .malformed,
          "the shape \(shape) promises \(byteCount) bytes, the file has \(layout.storedByteCount)",
          remedy: "Save or download the file again")
      }
    }
  }

  /// Checks that libhdf5 has the filters. Runs inside `HDF5Library.run`.
  ///
  /// - Throws: `unsupported` when it has not.
  func checkFilters() throws {
    guard case .chunked(_, let filters, _) = layout.kind else { return }
    for case .other(let number, let name) in filters
    where H5Zfilter_avail(H5Z_filter_t(clamping: number)) <= 0 {
      throw WeighbridgeError(
        .unsupported,
        "is encoded by filter \(number)\(name.isEmpty ? "" : " (\(name))"), which is not known",
        remedy: "Save it with gzip or without compression")
    }
  }

  /// How the bytes lie, for people.
  var storage: StorageNote {
    var isSwapped = false
    if case .numbers(_, bigEndian: true) = type { isSwapped = true }
    switch layout.kind {
    case .contiguous: return isSwapped ? .copied("big-endian") : .inPlace
    case .compact(let offset): return offset == nil || isSwapped ? .copied("compact") : .inPlace
    case .absent: return .copied("fill value")
    case .chunked(_, let filters, _):
      guard !filters.isEmpty else { return .copied("chunked") }
      return .encoded(
        filters.map(\.name).joined(separator: "+"), storedBytes: layout.storedByteCount)
    }
  }
}
