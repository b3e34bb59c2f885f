import WeighbridgeTensors

/// Where the tensors of a safetensors file lie: they must fill its bytes, one after another.
struct SafetensorsLayout {
  /// Tensors that are right by themselves. After `check()` those that are usable, in the order of their
  /// bytes, with offsets from the file's start.
  private(set) var entries: [SafetensorsEntry]
  private(set) var skipped: [SkippedEntry]
  private let dataOffset: Int
  private let byteCount: Int

  /// - Parameter byteCount: How many bytes follow the header.
  init(found: [SafetensorsEntry], skipped: [SkippedEntry], dataOffset: Int, byteCount: Int) {
    (entries, self.skipped, self.dataOffset, self.byteCount) = (
      found, skipped, dataOffset, byteCount
    )
  }

  /// - Throws: `malformed` when the file is cut off, or when bytes belong to no tensor and no skipped
  ///   tensor explains it.
  mutating func check() throws {
    // Of two that begin at one place the empty one comes first.
    entries.sort { ($0.byteOffset, $0.byteCount) < ($1.byteOffset, $1.byteCount) }
    skipRepeatedNames()
    try checkEnd()
    try placeInOrder()
  }

  private mutating func skip(_ name: String, _ reason: SkipReason) {
    skipped.append(SkippedEntry(name: name, reason: reason))
  }

  private mutating func skipRepeatedNames() {
    var seen: Set<ExactText> = []
    var repeated: Set<ExactText> = []
    for name in entries.map(\.name) + skipped.map(\.name)
    where !seen.insert(ExactText(name)).inserted {
      repeated.insert(ExactText(name))
    }
    guard !repeated.isEmpty else { return }
    entries.removeAll { repeated.contains(ExactText($0.name)) }
    skipped.removeAll { repeated.contains(ExactText($0.name)) }
    for name in repeated.sorted() {
      skip(
        name.text,
        SkipReason(.ambiguous, "the name stands twice in the header", remedy: "Keep one of the two")
      )
    }
  }

  /// A file whose tensors reach beyond its end one after another is cut off; one that does so alone is
  /// wrong by itself.
  private mutating func checkEnd() throws {
    let beyond = entries.filter { $0.byteOffset + $0.byteCount > byteCount }
    guard let first = beyond.first else { return }
    var end =
      entries.last { $0.byteOffset + $0.byteCount <= byteCount }
      .map { $0.byteOffset + $0.byteCount } ?? 0
    let isChain = beyond.allSatisfy { entry in
      defer { end = entry.byteOffset + entry.byteCount }
      return entry.byteOffset == end
    }
    if isChain, skipped.isEmpty {
      throw WeighbridgeError(
        .malformed,
        "the file is cut off: its header promises \(end) bytes of tensors, \(byteCount) are there, and "
          + "its bytes lie beyond the end", entry: first.name,
        remedy: "Save or download the file again")
    }
    entries.removeAll { $0.byteOffset + $0.byteCount > byteCount }
    for entry in beyond {
      skip(
        entry.name,
        SkipReason(
          .damaged, "its bytes lie beyond the file's end", remedy: "Save or download the file again"
        ))
    }
  }

  private mutating func placeInOrder() throws {
    var end = 0
    var placed: [SafetensorsEntry] = []
    placed.reserveCapacity(entries.count)
    for var entry in entries {
      if entry.byteOffset < end {
        overlap(entry, &placed)
        continue
      }
      guard entry.byteOffset == end || !skipped.isEmpty else {
        throw WeighbridgeError(
          .malformed, "there is a hole of \(entry.byteOffset - end) bytes before it",
          entry: entry.name)
      }
      end = entry.byteOffset + entry.byteCount
      entry.byteOffset += dataOffset
      placed.append(entry)
    }
    guard end == byteCount || !skipped.isEmpty else {
      throw WeighbridgeError(
        .malformed, "the last \(byteCount - end) bytes belong to no tensor")
    }
    entries = placed
  }

  /// Neither of two tensors that share bytes can be trusted.
  private mutating func overlap(_ entry: SafetensorsEntry, _ placed: inout [SafetensorsEntry]) {
    let start = entry.byteOffset + dataOffset
    while let last = placed.last, last.byteCount > 0, last.byteOffset + last.byteCount > start {
      placed.removeLast()
      skip(last.name, SafetensorsLayout.overlapReason)
    }
    skip(entry.name, SafetensorsLayout.overlapReason)
  }

  private static let overlapReason = SkipReason(
    .damaged, "its bytes overlap those of another tensor", remedy: "Save or download the file again"
  )
}
