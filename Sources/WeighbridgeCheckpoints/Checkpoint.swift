import WeighbridgeParallel
import WeighbridgeTensors

/// An open file of named tensors.
///
/// Opening reads names, dtypes and shapes only. Tensors are read when asked for, and use the bytes in
/// place, from a memory map, wherever they are stored plainly; those views keep the map alive, so a
/// checkpoint may be dropped before its tensors.
public protocol Checkpoint: Sendable {
  /// The path that was opened.
  var path: String { get }
  /// The format that the file was opened as.
  var format: CheckpointFormat { get }
  /// The tensors, in the order of the file. Names are unique.
  var entries: [CheckpointEntry] { get }
  /// What else the file holds: entries that are no tensors, each with the reason.
  var skipped: [SkippedEntry] { get }
  /// What whoever uses the file should know about it, each a sentence: that it is one shard of several.
  var remarks: [String] { get }
  /// Text that travels with the tensors: HDF5 root attributes and root string datasets, safetensors
  /// `__metadata__`, string entries of an npz. A reference's JSON is under `metadata`.
  var metadata: [String: String] { get }
  /// Entries that are another name of a tensor that is stored once, each with the entry that has it.
  var aliases: [String: String] { get }

  /// The tensor of an entry, by its name or its raw path. Called from any thread.
  ///
  /// - Throws: `mapping` when there is no such entry, `unsupported` or `malformed` when it cannot be
  ///   read. Every error names the file and the entry.
  func tensor(_ name: String) throws -> Tensor

  /// Several tensors at once, in the order of `names`; compressed ones are inflated in parallel.
  func tensors(_ names: [String]) throws -> [Tensor]

  /// A tensor's elements in blocks: tensors of one axis and at most `limit` bytes, in the order in which
  /// the file keeps them. Memory is needed for one block, where the format can be decoded so.
  ///
  /// - Throws: What `tensor` throws, and what `body` throws.
  func forEachBlock(of name: String, limit: Int, _ body: (Tensor) throws -> Void) throws

  /// Checks that nobody has written into the file since it was opened: tensors that were read may be of
  /// before and after.
  ///
  /// - Throws: `unreadable` when somebody has.
  func checkUnchanged() throws

  /// The entry of a name or raw path.
  func entry(_ name: String) -> CheckpointEntry?
}

extension Checkpoint {
  /// None, unless a format has something to say.
  public var remarks: [String] { [] }

  /// None, unless a format keeps further names.
  public var aliases: [String: String] { [:] }

  public func checkUnchanged() throws {}

  /// Reads the whole tensor and hands it on in blocks, for formats that cannot be decoded in part.
  public func forEachBlock(
    of name: String, limit: Int, _ body: (Tensor) throws -> Void
  ) throws {
    try tensor(name).forEachBlock(limit: limit, body)
  }

  public func tensors(_ names: [String]) throws -> [Tensor] {
    try Parallel.collect(names.count) { try tensor(names[$0]) }
  }
}

/// A tensor in a checkpoint, as its header describes it.
public struct CheckpointEntry: Sendable, Hashable {
  /// The state-dict name: in HDF5 the groups' `/` read as `.`.
  public let name: String
  /// The path as the file writes it: `activations/layer1.0.conv1`.
  public let rawPath: String
  /// The dtype of the elements once read, in native byte order.
  public let dtype: DType
  /// The extents, outermost axis first; `form` says where PyTorch's order of axes is another.
  public let shape: Shape
  /// How the bytes lie in the file.
  public let storage: StorageNote
  /// What it is to PyTorch, where the format has names and orders of axes of its own.
  public let form: EntryForm?

  /// The size of the elements in bytes once read.
  public var byteCount: Int { shape.elementCount &* dtype.byteCount }

  /// - Parameters:
  ///   - name: The state-dict name.
  ///   - rawPath: The path as the file writes it, where that is another.
  ///   - dtype: The dtype of the elements once read.
  ///   - shape: Outermost axis first.
  ///   - storage: How the bytes lie in the file.
  ///   - form: What it is to PyTorch, where the format says so.
  public init(
    name: String, rawPath: String? = nil, dtype: DType, shape: Shape, storage: StorageNote,
    form: EntryForm? = nil
  ) {
    self.name = name
    self.rawPath = rawPath ?? name
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.form = form
  }
}

/// How an entry's bytes lie in its file.
public enum StorageNote: Sendable, Hashable {
  /// Plainly: used in place, never copied.
  case inPlace
  /// Plainly, but in a form that must be copied: `big-endian`, `compact`, `chunked`.
  case copied(String)
  /// Compressed or otherwise encoded: `deflate`, `gzip+shuffle`. `storedBytes` is the size on disk.
  case encoded(String, storedBytes: Int)
}

extension StorageNote: CustomStringConvertible {
  public var description: String {
    switch self {
    case .inPlace: "in place"
    case .copied(let how): how
    case .encoded(let how, _): how
    }
  }
}

extension Checkpoint {
  /// What may be a tensor to the program that wrote it and cannot be read.
  public var unreadable: [SkippedEntry] { skipped.filter(\.reason.mayBeTensor) }

  /// Why the entry of a name is not among the tensors; `nil` where it is, or where there is none.
  public func skipReason(of name: String) -> SkipReason? {
    skipped.first { ExactText($0.name) == ExactText(name) }?.reason
  }
}
