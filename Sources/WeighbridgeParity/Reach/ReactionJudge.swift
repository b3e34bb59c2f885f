import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Whether what a changed model returns would make the verdict a failure.
struct ReactionJudge: Sendable {
  private let runner: Runner
  private let judge: Judge
  private let tolerance: ElementwiseTolerance?
  private let layers: [ActivationKey: LayerVerdict]
  private let outputs: [Int: LayerVerdict]

  init(
    _ runner: Runner, _ judge: Judge, _ tolerance: ElementwiseTolerance?, _ result: ParityResult
  ) {
    (self.runner, self.judge, self.tolerance) = (runner, judge, tolerance)
    layers = Dictionary(
      result.layers.filter { $0.status != .missing }.map {
        (ActivationKey($0.path, call: $0.call, item: $0.item), $0)
      }, uniquingKeysWith: { first, _ in first })
    outputs = Dictionary(
      result.outputs.enumerated().filter { $0.element.status != .missing }
        .map { ($0.element.item ?? $0.offset, $0.element) }, uniquingKeysWith: { first, _ in first }
    )
  }

  private var reference: Reference { runner.reference }

  /// Whether outputs are all that was compared, and so few decisions that other weights come to them, too.
  func comparesDecisions() throws -> Bool {
    guard layers.isEmpty else { return false }
    let bits = try outputs.keys.sorted().reduce(0) { try $0 + Decisions.bits(reference.output($1)) }
    return bits < judge.limits.leastBits
  }

  /// What a call returned and was compared.
  private func compared(_ path: ModulePath, _ call: Int, _ count: Int) -> [(Int, LayerVerdict)] {
    (0..<count).compactMap { item in
      layers[ActivationKey(path, call: call, item: count > 1 ? item : nil)].map { (item, $0) }
    }
  }

  /// Whether a call's result was compared and is that of the module alone, and its recorded tensors
  /// can stand in for it as they are.
  func standIn(_ path: ModulePath, _ call: Int) throws -> [Tensor]? {
    guard let first = layer(path, call), first.isLeaf else { return nil }
    guard let recorded = try reference.tensors(path, call: call) else { return nil }
    for (item, tensor) in recorded.enumerated() {
      let key = ActivationKey(path, call: call, item: recorded.count > 1 ? item : nil)
      guard tensor.dtype.isFloatingPoint, let verdict = layers[key], verdict.isLeaf,
        verdict.shape == tensor.shape
      else { return nil }
    }
    return recorded
  }

  /// The verdict on what a call returned, or on the first of several tensors.
  func layer(_ path: ModulePath, _ call: Int) -> LayerVerdict? {
    layers[ActivationKey(path, call: call)] ?? layers[ActivationKey(path, call: call, item: 0)]
  }

  /// An error beyond which a layer fails for certain, as an RMS; `nil` where the call was not compared.
  func limit(_ path: ModulePath, _ call: Int) -> Double? {
    guard let layer = layer(path, call), let measured = layer.isolated ?? layer.cumulative else {
      return nil
    }
    let (figures, limits) = (measured.figures, judge.limits)
    if measured.judgement.basis == .elementwise {
      let key = ActivationKey(path, call: call, item: layer.item)
      let dtype = reference.description(of: key)?.dtype ?? .float32
      let tolerance =
        self.tolerance ?? .pyTorchDefault(.float32, dtype)
      return tolerance.absolute + tolerance.relative * figures.referenceMax
    }
    let dtype =
      reference.description(of: ActivationKey(path, call: call, item: layer.item))?.dtype
    let noises = [layer.recordedNoise, layer.ownNoise].compactMap { $0?.rms }.filter(\.isFinite)
    return limits.noiseRatio
      * noises.reduce(
        limits.floor * (dtype ?? .float32).unitRoundoff * figures.referenceRMS, +)
  }

  /// Whether a call's results, of a changed model, fail.
  func fails(_ tensors: [Tensor], _ path: ModulePath, _ call: Int) throws -> Bool {
    try compared(path, call, tensors.count).contains { item, verdict in
      let key = ActivationKey(path, call: call, item: verdict.item)
      let finding = try Finding(
        item: verdict.item, got: tensors[item], recorded: reference.recorded(key)
      ) { dtype in
        judge.elementwiseTolerance(
          recorded: dtype, hasNoise: reference.hasNoise(key))
      }
      return fails(finding, verdict)
    }
  }

  /// Whether a changed model's outputs fail.
  func fails(outputs tensors: [Tensor]) throws -> Bool {
    try tensors.indices.contains { index in
      guard let verdict = outputs[index],
        let finding = try runner.outputFinding(index, tensors)
      else { return false }
      return fails(finding, verdict)
    }
  }

  private func fails(_ finding: Finding, _ verdict: LayerVerdict) -> Bool {
    if case .shape? = finding.problem { return true }
    guard let figures = finding.figures, let dtype = finding.dtype else { return false }
    let judgement = judge.judge(
      figures, recorded: dtype, reference: verdict.recordedNoise, own: verdict.ownNoise)
    // Rounding that has grown and was accepted is no reaction.
    let usual = verdict.cumulative?.figures.rms ?? 0
    return !judgement.holds && !(figures.rms <= 2 * usual)
  }
}
