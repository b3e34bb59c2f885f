import WeighbridgeComparison
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeTensors
import WeighbridgeVerdicts

/// Judges the outputs of the run of a program, once and last of all.
///
/// First by the limits of the probed run's outputs. An output beyond them, where the probed run's holds,
/// is held against that one: the two differ by what fusing rounds otherwise, which our own rounding
/// bounds whatever a file says of PyTorch's. Nothing else excuses it.
struct ProductionRule {
  let judge: Judge
  let evidence: Evidence

  /// - Parameter mayMove: Whether our rounding may be measured further.
  /// - Returns: Whether what was measured is enough to judge by.
  func judge(_ result: inout ParityResult, mayMove: Bool) -> Bool {
    let (run, probed) = (evidence.production, evidence.cumulative.outputs)
    var excused: [String] = []
    /// How many of the runs with results moved have been looked at.
    var draws = 0
    for (index, finding) in run.outputFindings.enumerated() {
      guard let finding else { continue }
      let beside = result.outputs.first { $0.item == index }
      var verdict = productionVerdict(index, finding, run, beside)
      if mayRoundOtherwise(verdict), probed.indices.contains(index) {
        switch fusing(run.outputs[index], probed[index], index, beside, &draws, mayMove) {
        case .holds(let judgement):
          verdict.cumulative?.judgement = judgement
          verdict.status = verdict.reshaping == nil ? .ok : .reshaped
          excused.append(verdict.name)
        case .fails: break
        case .open: return false
        }
      }
      result.production.append(verdict)
    }
    guard !excused.isEmpty else { return true }
    result.notes.append(
      "\(Names.listed(excused)): the model run as a program runs it is no further from the probed "
        + "run, which holds, than moving every result by one unit in its last place takes it")
    return true
  }

  /// Whether only rounding in other places may be what is beyond the limits.
  private func mayRoundOtherwise(_ verdict: LayerVerdict) -> Bool {
    guard verdict.status == .source, let figures = verdict.cumulative?.figures else { return false }
    return figures.nonFinite.mismatched == 0 && judge.override == nil
  }

  private func productionVerdict(
    _ index: Int, _ finding: Finding, _ run: Trace, _ beside: LayerVerdict?
  ) -> LayerVerdict {
    var verdict = LayerVerdict(
      line: .production(index), kind: "production",
      shape: index < run.outputs.count ? run.outputs[index].shape : [], status: .missing,
      ownNoise: beside?.ownNoise, recordedNoise: evidence.facts.noise[.output(index)], isLeaf: false
    )
    verdict.reshaping = finding.reshaping
    verdict.isRepeatable = evidence.reference.isOutputRepeatable(index)
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

  private enum Fusing {
    case holds(Judgement)
    case fails
    /// Another run with results moved may tell.
    case open
  }

  /// Holds an output of the run of a program against the probed run's.
  private func fusing(
    _ output: Tensor, _ probed: Tensor, _ index: Int, _ beside: LayerVerdict?, _ draws: inout Int,
    _ mayMove: Bool
  ) -> Fusing {
    guard output.shape == probed.shape, beside?.status.isFailure == false,
      let figures = try? Comparison.figures(output, probed)
    else { return .fails }
    func judged(_ draws: Int) -> Judgement {
      let moved = draws > 0 ? evidence.moved[draws - 1][.output(index)] : nil
      let noises = [moved, beside?.ownNoise].compactMap(\.self)
      return judge.judge(
        figures, recorded: .float32, reference: nil,
        own: Reference.Noise(
          rms: noises.map(\.rms).max() ?? 0, max: noises.map(\.max).max() ?? 0))
    }
    var judgement = judged(draws)
    // Another draw may be so many times as large, and no more.
    while !judgement.holds,
      draws == 0 || judgement.ratio < judge.limits.drawSpread * judgement.limit
    {
      guard draws < evidence.moved.count else { return mayMove ? .open : .fails }
      draws += 1
      judgement = judged(draws)
    }
    return judgement.holds ? .holds(judgement) : .fails
  }
}
