import WeighbridgeCheckpoints
import WeighbridgeTensors
import WeighbridgeWeights

/// Whether every tensor of a file is, bit by bit, what its source holds, as the recorded mapping reads
/// it: under the rules and the root that a native file keeps, without wrappers, in the file's dtype.
public struct SourceComparison: Sendable {
  /// A tensor whose values are others than the source's.
  public struct Difference: Sendable, Hashable {
    /// Its name in the file that is checked.
    public let name: String
    /// How many elements are not the same bits.
    public let elements: Int
    /// The order of the source's axes in which it is, bit by bit, the file's; `nil` where there is none.
    public let axes: [Int]?
  }

  /// A tensor that the source does not have, or in another shape.
  public struct Mismatch: Sendable, Hashable {
    /// Its name in the file that is checked.
    public let name: String
    /// A clause.
    public let reason: String
  }

  /// The source's path.
  public let path: String
  /// Whether the source is, byte by byte, the file that a native file was made from; `nil` where none
  /// is recorded.
  public let isRecordedSource: Bool?
  /// What the tensors stand under in the source; empty for its own names.
  public let root: String
  /// How many tensors are the same bits.
  public private(set) var equalCount = 0
  /// How many of them were brought into the file's dtype first.
  public private(set) var convertedCount = 0
  /// Tensors of other values than the source's.
  public private(set) var different: [Difference] = []
  /// Tensors that the source lacks, or has in another shape.
  public private(set) var mismatched: [Mismatch] = []

  /// Tensors of the source that the file does not have.
  public private(set) var leftOut: [String] = []

  /// Whether every tensor of the file is the source's.
  public var holds: Bool { different.isEmpty && mismatched.isEmpty }

  /// Compares a file with its source.
  ///
  /// - Parameters:
  ///   - rules: In place of those that the file keeps.
  ///   - root: In place of what the file keeps.
  ///   - onProgress: Called before a tensor is compared with how many are done, and its name.
  /// - Throws: `mapping` when rules do not fit or nothing stands under the root, and what reading throws.
  public init(
    _ checkpoint: any Checkpoint, with source: any Checkpoint, rules: Rules? = nil,
    root: String? = nil, onProgress: (Int, String) -> Void = { _, _ in }
  ) throws {
    let manifest = (checkpoint as? SafetensorsCheckpoint)?.native?.manifest
    path = source.path
    isRecordedSource = try manifest?.source.map { try $0.sha256 == SHA256Sum.ofFile(source.path) }
    let applied = try rules ?? SourceComparison.recordedRules(manifest, file: checkpoint.path)
    let names = Set(checkpoint.entries.map { ExactText($0.name) })
    let (view, stateDict) = try SourceComparison.view(
      of: source, rules: applied, root: root, recorded: manifest?.notes[NativeManifest.rootKey],
      names: names)
    self.root = view.rootName
    let tensors = CheckpointSource(source, stateDict)
    for (position, entry) in checkpoint.entries.enumerated() {
      onProgress(position, entry.name)
      try compare(entry, checkpoint, tensors)
    }
    leftOut = stateDict.tensors.map(\.name).filter { !names.contains(ExactText($0)) }
    try checkpoint.checkUnchanged()
    try source.checkUnchanged()
  }

  private mutating func compare(
    _ entry: CheckpointEntry, _ checkpoint: any Checkpoint, _ source: CheckpointSource
  ) throws {
    guard source.contains(entry.name) else {
      mismatched.append(.init(name: entry.name, reason: "the source has no tensor for it"))
      return
    }
    var theirs = try source.tensor(entry.name)
    let ours = try entry.inPyTorchsOrder(checkpoint.tensor(entry.name))
    // Some writers have no scalars and make them one element.
    if ours.shape.rank == 0, theirs.elementCount == 1 { theirs = try theirs.reshaped([]) }
    guard ours.shape == theirs.shape else {
      let axes = try theirs.axisOrder(giving: ours)
      let layout = axes.map { ": the source's values with their axes in the order \($0)" } ?? ""
      mismatched.append(
        .init(
          name: entry.name,
          reason: "is \(ours.shape) here, \(theirs.shape) in the source\(layout)"))
      return
    }
    let isConverted = ours.dtype != theirs.dtype
    if isConverted {
      guard ours.dtype.isFloatingPoint, theirs.dtype.isFloatingPoint else {
        mismatched.append(
          .init(name: entry.name, reason: "is \(ours.dtype) here, \(theirs.dtype) in the source"))
        return
      }
      theirs = try theirs.converted(to: ours.dtype)
    }
    let count = try SourceComparison.differingElements(ours, theirs)
    guard count == 0 else {
      different.append(
        .init(name: entry.name, elements: count, axes: try theirs.axisOrder(giving: ours)))
      return
    }
    equalCount += 1
    if isConverted { convertedCount += 1 }
  }

  /// How many elements of two tensors of one shape and dtype are not the same bits.
  private static func differingElements(_ a: Tensor, _ b: Tensor) throws -> Int {
    let (first, second, width) = try (a.contiguous(), b.contiguous(), a.dtype.byteCount)
    return try first.withUnsafeBytes { one in
      try second.withUnsafeBytes { other in
        if one.count == other.count, one.elementsEqual(other) { return 0 }
        var count = 0
        for start in stride(from: 0, to: one.count, by: width) {
          let range = start..<start + width
          if !one[range].elementsEqual(other[range]) { count += 1 }
        }
        return count
      }
    }
  }

  private static func recordedRules(_ manifest: NativeManifest?, file: String) throws -> Rules {
    guard let manifest, manifest.notes[NativeManifest.rulesKey] != nil else { return Rules() }
    guard let text = manifest.notes[NativeManifest.rulesTextKey] else {
      throw WeighbridgeError(
        .usage, "was made with rules, which it does not keep", file: file,
        remedy: "Give them with \(Setting.rules)")
    }
    return try Rules(yaml: text, file: file)
  }

  /// The way to see a source that has most of the names: of the root that is asked for, else of the
  /// recorded one where the source has that.
  private static func view(
    of source: any Checkpoint, rules: Rules, root: String?, recorded: String?,
    names: Set<ExactText>
  ) throws -> (StateDictView, StateDict) {
    var candidates = try Candidates(source, rules: rules)
    var root = root ?? recorded
    if let wanted = root, !candidates.views.contains(where: { $0.rootName == wanted }) {
      do {
        candidates = try Candidates(source, rules: rules, root: wanted)
      } catch let error as WeighbridgeError {
        guard wanted == recorded, error.code == .mapping else { throw error }
        // Another file than the recorded source, which has it under other names.
        root = nil
      }
    }
    var best: (view: StateDictView, stateDict: StateDict, count: Int)?
    for (view, stateDict) in zip(candidates.views, candidates.stateDicts) {
      if let root, view.rootName != root { continue }
      let count = stateDict.tensors.count { names.contains(ExactText($0.name)) }
      if count > best?.count ?? -1 { best = (view, stateDict, count) }
    }
    guard let best else {
      throw WeighbridgeError(.mapping, "holds no tensors to compare with", file: source.path)
    }
    return (best.view, best.stateDict)
  }
}

extension CheckpointEntry {
  /// The entry's tensor with the axes that a parameter of this name has in PyTorch, where its file says
  /// that it is in another order, as MLX's do.
  fileprivate func inPyTorchsOrder(_ tensor: Tensor) throws -> Tensor {
    guard case .parameter(name, let steps)? = form else { return tensor }
    return try steps.reduce(tensor) { moved, step in
      switch step {
      case .permute(let axes): try moved.permuted(axes)
      case .reshape(let extents): try moved.reshaped(extents)
      }
    }
  }
}
