import WeighbridgeParallel
import WeighbridgeTensors

/// Entries in file order, found by name or raw path, byte by byte. Names that several entries have are
/// usable under none, and what has no name cannot be asked for: they are skipped, and said.
struct EntryIndex: Sendable {
  /// All of them, as they were given.
  private let given: [CheckpointEntry]
  /// Those that are usable.
  let entries: [CheckpointEntry]
  let skipped: [SkippedEntry]
  private let positions: [ExactText: Int]
  private let reasons: [ExactText: SkipReason]
  private let path: String

  init(_ given: [CheckpointEntry], skipped: [SkippedEntry], path: String) {
    self.given = given
    self.path = path
    var positions: [ExactText: Int] = [:]
    positions.reserveCapacity(given.count)
    var ambiguous: [ExactText: SkipReason] = [:]
    for (position, entry) in given.enumerated() where !entry.name.isEmpty {
      let name = ExactText(entry.name)
      guard let other = positions.updateValue(position, forKey: name) else { continue }
      let first = given[other].rawPath
      ambiguous[name] = SkipReason(
        .ambiguous,
        ExactText(first) == ExactText(entry.rawPath)
          ? "the name appears twice"
          : "the entries \(first) and \(entry.rawPath) read as one name",
        remedy: "Keep one of the two")
    }
    for name in ambiguous.keys { positions[name] = nil }
    entries =
      positions.count == given.count
      ? given : given.filter { positions[ExactText($0.name)] != nil }
    self.skipped =
      skipped
      + given.filter(\.name.isEmpty).map { entry in
        SkippedEntry(
          name: "(no name)",
          reason: SkipReason(
            .encoding, "a tensor \(entry.dtype) \(entry.shape) has no name to ask for it by",
            remedy: "Name it where the file is made"))
      }
      + ambiguous.sorted { $0.key < $1.key }.map {
        SkippedEntry(name: $0.key.text, reason: $0.value)
      }
    for (position, entry) in given.enumerated() where !entry.isNamedByPath {
      let path = ExactText(entry.rawPath)
      if positions[path] == nil, ambiguous[path] == nil { positions[path] = position }
    }
    self.positions = positions
    reasons = Dictionary(self.skipped.map { (ExactText($0.name), $0.reason) }) { first, _ in first }
  }

  /// The position of an entry among those that were given.
  ///
  /// - Throws: `unsupported` or `malformed` for a skipped entry, `mapping` for an unknown name.
  func position(of name: String) throws -> Int {
    if let position = positions[ExactText(name)] { return position }
    if let reason = reasons[ExactText(name)] { throw reason.error(file: path, entry: name) }
    throw WeighbridgeError(.mapping, "there is no entry of this name", file: path, entry: name)
  }

  /// The entry of a position among those that were given.
  subscript(position: Int) -> CheckpointEntry { given[position] }

  /// The entry of a name or raw path.
  func entry(_ name: String) -> CheckpointEntry? {
    positions[ExactText(name)].map { given[$0] }
  }
}

extension CheckpointEntry {
  /// Whether the name is the path that the file writes.
  fileprivate var isNamedByPath: Bool { ExactText(name) == ExactText(rawPath) }
}

/// A checkpoint that keeps its entries in an index.
protocol IndexedCheckpoint: Checkpoint {
  var index: EntryIndex { get }
}

extension IndexedCheckpoint {
  public var entries: [CheckpointEntry] { index.entries }
  /// Entries of the file that are no tensors, each with the reason.
  public var skipped: [SkippedEntry] { index.skipped }

  /// The tensor's entry of a name or raw path; `nil` for skipped and unknown ones.
  public func entry(_ name: String) -> CheckpointEntry? {
    index.entry(name)
  }
}

extension Parallel {
  /// What `make` returns for every index in `0..<count`, made on the compute threads.
  ///
  /// - Throws: The error of the lowest index that failed.
  static func collect<R>(_ count: Int, _ make: (Int) throws -> R) throws -> [R] {
    let results = UnsafeMutablePointer<Result<R, any Error>?>.allocate(capacity: max(1, count))
    results.initialize(repeating: nil, count: count)
    defer {
      results.deinitialize(count: count)
      results.deallocate()
    }
    forEach(count) { index in results[index] = Result { try make(index) } }
    return try (0..<count).compactMap { try results[$0]?.get() }
  }
}

extension WeighbridgeError {
  /// Runs `body`, which reads a file, and fills file and entry into its errors where they are unknown.
  /// Memory that there is not is the file's claim, and not a failure to compute.
  static func locating<R>(
    file: String? = nil, entry: String? = nil, _ body: () throws -> R
  ) throws -> R {
    do {
      return try body()
    } catch var error as WeighbridgeError {
      if error.code == .engine {
        error.code = .unreadable
        error.remedy = "The file asks for it: free memory, or check the file"
      }
      throw error.located(file: file, entry: entry)
    }
  }
}
