import WeighbridgeTensors

/// How a dataset's bytes lie in the file.
struct HDF5Layout: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    /// In one piece at an offset from the file's start.
    case contiguous(offset: Int)
    /// Indirect, since it is large and most datasets, of which a file may have a million, have none.
    indirect case chunked(HDF5Chunking)
    /// Within the dataset's header, at an offset from the file's start.
    case compact(offset: Int)
    /// Nowhere yet: every element is the fill value.
    case absent
  }

  var kind: Kind
  /// The bytes that the file holds for it; for chunks, those of all of them.
  var storedByteCount: Int
}

/// How a dataset is cut into chunks, and where they are.
struct HDF5Chunking: Sendable, Hashable {
  /// The shape of a chunk.
  var extents: [Int]
  /// How far the dataset may grow; `nil` for an axis without a limit.
  var maximum: [Int?]
  var elementSize: Int
  /// In the order in which writers apply them.
  var filters: [HDF5Filter]
  var index: HDF5ChunkIndex
  /// Whether chunks that reach beyond the shape are stored without filters.
  var leavesPartialChunksPlain: Bool
}

/// What tells where chunks are (specification IV.A.2.i and VII).
enum HDF5ChunkIndex: Sendable, Hashable {
  /// No chunk is stored.
  case none
  /// A B-tree of version 1.
  case tree(Int)
  /// The dataset is one chunk. Its size is said where filters may have changed it.
  case single(offset: Int, byteCount: Int?, skippedFilters: UInt32)
  /// Every chunk, one after another.
  case implicit(Int)
  case fixedArray(Int)
  case extensibleArray(Int)
  /// A B-tree of version 2.
  case tree2(Int)
}

/// A step of a chunk's encoding.
struct HDF5Filter: Sendable, Hashable {
  let number: Int
  /// What the file calls it; often nothing.
  let storedName: String
  let values: [UInt32]
  let isOptional: Bool

  init(number: Int, name: String = "", values: [UInt32] = [], isOptional: Bool = false) {
    (self.number, storedName, self.values, self.isOptional) = (number, name, values, isOptional)
  }

  static let deflate = 1
  static let shuffle = 2
  static let fletcher32 = 3
  static let szip = 4
  static let nbit = 5
  static let scaleOffset = 6
  /// Registered by h5py, which brings it along.
  static let lzf = 32000

  var name: String {
    switch number {
    case HDF5Filter.deflate: "gzip"
    case HDF5Filter.shuffle: "shuffle"
    case HDF5Filter.fletcher32: "fletcher32"
    case HDF5Filter.szip: "szip"
    case HDF5Filter.nbit: "nbit"
    case HDF5Filter.scaleOffset: "scaleoffset"
    case HDF5Filter.lzf: "lzf"
    case 307: "bzip2"
    case 32001: "blosc"
    case 32004: "lz4"
    case 32008: "bitshuffle"
    case 32013: "zfp"
    case 32015: "zstd"
    case 32026: "blosc2"
    default: storedName.isEmpty ? "filter \(number)" : storedName
    }
  }
}
