import WeighbridgeParallel
import WeighbridgeTensors

/// Entries in file order, found by name or raw path.
struct EntryIndex: Sendable {
  let entries: [CheckpointEntry]
  private let positions: [String: Int]
  private let skipped: [String: SkipReason]
  private let path: String

  /// - Throws: `malformed` when two entries read as one name.
  init(_ entries: [CheckpointEntry], skipped: [SkippedEntry], path: String) throws {
    self.entries = entries
    self.path = path
    self.skipped = Dictionary(skipped.map { ($0.name, $0.reason) }) { first, _ in first }
    var positions: [String: Int] = [:]
    for (position, entry) in entries.enumerated() {
      if let other = positions.updateValue(position, forKey: entry.name) {
        let first = entries[other].rawPath
        throw WeighbridgeError(
          .malformed,
          first == entry.rawPath
            ? "the name appears twice"
            : "the entries \(first) and \(entry.rawPath) read as one name",
          file: path, entry: entry.name, remedy: "Keep one of the two")
      }
    }
    for (position, entry) in entries.enumerated() where positions[entry.rawPath] == nil {
      positions[entry.rawPath] = position
    }
    self.positions = positions
  }

  /// The position of an entry.
  ///
  /// - Throws: `unsupported` or `malformed` for a skipped entry, `mapping` for an unknown name.
  func position(of name: String) throws -> Int {
    if let position = positions[name] { return position }
    if let reason = skipped[name] {
      throw reason.error(file: path, entry: name)
    }
    throw WeighbridgeError(.mapping, "there is no entry of this name", file: path, entry: name)
  }
}

/// A checkpoint that keeps its entries in an index.
protocol IndexedCheckpoint: Checkpoint {
  var index: EntryIndex { get }
}

extension IndexedCheckpoint {
  public var entries: [CheckpointEntry] { index.entries }

  public func entry(_ name: String) -> CheckpointEntry? {
    guard let position = try? index.position(of: name) else { return nil }
    return index.entries[position]
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
  /// Runs `body` and fills file and entry into its errors where they are unknown.
  static func locating<R>(
    file: String? = nil, entry: String? = nil, _ body: () throws -> R
  ) throws -> R {
    do {
      return try body()
    } catch let error as WeighbridgeError {
      throw error.located(file: file, entry: entry)
    }
  }
}
