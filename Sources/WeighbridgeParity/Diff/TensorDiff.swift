import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeTensors
import WeighbridgeWeights

/// The difference of two files of named tensors: checkpoints, or references.
public struct TensorDiff: Sendable {
  /// A tensor that both have and that is not the same.
  public struct Entry: Sendable {
    public var name: String
    public var shapes: (a: Shape, b: Shape)
    public var dtypes: (a: DType, b: DType)
    /// `nil` when the shapes differ.
    public var figures: Figures?
  }

  public var onlyInA: [String] = []
  public var onlyInB: [String] = []
  public var different: [Entry] = []
  /// Tensors of the same values in two dtypes.
  public var otherDType: [String] = []
  public var comparedCount = 0

  /// Whether both have the same names, and the same values within the tolerance.
  public var isIdentical: Bool { onlyInA.isEmpty && onlyInB.isEmpty && different.isEmpty }

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

extension TensorDiff {
  /// The difference as JSON.
  package var json: JSONDocument {
    .members([
      "identical": .boolean(isIdentical),
      "compared": .integer(comparedCount),
      "only_in_a": .strings(onlyInA),
      "only_in_b": .strings(onlyInB),
      "different": .array(different.map(\.json)),
      "other_dtype": .strings(otherDType),
    ])
  }

  /// The difference for people: one line, then a line per difference.
  package var lines: [String] {
    guard !isIdentical else {
      return ["identical: \(comparedCount) tensors"] + dtypeLines
    }
    var counts: [String] = []
    if !different.isEmpty { counts.append("\(different.count) of \(comparedCount) differ") }
    if !onlyInA.isEmpty { counts.append("\(onlyInA.count) only in the first") }
    if !onlyInB.isEmpty { counts.append("\(onlyInB.count) only in the second") }
    return ["different: " + counts.joined(separator: ", ")]
      + different.map { "  \($0.text)" }
      + onlyInA.map { "  only in the first: \($0.escapingControlCharacters())" }
      + onlyInB.map { "  only in the second: \($0.escapingControlCharacters())" } + dtypeLines
  }

  private var dtypeLines: [String] {
    otherDType.isEmpty
      ? [] : ["note: \(otherDType.count) tensors have the same values in two dtypes"]
  }
}

extension TensorDiff.Entry {
  var json: JSONDocument {
    .members([
      "name": .string(name),
      "shape_a": .array(shapes.a.map { .integer($0) }),
      "shape_b": .array(shapes.b.map { .integer($0) }),
      "dtype_a": .string(dtypes.a.rawValue),
      "dtype_b": .string(dtypes.b.rawValue),
      "max_abs": .optional(figures?.maxAbs),
      "rms": .optional(figures?.rms),
      "max_rel": .optional(figures?.maxRel),
      "cosine": .optional(figures?.cosine),
      "max_ulp": figures.map { .integer(Int(clamping: $0.maxULP)) } ?? .null,
      "worst": figures?.worst?.json ?? .null,
    ])
  }

  var text: String {
    let name = name.escapingControlCharacters()
    guard let figures else { return "\(name): shape \(shapes.a) against \(shapes.b)" }
    var text = "\(name): max|Δ| \(Format.small(figures.maxAbs)), rms \(Format.small(figures.rms))"
    if let worst = figures.worst {
      let index = worst.index.map(String.init).joined(separator: ",")
      text += " at [\(index)]: \(Format.value(worst.got)) against \(Format.value(worst.reference))"
    }
    return text
  }
}
