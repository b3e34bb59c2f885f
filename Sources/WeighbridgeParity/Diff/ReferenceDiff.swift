import WeighbridgeCheckpoints
import WeighbridgeComparison
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension ReferenceDiff {
  /// Whether a file is a reference: it has inputs and activations.
  public static func isReference(_ checkpoint: any Checkpoint) -> Bool {
    checkpoint.entries.contains {
      $0.rawPath.hasPrefix("activations/") || $0.rawPath.hasPrefix("samples/")
    }
      && checkpoint.entry("inputs/0") != nil
  }

  /// Compares two references. `b` is the one that errors refer to.
  ///
  /// - Parameter tolerance: Replaces every limit by noise.
  /// - Throws: When a tensor cannot be read, or one of the files breaks the layout.
  public init(
    _ a: Reference, _ b: Reference, tolerance: ElementwiseTolerance? = nil,
    limits: Limits = Limits(), onProgress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws {
    var run = ReferenceDiffRun(a, b, Judge(limits: limits, override: tolerance))
    try run.compare(onProgress)
    let ignored = Set(a.ignored + b.ignored)
    let others = try TensorDiff(
      a.checkpoint, b.checkpoint, tolerance: tolerance, where: { ignored.contains($0.rawPath) })
    run.result.unreferenced += others.onlyInA
    run.result.uncovered += others.onlyInB
    run.result.differentTensors = others.different
    self.init(
      verdict: ReferenceDiff.verdict(a, b, run.result), others: others, equalCount: run.equalCount,
      different: run.different + others.different)
  }

  private static func verdict(_ a: Reference, _ b: Reference, _ result: ParityResult) -> Verdict {
    var verdict = Verdict(
      model: b.metadata.model ?? a.metadata.model ?? "references", result: result)
    verdict.subject = .references
    let frameworks = [a, b].map { $0.metadata.framework ?? "unknown" }
    verdict.environment.framework =
      frameworks[0] == frameworks[1] ? frameworks[0] : frameworks.joined(separator: " and ")
    verdict.environment.files = [
      .init(role: "first", path: a.path), .init(role: "second", path: b.path),
    ]
    return verdict
  }
}

/// One pass over two references.
private struct ReferenceDiffRun {
  let a: Reference
  let b: Reference
  let judge: Judge
  var result = ParityResult()
  var different: [TensorDiff.Entry] = []
  var equalCount = 0
  private var algebra = StatusAlgebra()

  /// How many failures are drawn.
  private static let detailLimit = 4

  init(_ a: Reference, _ b: Reference, _ judge: Judge) {
    (self.a, self.b, self.judge) = (a, b, judge)
    result.requiresAll = true
  }

  mutating func compare(_ onProgress: ((Int, Int) -> Void)?) throws {
    let clock = Stopwatch()
    // A file that lists its entries by name does not tell the order of execution.
    let ordered = b.checkpoint.format == .hdf5 ? a : b
    if a.checkpoint.format == .hdf5, b.checkpoint.format == .hdf5 {
      result.remarks.append(.unordered)
    }
    let shared = ordered.keys.filter { a.contains($0) && b.contains($0) }
    let total = shared.count + a.inputCount + a.outputCount
    for index in 0..<max(a.inputCount, b.inputCount) {
      try compareNumbered("inputs", index, a.inputCount, b.inputCount, \.layers)
    }
    let parents = Set(shared.flatMap { $0.path.ancestors })
    for (position, key) in shared.enumerated() {
      onProgress?(position, total)
      guard let first = try a.recorded(key), let second = try b.recorded(key) else { continue }
      guard let (first, second) = try RecordedActivation.common(first, second) else {
        result.uncovered.append("activations/\(key)")
        result.remarks.append(.sampledApart(key.description))
        continue
      }
      let name = b.recordedName(of: key) ?? key.description
      let item = Item(
        line: .module(key), kind: "", name: name, entry: "activations/\(name)",
        shape: a.description(of: key)?.shape,
        own: try a.noise(key), recorded: try b.noise(key),
        hasChildren: parents.contains(key.path))
      result.layers.append(try judged(item, first, second))
    }
    for index in 0..<max(a.outputCount, b.outputCount) {
      try compareNumbered("outputs", index, a.outputCount, b.outputCount, \.outputs)
    }
    result.remarks += [a, b].compactMap(Remark.Sampling.init).map { .sampling($0, ran: false) }
    result.unreferenced += a.keys.filter { !b.contains($0) }.map {
      "activations/\(a.recordedName(of: $0) ?? $0.description)"
    }
    result.uncovered += b.keys.filter { !a.contains($0) }.map {
      "activations/\(b.recordedName(of: $0) ?? $0.description)"
    }
    if result.layers.contains(where: { $0.status == .inherited }) {
      result.remarks.append(.nothingRan)
    }
    result.seconds.compare = clock.seconds
  }

  /// One input or output.
  private mutating func compareNumbered(
    _ part: String, _ index: Int, _ countA: Int, _ countB: Int,
    _ list: WritableKeyPath<ParityResult, [LayerVerdict]>
  ) throws {
    let name = "\(part)/\(index)"
    guard index < countA, index < countB else {
      if index < countA { result.unreferenced.append(name) } else { result.uncovered.append(name) }
      return
    }
    let isOutput = part == "outputs"
    let item = Item(
      line: isOutput ? .output(index) : .input(index), kind: isOutput ? "output" : "input",
      name: name, entry: name, own: isOutput ? try a.outputNoise(index) : nil,
      recorded: isOutput ? try b.outputNoise(index) : nil, hasChildren: isOutput)
    result[keyPath: list].append(
      try judged(item, a.checkpoint.tensor(name), b.checkpoint.tensor(name)))
  }

  /// One tensor that both have.
  private struct Item {
    var line: Line
    var kind: String
    var name: String
    var entry: String
    /// The activation's, where samples of it are compared.
    var shape: Shape?
    var own: Reference.Noise?
    var recorded: Reference.Noise?
    var hasChildren: Bool
  }

  private mutating func judged(
    _ item: Item, _ first: Tensor, _ second: Tensor
  ) throws -> LayerVerdict {
    var layer = LayerVerdict(
      line: item.line, kind: item.kind,
      shape: item.shape ?? first.shape, status: .missing, ownNoise: item.own,
      recordedNoise: item.recorded,
      isLeaf: !item.hasChildren)
    if item.name != layer.name { layer.recordedName = item.name }
    var problem: Ground?
    if first.shape == second.shape {
      let dtype = ReferenceDiffRun.coarser(first.dtype, second.dtype)
      let hasNoise = item.own != nil || item.recorded != nil
      let figures = try Comparison.figures(
        first, second, tolerance: judge.elementwiseTolerance(recorded: dtype, hasNoise: hasNoise))
      if figures.isIdentical { equalCount += 1 }
      layer.cumulative = Measurement(
        figures: figures,
        judgement: judge.judge(
          figures, recorded: dtype, reference: item.recorded,
          own: item.own?.believed(beside: figures).noise))
    } else {
      problem = .shapes(first.shape, second.shape)
    }
    (layer.status, layer.grounds) = algebra.status(
      cumulative: layer.cumulative, isolated: nil, hasComparedChildren: item.hasChildren,
      problem: problem)
    guard layer.status.isFailure else { return layer }
    different.append(
      TensorDiff.Entry(
        name: item.entry, shapes: (first.shape, second.shape),
        dtypes: (first.dtype, second.dtype), figures: layer.cumulative?.figures))
    if result.details.count < ReferenceDiffRun.detailLimit,
      let worst = layer.cumulative?.figures.worst
    {
      result.details.append(
        try LayerDetail(item.line, got: first, reference: second, worst: worst.index))
    }
    return layer
  }

  /// The dtype that shows less.
  private static func coarser(_ a: DType, _ b: DType) -> DType {
    guard a.isFloatingPoint == b.isFloatingPoint else { return a.isFloatingPoint ? b : a }
    return Rounding.coarser(a, b)
  }
}

extension ModulePath {
  /// The enclosing modules, the model itself left out.
  fileprivate var ancestors: [ModulePath] {
    var result: [ModulePath] = []
    var current = parent
    while let module = current, module != .root {
      result.append(module)
      current = module.parent
    }
    return result
  }
}
