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
    let (namesA, namesB) = (TensorDiff.index(a), TensorDiff.index(b))
    let listA = a.entries.filter { TensorDiff.isCompared($0) && isWanted($0) }
    onlyInB = b.entries.filter {
      TensorDiff.isCompared($0) && isWanted($0) && namesA[TensorDiff.key($0)] == nil
    }.map(\.rawPath)
    for (position, entry) in listA.enumerated() {
      onProgress?(position, listA.count)
      guard let other = namesB[TensorDiff.key(entry)] else {
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
    if entry.shape == other.shape {
      let figures = try Comparison.figures(
        a.tensor(entry.rawPath), b.tensor(other.rawPath), tolerance: tolerance)
      if figures.elementwiseRatio ?? 0 <= 1, figures.nonFinite.mismatched == 0 {
        if entry.dtype != other.dtype { otherDType.append(entry.rawPath) }
        return
      }
      found.figures = figures
    }
    different.append(found)
  }

  /// A reference's metadata is no tensor, even where it is stored as one.
  private static func isCompared(_ entry: CheckpointEntry) -> Bool { entry.name != "metadata" }

  private static func key(_ entry: CheckpointEntry) -> ExactText {
    ExactText(
      String(
        decoding: entry.rawPath.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 },
        as: UTF8.self))
  }

  private static func index(_ checkpoint: any Checkpoint) -> [ExactText: CheckpointEntry] {
    Dictionary(checkpoint.entries.map { (key($0), $0) }) { first, _ in first }
  }
}
