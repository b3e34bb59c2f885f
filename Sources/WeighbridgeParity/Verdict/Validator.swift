import CVectors
import WeighbridgeModules

/// Holds a model against a reference: the cumulative run, the float64 oracle where it is wanted, the
/// isolated run, and the status of every layer.
public struct Validator: Sendable {
  public let reference: Reference
  public let options: ValidationOptions
  let judge: Judge
  private let onProgress: (@Sendable (ValidationProgress) -> Void)?

  public init(
    _ reference: Reference, options: ValidationOptions = ValidationOptions(),
    onProgress: (@Sendable (ValidationProgress) -> Void)? = nil
  ) {
    self.reference = reference
    self.options = options
    self.onProgress = onProgress
    judge = Judge(limits: options.limits, override: options.tolerance)
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
    let named = try Validator.running(on: reference) { try reference.named(for: model, inputs) }
    let ready = Validator(try named.readAhead(), options: options, onProgress: onProgress)
    var result = try ready.validate(model, inputs, oracle, readSeconds: reading.seconds)
    try ready.measureReach(&result, model, inputs, rebinding)
    return result
  }

  private func validate(
    _ model: any Module, _ inputs: [Tensor], _ oracle: (() throws -> any Module)?,
    readSeconds: Double
  ) throws -> ParityResult {
    let run = try Validator.running(on: reference) { try production(model, inputs) }
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
      try diagnose(&result, model, own: found.own)
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
    let cumulative = try run(model, inputs, .cumulative, keeping: kept)
    cumulative.addTimes(to: &result.seconds, \.forward)

    var own: [ActivationKey: Reference.Noise] = [:]
    let decision = plan.decision(forwardSeconds: result.seconds.forward)
    if let note = decision.note { result.notes.append(note) }
    if decision.runs, let kept, let oracle {
      let clock = Stopwatch()
      do {
        own = try ownNoise(oracle(), kept, cumulative)
      } catch let error as WeighbridgeError where options.oracle == .auto {
        result.notes.append("float64 oracle skipped, it failed: \(error.description)")
      }
      result.seconds.oracle = clock.seconds
    }

    var isolated: Run?
    if options.isolates {
      let found = try isolatedRun(model, inputs, cumulative)
      found.addTimes(to: &result.seconds, \.isolated)
      result.handsOnOtherShapes = found.handsOnOtherShapes
      isolated = found
    }
    try Assembly(reference, judge, cumulative, isolated, own).fill(&result)
    return (result, own, cumulative.outputs)
  }
}

extension Validator {
  enum RunKind: String { case cumulative, isolated, oracle }

  /// One run's trace and outputs.
  struct Run: Sendable {
    var trace: RunTrace
    var outputs: [Tensor]
    var outputFindings: [Finding?]
    var seconds: Double
    /// Whether recorded tensors were put in place of ours even where their shape is another one.
    var handsOnOtherShapes = true

    func addTimes(
      to seconds: inout ParityResult.Seconds,
      _ forward: WritableKeyPath<ParityResult.Seconds, Double>
    ) {
      seconds.read += trace.readSeconds
      seconds.compare += trace.compareSeconds
      seconds[keyPath: forward] =
        max(0, self.seconds - trace.readSeconds - trace.compareSeconds)
    }
  }

  /// The isolated run. What follows a result of a wrong shape is given the recorded one, unless the
  /// model cannot go on with that: what it joins may not have been recorded.
  private func isolatedRun(
    _ model: any Module, _ inputs: [Tensor], _ cumulative: Run
  ) throws -> Run {
    let expected = cumulative.trace.calls.count
    do {
      return try run(model, inputs, .isolated, expected: expected)
    } catch let error as WeighbridgeError where error.code == .shape {
      return try run(
        model, inputs, .isolated, handsOnOtherShapes: false, expected: expected)
    }
  }

  private func run(
    _ model: any Module, _ inputs: [Tensor], _ kind: RunKind, keeping kept: KeptOutputs? = nil,
    handsOnOtherShapes: Bool = true, expected: Int? = nil
  ) throws -> Run {
    let (reference, judge, onProgress) = (reference, judge, onProgress)
    let probe = ComparingProbe(
      reference, substitutes: kind == .isolated, handsOnOtherShapes: handsOnOtherShapes,
      keeping: kept,
      tolerance: { key, recorded in
        judge.elementwiseTolerance(recorded: recorded, hasNoise: reference.hasNoise(key))
      },
      onCall: { calls in
        onProgress?(ValidationProgress(run: kind.rawValue, calls: calls, expected: expected))
      })
    let clock = Stopwatch()
    let outputs = try Validator.running(on: reference) {
      try ProbeRun.with(probe) { try model.run(inputs) }
    }
    var run = Run(
      trace: probe.trace, outputs: outputs, outputFindings: [], seconds: clock.seconds,
      handsOnOtherShapes: handsOnOtherShapes)
    let comparing = Stopwatch()
    run.outputFindings = try (0..<max(outputs.count, reference.outputCount)).map { index in
      var finding = try outputFinding(index, outputs)
      finding?.isClean = probe.replacedAll
      return finding
    }
    run.trace.compareSeconds += comparing.seconds
    run.seconds += comparing.seconds
    return run
  }

  /// `nil` when the reference has no such output.
  func outputFinding(_ index: Int, _ outputs: [Tensor]) throws -> Finding? {
    guard index < reference.outputCount else { return nil }
    let recorded = try reference.output(index)
    guard index < outputs.count else {
      return Finding(
        item: index, figures: nil, dtype: recorded.dtype,
        problem: .shape("the model returns \(outputs.count) outputs"))
    }
    let hasNoise = reference.hasOutputNoise(index)
    return try Finding(item: index, got: outputs[index], recorded: .whole(recorded)) { dtype in
      judge.elementwiseTolerance(recorded: dtype, hasNoise: hasNoise)
    }
  }

  private func ownNoise(
    _ model: any Module, _ kept: KeptOutputs, _ cumulative: Run
  ) throws -> [ActivationKey: Reference.Noise] {
    let expected = cumulative.trace.calls.count
    let onProgress = onProgress
    let probe = OracleProbe(kept) { calls in
      onProgress?(
        ValidationProgress(run: RunKind.oracle.rawValue, calls: calls, expected: expected))
    }
    let outputs = try ProbeRun.with(probe) {
      try model.run(reference.inputs(as: .float64))
    }
    var noise = probe.noise
    for (index, pair) in zip(cumulative.outputs, outputs).enumerated() {
      noise[ActivationKey.output(index)] = try OracleProbe.noise(pair.0, pair.1)
    }
    return noise
  }

  /// Says of a model that cannot run on a reference's inputs whose inputs they are.
  static func running<R>(on reference: Reference, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch var error as WeighbridgeError where error.code == .shape {
      error.message = "the model cannot run on this reference's inputs: \(error.message)"
      error.remedy = error.remedy ?? "Use a reference recorded from this model and configuration"
      throw error.located(file: reference.path)
    }
  }

  /// Where an output's noise is kept: under a name that no module can have.
  static func outputKey(_ index: Int) -> ActivationKey {
    ActivationKey("outputs/", item: index)
  }
}
