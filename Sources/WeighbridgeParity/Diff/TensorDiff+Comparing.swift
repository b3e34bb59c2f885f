import WeighbridgeCheckpoints
import WeighbridgeComparison
import WeighbridgeTensors
import WeighbridgeVerdicts

extension TensorDiff {
  /// Compares two files, tensor by tensor.
  ///
  /// Names are the same when they are equal with `/` read as `.`, so that an npz and an HDF5 file
  /// with groups can be compared. `b` is the reference of relative figures.
  ///
  /// - Parameters:
  ///   - tolerance: `nil` for equal values, NaN being equal to NaN.
  ///   - isWanted: Which entries take part.
  /// - Throws: when a tensor cannot be read.
  public init(
    _ a: any Checkpoint, _ b: any Checkpoint, tolerance: ElementwiseTolerance? = nil,
    where isWanted: (CheckpointEntry) -> Bool = { _ in true },
    onProgress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws {
    self.init()
    let tolerance = tolerance ?? ElementwiseTolerance(relative: 0, absolute: 0)
    let listA = a.entries.filter { TensorDiff.isCompared($0) && isWanted($0) }
    let listB = b.entries.filter { TensorDiff.isCompared($0) && isWanted($0) }
    let counterparts = TensorDiff.counterparts(of: listA, in: listB)
    let taken = Set(counterparts.values)
    onlyInB = listB.indices.filter { !taken.contains($0) }.map { listB[$0].rawPath }
    for (position, entry) in listA.enumerated() {
      onProgress?(position, listA.count)
      guard let other = counterparts[position].map({ listB[$0] }) else {
        onlyInA.append(entry.rawPath)
        continue
      }
      comparedCount += 1
      try compare(entry, a, other, b, tolerance)
    }
  }

  private mutating func compare(
    _ entry: CheckpointEntry, _ a: any Checkpoint, _ other: CheckpointEntry, _ b: any Checkpoint,
    _ tolerance: ElementwiseTolerance
  ) throws {
    var found = Entry(
      name: entry.rawPath, shapes: (entry.shape, other.shape), dtypes: (entry.dtype, other.dtype))
    let tensors = try (a: a.tensor(entry.rawPath), b: b.tensor(other.rawPath))
    if entry.shape == other.shape {
      let figures = try Comparison.figures(tensors.a, tensors.b, tolerance: tolerance)
      if figures.elementwiseRatio ?? 0 <= 1, figures.nonFinite.mismatched == 0 {
        if entry.dtype != other.dtype { otherDType.append(entry.rawPath) }
        return
      }
      found.figures = figures
    }
    found.axes = try tensors.a.axisOrder(giving: tensors.b)
    different.append(found)
  }

  /// A reference's metadata is no tensor, even where it is stored as one.
  private static func isCompared(_ entry: CheckpointEntry) -> Bool { entry.name != "metadata" }

  /// Which entry of another list has an entry's name: the very name, or else the one that groups make of
  /// it, `a/b` for `a.b`, where no two of a list read alike.
  ///
  /// - Returns: Positions in `b` by positions in `a`.
  private static func counterparts(
    of a: [CheckpointEntry], in b: [CheckpointEntry]
  ) -> [Int: Int] {
    let exact = Dictionary(b.indices.map { (ExactText(b[$0].rawPath), $0) }) { first, _ in first }
    var found: [Int: Int] = [:]
    for index in a.indices { found[index] = exact[ExactText(a[index].rawPath)] }
    let taken = Set(found.values)
    let restA = single(a.indices.filter { found[$0] == nil }, of: a)
    let restB = single(b.indices.filter { !taken.contains($0) }, of: b)
    for (name, index) in restA { found[index] = restB[name] }
    return found
  }

  /// The entries by their names with dots for slashes, but those that read alike.
  private static func single(
    _ indices: [Int], of entries: [CheckpointEntry]
  ) -> [ExactText: Int] {
    let groups = Dictionary(grouping: indices) { index in
      ExactText(
        String(
          decoding: entries[index].rawPath.utf8.map {
            $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0
          }, as: UTF8.self))
    }
    return groups.compactMapValues { $0.count == 1 ? $0[0] : nil }
  }
}
