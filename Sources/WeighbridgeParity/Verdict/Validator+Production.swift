import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension Validator {
  /// Judges that run's outputs, once and last of all.
  ///
  /// First by the limits of the probed run's outputs. An output beyond them, where the probed run's holds,
  /// is held against that one: the two differ by what fusing rounds otherwise, which our own rounding
  /// bounds whatever a file says of PyTorch's. Nothing else excuses it.
  func judge(
    _ run: Trace, in result: inout ParityResult, _ model: any Module, _ inputs: [Tensor],
    probed: [Tensor]
  ) throws {
    result.seconds.production = run.forwardSeconds
    result.seconds.compare += run.compareSeconds
    let rounding = OwnRounding(reference, model, inputs)
    var excused: [String] = []
    for (index, finding) in run.outputFindings.enumerated() {
      guard let finding else { continue }
      let beside = result.outputs.first { $0.item == index }
      var verdict = try productionVerdict(index, finding, run, beside)
      if mayRoundOtherwise(verdict), probed.indices.contains(index) {
        let clock = Stopwatch()
        if let judgement = try fusing(run.outputs[index], probed[index], index, beside, rounding) {
          verdict.cumulative?.judgement = judgement
          verdict.status = verdict.reshaping == nil ? .ok : .reshaped
          excused.append(verdict.name)
        }
        result.seconds.oracle += clock.seconds
      }
      result.production.append(verdict)
    }
    guard !excused.isEmpty else { return }
    result.notes.append(
      "\(Names.listed(excused)): the model run as a program runs it is no further from the probed "
        + "run, which holds, than moving every result by one unit in its last place takes it")
  }

  /// Whether only rounding in other places may be what is beyond the limits.
  private func mayRoundOtherwise(_ verdict: LayerVerdict) -> Bool {
    guard verdict.status == .source, let figures = verdict.cumulative?.figures else { return false }
    return figures.nonFinite.mismatched == 0 && options.tolerance == nil
  }

  private func productionVerdict(
    _ index: Int, _ finding: Finding, _ run: Trace, _ beside: LayerVerdict?
  ) throws -> LayerVerdict {
    var verdict = LayerVerdict(
      path: "production", call: 0, item: index, kind: "production",
      shape: index < run.outputs.count ? run.outputs[index].shape : [], status: .missing,
      ownNoise: beside?.ownNoise, recordedNoise: try reference.outputNoise(index), isLeaf: false)
    verdict.reshaping = finding.reshaping
    verdict.isRepeatable = reference.isOutputRepeatable(index)
    if let beside { verdict.rounding = beside.rounding }
    switch finding.problem {
    case .incomparable(let reason)?: verdict.reason = reason
    case .shape(let reason)?: (verdict.status, verdict.reason) = (.source, reason)
    case nil:
      guard let figures = finding.figures, let dtype = finding.dtype else { break }
      let recorded =
        dtype.isFloatingPoint ? Rounding.coarser(verdict.rounding.dtype, dtype) : dtype
      let judgement = judge.judge(
        figures, recorded: recorded, reference: verdict.recordedNoise, own: verdict.ownNoise,
        terms: verdict.rounding.terms)
      verdict.cumulative = Measurement(figures: figures, judgement: judgement)
      // Where the probed run's output fails too, this one's failure is no news.
      verdict.status =
        judgement.holds
        ? verdict.reshaping == nil ? .ok : .reshaped
        : beside?.status.isFailure == true ? .inherited : .source
    }
    return verdict
  }

  /// Holds an output of the run of a program against the probed run's.
  ///
  /// - Returns: `nil` where it does not hold.
  private func fusing(
    _ output: Tensor, _ probed: Tensor, _ index: Int, _ beside: LayerVerdict?,
    _ rounding: OwnRounding
  ) throws -> Judgement? {
    guard output.shape == probed.shape, beside?.status.isFailure == false else { return nil }
    let figures = try Comparison.figures(output, probed)
    let key = ActivationKey.output(index)
    func judged() -> Judgement {
      let noises = [rounding.noise[key], beside?.ownNoise].compactMap(\.self)
      return judge.judge(
        figures, recorded: .float32, reference: nil,
        own: Reference.Noise(
          rms: noises.map(\.rms).max() ?? 0, max: noises.map(\.max).max() ?? 0))
    }
    var judgement = judged()
    // Another draw may be a hundred times as large, and no more.
    while !judgement.holds, rounding.runs == 0 || judgement.ratio < 1000 * judgement.limit,
      try rounding.measureMore()
    {
      judgement = judged()
    }
    return judgement.holds ? judgement : nil
  }
}
