import CVectors
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Runs a model for as long as the judge needs more evidence.
struct EvidenceGathering {
  private let plan: RunPlan
  private let runner: Runner
  private let judge: Judge
  private let model: any Module
  /// The model as a program runs it: its graph.
  private let compiled: any Module
  private let inputs: [Tensor]
  private let oracle: Oracle?
  private let moving: OwnRounding

  init(
    _ plan: RunPlan, _ runner: Runner, _ judge: Judge, _ model: any Module, _ inputs: [Tensor],
    _ oracle: Oracle?
  ) {
    (self.plan, self.runner, self.judge) = (plan, runner, judge)
    (self.model, self.inputs, self.oracle) = (model, inputs, oracle)
    compiled = model.compiled()
    moving = OwnRounding(runner.reference, model, inputs)
  }

  private var reference: Reference { runner.reference }

  /// All evidence, what the judge makes of it, and where the time went.
  ///
  /// - Throws: when the model cannot run, or something recorded cannot be read.
  func judged() throws -> (evidence: Evidence, result: ParityResult) {
    var seconds = ParityResult.Seconds()
    var (evidence, isSettled) = try first(&seconds)
    evidence.remarks = try nonFiniteInputs()
    while true {
      let terms = plan.terms(
        afterForwardOf: evidence.cumulative.forwardSeconds, hasOwnNoise: isSettled)
      let judged = judge.judged(evidence, terms)
      guard let need = judged.need else {
        var result = judged.result
        result.seconds = seconds
        result.seconds.add(evidence.cumulative, \.forward)
        if let isolated = evidence.isolated { result.seconds.add(isolated, \.isolated) }
        result.seconds.add(evidence.production, \.production)
        if !result.passes, evidence.own.isEmpty, evidence.oracleRemark == nil,
          let remark = plan.unmeasured(afterForwardOf: evidence.cumulative.forwardSeconds)
        {
          result.remarks.append(remark)
        }
        return (evidence, result)
      }
      let clock = Stopwatch()
      defer { seconds.oracle += clock.seconds }
      switch need {
      case .ownNoise:
        isSettled = true
        try measureOwn(&evidence)
      case .layers(let lines):
        evidence.layerRounding = try rounding(of: lines, judged.result)
      case .moved:
        _ = try moving.measureMore()
        evidence.moved.append(moving.noise)
      case .repetition:
        evidence.repeated = try ProbeRun.without { try compiled.run(inputs) }
      case .nearby:
        evidence.nearby.append(try nearby(seed: UInt64(evidence.nearby.count + 1)))
      }
    }
  }

  /// The runs that every verdict has, and our own noise where it is wanted at once.
  private func first(
    _ seconds: inout ParityResult.Seconds
  ) throws -> (evidence: Evidence, hasOwnNoise: Bool) {
    let production = try runner.production(compiled, inputs)
    let kept = plan.keepsResults ? KeptOutputs() : nil
    let cumulative = try runner.cumulative(model, inputs, keeping: kept)
    var evidence = try Evidence(
      reference, RecordedFacts(reference, cumulative), cumulative: cumulative,
      production: production)
    let wanted = plan.oracle(after: cumulative)
    evidence.oracleRemark = wanted.remark
    if wanted.runs, let kept, let oracle {
      let clock = Stopwatch()
      try measureOwn(&evidence, oracle, kept)
      seconds.oracle += clock.seconds
    }
    if plan.isolates {
      evidence.isolated = try runner.isolated(model, inputs, expected: cumulative.calls.count)
    }
    return (evidence, !evidence.own.isEmpty)
  }

  /// Measures our own noise after all: a layer would be called wrong without it.
  private func measureOwn(_ evidence: inout Evidence) throws {
    guard let oracle else { return }
    let kept = KeptOutputs()
    _ = try runner.cumulative(model, inputs, keeping: kept)
    evidence.oracleRemark = nil
    try measureOwn(&evidence, oracle, kept)
  }

  private func measureOwn(
    _ evidence: inout Evidence, _ oracle: Oracle, _ kept: KeptOutputs
  ) throws {
    do {
      evidence.own = try runner.noise(oracle.model(), kept, evidence.cumulative)
    } catch let error as WeighbridgeError where !plan.insistsOnOracle {
      evidence.oracleRemark = .oracleFailed(error)
    }
  }

  /// The model run as a program runs it and probed, on inputs that are moved.
  private func nearby(seed: UInt64) throws -> NearbyRun {
    let shaking = Shaking(seed: seed)
    let moved = try inputs.map(shaking.shaken)
    return NearbyRun(
      production: try ProbeRun.without { try compiled.run(moved) },
      probed: try ProbeRun.eagerly { try model.run(moved) })
  }

  /// What to say of inputs that hold NaN or infinities.
  private func nonFiniteInputs() throws -> [Remark] {
    try inputs.enumerated().compactMap { index, input in
      guard input.dtype == .float32 else { return nil }
      let isFinite = try input.contiguous().withUnsafeBytes { bytes in
        bytes.baseAddress.map { vectors_are_finite($0, bytes.count / 4) } ?? true
      }
      return isFinite ? nil : .nonFiniteInput(index)
    }
  }
}

extension EvidenceGathering {
  /// How much some layers round by themselves: float32 against float64, both on recorded results;
  /// without a float64 model, against results that are moved by one unit in their last place.
  private func rounding(
    of lines: [(verdict: LayerVerdict, isByPlace: Bool)], _ result: ParityResult
  ) throws -> LayerRounding {
    var found = LayerRounding()
    let wanted = Set(lines.compactMap(\.verdict.key))
    let rounded = try outputs(of: model, as: .float32, wanted, result)
    let twin = try twin(wanted, result, &found)
    found.isExact = twin.values.contains { $0.dtype == .float64 }
    let more = try moreDraws(lines, wanted, result)
    let local = LocalJudge(limits: judge.limits)
    for (verdict, isByPlace) in lines {
      let draws = verdict.worksOnRecorded ? [twin] : [twin] + more
      let others = draws.compactMap { $0[verdict.line] }
      guard let got = rounded[verdict.line], !others.isEmpty,
        let noise = try Self.largest(others.map { try OracleProbe.noise(got, $0) })
      else { continue }
      found.noise[verdict.line] = noise
      guard isByPlace, let recorded = try recorded(verdict) else { continue }
      found.worst[verdict.line] = try local.worst(
        verdict.likeRecorded(got), others.map(verdict.likeRecorded), recorded)
    }
    return found
  }

  /// How often results are moved besides, where a layer holds the rounding of more than itself.
  private static let moreDraws: ClosedRange<UInt64> = 1...3

  /// Further draws of our rounding for layers that do not work on recorded values alone: what arrives there
  /// has grown, and one draw of it says little of a place that few elements decide.
  private func moreDraws(
    _ lines: [(verdict: LayerVerdict, isByPlace: Bool)], _ wanted: Set<ActivationKey>,
    _ result: ParityResult
  ) throws -> [[Line: Tensor]] {
    guard lines.contains(where: { $0.isByPlace && !$0.verdict.worksOnRecorded }) else { return [] }
    return try Self.moreDraws.map { seed in
      try outputs(of: model, as: .float32, wanted, result, shaking: Shaking(seed: seed))
    }
  }

  private static func largest(_ noises: [Reference.Noise?]) -> Reference.Noise? {
    let noises = noises.compactMap(\.self)
    guard let rms = noises.map(\.rms).max(), let most = noises.map(\.max).max() else { return nil }
    return Reference.Noise(rms: rms, max: most)
  }

  /// The results that the distance of our own is our rounding from.
  private func twin(
    _ wanted: Set<ActivationKey>, _ result: ParityResult, _ found: inout LayerRounding
  ) throws -> [Line: Tensor] {
    if let oracle, plan.usesTwin {
      do {
        return try outputs(of: oracle.model(), as: .float64, wanted, result)
      } catch let error as WeighbridgeError where !plan.insistsOnOracle {
        found.remark = .noTwin(error)
      }
    }
    return try outputs(of: model, as: .float32, wanted, result, shaking: Shaking(seed: 0))
  }

  private func recorded(_ verdict: LayerVerdict) throws -> RecordedActivation? {
    switch verdict.line {
    case .module(let key): try reference.recorded(key)
    case .input: nil
    case .output(let index), .production(let index): .whole(try reference.output(index))
    }
  }

  private func outputs(
    of model: any Module, as dtype: DType, _ wanted: Set<ActivationKey>, _ result: ParityResult,
    shaking: Shaking? = nil
  ) throws -> [Line: Tensor] {
    let probe = IsolatedOutputsProbe(
      reference, wanted, substitutes: plan.isolates,
      handsOnOtherShapes: result.handsOnOtherShapes, shaking: shaking)
    var inputs = try reference.inputs(as: dtype)
    if let shaking { inputs = try inputs.map(shaking.shaken) }
    let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
    let named =
      probe.outputs.map { (Line.module($0.key), $0.value) }
      + outputs.enumerated().map { (.output($0.offset), $0.element) }
    return Dictionary(named, uniquingKeysWith: { first, _ in first })
  }
}

extension ParityResult.Seconds {
  /// Adds a run's times, the model's own under a name of its own.
  fileprivate mutating func add(_ trace: Trace, _ forward: WritableKeyPath<Self, Double>) {
    read += trace.readSeconds
    compare += trace.compareSeconds
    self[keyPath: forward] = trace.forwardSeconds
  }
}
