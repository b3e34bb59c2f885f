import CVectors
import WeighbridgeDiagnosis
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Holds a model against a reference: the cumulative run, the float64 oracle where it is wanted, the
/// isolated run, and the status of every layer.
public struct Validator: Sendable {
  public let reference: Reference
  public let options: ValidationOptions
  let judge: Judge
  let runner: Runner
  private let onProgress: (@Sendable (ValidationProgress) -> Void)?

  public init(
    _ reference: Reference, options: ValidationOptions = ValidationOptions(),
    onProgress: (@Sendable (ValidationProgress) -> Void)? = nil
  ) {
    self.reference = reference
    self.options = options
    self.onProgress = onProgress
    let judge = Judge(limits: options.limits, override: options.tolerance)
    self.judge = judge
    runner = Runner(reference, onProgress: onProgress) {
      judge.elementwiseTolerance(recorded: $0, hasNoise: $1)
    }
  }

  /// Judges a model.
  ///
  /// - Parameters:
  ///   - model: Bound in float32.
  ///   - oracle: Gives the same model bound in float64.
  ///   - rebinding: Builds the model again with some weights changed, to find those that the reference
  ///     cannot show. Without it, parameters of modules that cannot be copied are left out of that.
  /// - Throws: when the reference cannot be read or the model cannot run on its inputs.
  public func validate(
    _ model: any Module, oracle: (() throws -> any Module)? = nil, rebinding: Rebinding? = nil
  ) throws -> ParityResult {
    let reading = Stopwatch()
    let inputs = try reference.inputs()
    let named = try reference.running { try reference.named(for: model, inputs) }
    let ready = Validator(try named.readAhead(), options: options, onProgress: onProgress)
    var result = try ready.validate(model, inputs, oracle, readSeconds: reading.seconds)
    try ready.measureReach(&result, model, inputs, rebinding)
    let type = type(of: model)
    result.model = (type as? any Architecture.Type)?.id ?? String(describing: type)
    return result
  }

  private func validate(
    _ model: any Module, _ inputs: [Tensor], _ oracle: (() throws -> any Module)?,
    readSeconds: Double
  ) throws -> ParityResult {
    let run = try runner.production(model, inputs)
    var found = try judged(model, inputs, oracle, options.oracle)
    // The noise that was recorded for a tensor of a few elements may be far below what float32 makes
    // there on average. Before a layer is called wrong, our own noise is measured, too.
    if !found.result.passes, found.own.isEmpty, options.oracle == .auto, options.tolerance == nil,
      oracle != nil, OraclePlan.isAffordable(reference, found.result.seconds.forward)
    {
      found = try judged(model, inputs, oracle, .always)
    }
    var result = found.result
    result.seconds.read += readSeconds
    result.notes += try nonFiniteNotes(inputs)
    let twin = options.oracle == .never ? nil : oracle
    if options.tolerance == nil, OraclePlan.isAffordable(reference, result.seconds.forward) {
      try sharpen(&result, model, twin)
      if options.isolates, twin != nil { acceptGrownRounding(&result) }
    }
    if oracle == nil { try acceptShakenRounding(&result, model, inputs) }
    try judge(run, in: &result, model, inputs, probed: found.outputs)
    if options.isolates, result.hasFailedLayer {
      try inspect(&result, model)
      try DiagnosisStudy(reference, judge, own: found.own).diagnose(&result, model)
    }
    return result
  }

  /// What to say of inputs that hold NaN or infinities.
  private func nonFiniteNotes(_ inputs: [Tensor]) throws -> [String] {
    try inputs.enumerated().compactMap { index, input in
      guard input.dtype == .float32 else { return nil }
      let isFinite = try input.contiguous().withUnsafeBytes { bytes in
        bytes.baseAddress.map { vectors_are_finite($0, bytes.count / 4) } ?? true
      }
      return isFinite ? nil : "inputs/\(index) holds NaN or infinities"
    }
  }

  /// Both runs, the oracle if `mode` wants it, and the status of every layer.
  private func judged(
    _ model: any Module, _ inputs: [Tensor], _ oracle: (() throws -> any Module)?,
    _ mode: OracleMode
  ) throws -> (
    result: ParityResult, own: [ActivationKey: Reference.Noise], outputs: [Tensor]
  ) {
    var result = ParityResult()
    result.requiresAll = options.requiresAll
    result.allowsPartial = options.allowsPartial
    let plan = OraclePlan(mode, reference, isOffered: oracle != nil, options.tolerance)
    let kept = plan.mayRun ? KeptOutputs() : nil
    let cumulative = try runner.cumulative(model, inputs, keeping: kept)
    result.seconds.add(cumulative, \.forward)

    var own: [ActivationKey: Reference.Noise] = [:]
    let decision = plan.decision(forwardSeconds: result.seconds.forward)
    if let note = decision.note { result.notes.append(note) }
    if decision.runs, let kept, let oracle {
      let clock = Stopwatch()
      do {
        own = try runner.noise(oracle(), kept, cumulative)
      } catch let error as WeighbridgeError where options.oracle == .auto {
        result.notes.append("float64 oracle skipped, it failed: \(error.description)")
      }
      result.seconds.oracle = clock.seconds
    }

    var isolated: Trace?
    if options.isolates {
      let found = try runner.isolated(model, inputs, expected: cumulative.calls.count)
      result.seconds.add(found, \.isolated)
      result.handsOnOtherShapes = found.handsOnOtherShapes
      isolated = found
    }
    try Assembly(reference, judge, cumulative, isolated, own).fill(&result)
    return (result, own, cumulative.outputs)
  }
}

extension ParityResult.Seconds {
  /// Adds a run's times, the model's own under a name of its own.
  mutating func add(_ trace: Trace, _ forward: WritableKeyPath<Self, Double>) {
    read += trace.readSeconds
    compare += trace.compareSeconds
    self[keyPath: forward] = trace.forwardSeconds
  }
}
