import WeighbridgeModules

/// The model run as a program runs it: unprobed, so with fused layers, folded norms and the engine's
/// joint steps, which no probed run executes.
struct ProductionRun: Sendable {
  /// For each output; `nil` when the reference has no such output.
  var findings: [Finding?]
  var shapes: [Shape]
  /// The model itself.
  var seconds: Double
  var compareSeconds: Double
}

extension Validator {
  /// Runs the model unprobed on the inputs and compares its outputs with the recorded ones.
  ///
  /// - Throws: when the model cannot run so, or an output cannot be read.
  func production(_ model: any Module, _ inputs: [Tensor]) throws -> ProductionRun {
    let clock = Stopwatch()
    let outputs = try ProbeRun.without { try model.run(inputs) }
    let seconds = clock.seconds
    let comparing = Stopwatch()
    let findings = try (0..<max(outputs.count, reference.outputCount)).map {
      try outputFinding($0, outputs)
    }
    return ProductionRun(
      findings: findings, shapes: outputs.map(\.shape), seconds: seconds,
      compareSeconds: comparing.seconds)
  }

  /// Judges that run's outputs: by the limits of the probed run's, and where it alone is beyond them, by
  /// what moving every result by one unit in its last place makes of the outputs.
  ///
  /// Fused layers and folded norms round in other places than the probed run and PyTorch. Noise is one
  /// draw; for an output of a few elements it may by luck be far below what another draw makes, and a
  /// deep network's fused run is such another draw. What the shaken runs measure is the model's own and
  /// asks neither the reference nor the fused run, so that a fused path that is wrong excuses nothing.
  func judgeProduction(
    _ result: inout ParityResult, _ run: ProductionRun, _ model: any Module, _ inputs: [Tensor]
  ) throws {
    result.production = try judge(run, beside: result.outputs)
    guard result.failsInProductionAlone, options.tolerance == nil else { return }
    let clock = Stopwatch()
    var rounding = try ShakenRounding(still: shakenRun(model, inputs, nil))
    var judged = result.production
    for seed in 1...Self.shakenRuns where judged.contains(where: \.status.isFailure) {
      try rounding.add(shakenRun(model, inputs, Shaking(seed: UInt64(seed))))
      judged = try judge(run, beside: result.outputs, shaken: rounding.noise)
    }
    result.seconds.oracle += clock.seconds
    result.production = judged
    guard !result.productionStatus.isFailure else { return }
    result.notes.append(
      "\(Assembly.listed(judged.map(\.name))): moving every result by one unit in the last place "
        + "moves the outputs as far as the model run as a program runs it is off, so this is rounding "
        + "that has grown")
  }

  /// - Parameter shaken: What is known of the model's own rounding beside what its outputs say.
  private func judge(
    _ run: ProductionRun, beside outputs: [LayerVerdict],
    shaken: [ActivationKey: Reference.Noise] = [:]
  ) throws -> [LayerVerdict] {
    try run.findings.enumerated().compactMap { index, finding in
      guard let finding else { return nil }
      let beside = outputs.first { $0.item == index }
      var verdict = LayerVerdict(
        path: "production", call: 0, item: index, kind: "production",
        shape: index < run.shapes.count ? run.shapes[index] : [], status: .missing,
        ownNoise: larger(beside?.ownNoise, shaken[Validator.outputKey(index)]),
        recordedNoise: try reference.outputNoise(index), isLeaf: false)
      verdict.reshaping = finding.reshaping
      switch finding.problem {
      case .incomparable(let reason)?: verdict.reason = reason
      case .shape(let reason)?: (verdict.status, verdict.reason) = (.source, reason)
      case nil:
        guard let figures = finding.figures, let dtype = finding.dtype else { break }
        let judgement = judge.judge(
          figures, recorded: dtype, reference: verdict.recordedNoise, own: verdict.ownNoise,
          believesAll: beside?.isBelieved ?? false)
        verdict.cumulative = Measurement(figures: figures, judgement: judgement)
        verdict.status = status(verdict, judgement, beside)
      }
      return verdict
    }
  }

  private func larger(_ a: Reference.Noise?, _ b: Reference.Noise?) -> Reference.Noise? {
    guard let a, let b else { return a ?? b }
    return Reference.Noise(rms: max(a.rms, b.rms), max: max(a.max, b.max))
  }

  /// Where the probed run's output fails too, this one's failure is no news.
  private func status(
    _ verdict: LayerVerdict, _ judgement: Judgement, _ beside: LayerVerdict?
  ) -> LayerStatus {
    guard judgement.holds else {
      return beside?.status.isFailure == true ? .inherited : .source
    }
    return verdict.reshaping == nil ? .ok : .reshaped
  }
}

extension LayerVerdict {
  /// Whether the recorded noise was taken as it is, since every module was proven.
  fileprivate var isBelieved: Bool {
    status == .ok && (cumulative?.judgement.doubt == nil)
  }
}
