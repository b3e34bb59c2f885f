import WeighbridgeComparison
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeTensors
import WeighbridgeVerdicts

/// Judges the outputs of the run of a program, once and last of all.
///
/// First by the limits of the probed run's outputs. An output beyond them, where the probed run's holds,
/// is held against that one: the two differ by what fusing rounds otherwise, which our own rounding
/// bounds whatever a file says of PyTorch's.
///
/// A network may decide by rounding: a gate whose argument is all but zero, a softmax between equals. Then
/// fusing may take the other side, by far more than any draw of rounding shows. A fused path that is wrong
/// is so on all inputs: one that repeats bit for bit, and agrees with the probed run on most inputs that
/// differ from the recorded ones by one unit in the last place, is right. Nothing else excuses it.
struct ProductionRule {
  let judge: Judge
  let evidence: Evidence

  /// How many of the runs on moved inputs have to agree, and of how many.
  private static let (agreeing, nearbyLimit) = (2, 4)

  /// - Returns: What else has to be measured; `nil` where everything is judged.
  func judge(_ result: inout ParityResult, _ terms: Terms) -> Need? {
    let (run, probed) = (evidence.production, evidence.cumulative.outputs)
    var (rounded, decided): ([String], [String]) = ([], [])
    /// How many of the runs with results moved have been looked at.
    var draws = 0
    for (index, finding) in run.outputFindings.enumerated() {
      guard let finding else { continue }
      let beside = result.outputs.first { $0.item == index }
      var verdict = productionVerdict(index, finding, run, beside)
      if mayRoundOtherwise(verdict), probed.indices.contains(index) {
        let mayMove = evidence.moved.count < terms.movingLimit
        var outcome = fusing(run.outputs[index], probed[index], index, beside, &draws, mayMove)
        let isDecided = outcome.isFailure && terms.mayMeasure
        if isDecided { outcome = nearby(index, beside) }
        switch outcome {
        case .holds(let judgement):
          verdict.cumulative?.judgement = judgement
          verdict.status = verdict.reshaping == nil ? .ok : .reshaped
          if isDecided { decided.append(verdict.name) } else { rounded.append(verdict.name) }
        case .fails: break
        case .open(let need): return need
        }
      }
      result.production.append(verdict)
    }
    if !rounded.isEmpty {
      result.remarks.append(.productionRounds(rounded))
    }
    if !decided.isEmpty {
      result.remarks.append(.productionDecides(decided))
    }
    return nil
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
    case let problem?:
      verdict.grounds = [problem.ground]
      if !problem.isIncomparable { verdict.status = .source }
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
    /// Another run may tell.
    case open(Need)

    var isFailure: Bool { if case .fails = self { true } else { false } }
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
      self.judgement(figures, index, beside, draws: draws)
    }
    var judgement = judged(draws)
    // Another draw may be so many times as large, and no more.
    while !judgement.holds,
      draws == 0 || judgement.ratio < judge.limits.drawSpread * judgement.limit
    {
      guard draws < evidence.moved.count else { return mayMove ? .open(.moved) : .fails }
      draws += 1
      judgement = judged(draws)
    }
    return judgement.holds ? .holds(judgement) : .fails
  }

  /// Holds the run of a program against the probed run where both are given inputs that are moved.
  private func nearby(_ index: Int, _ beside: LayerVerdict?) -> Fusing {
    guard beside?.status.isFailure == false else { return .fails }
    guard let repeated = evidence.repeated else { return .open(.repetition) }
    guard repeated.indices.contains(index),
      repeated[index].hasSameValues(as: evidence.production.outputs[index])
    else { return .fails }
    var (agreeing, differing) = (0, 0)
    for run in evidence.nearby {
      guard run.production.indices.contains(index), run.probed.indices.contains(index),
        let figures = try? Comparison.figures(run.production[index], run.probed[index])
      else { return .fails }
      let judgement = self.judgement(figures, index, beside, draws: evidence.moved.count)
      if judgement.holds { agreeing += 1 } else { differing += 1 }
      if agreeing == Self.agreeing { return .holds(judgement) }
    }
    return differing > Self.nearbyLimit - Self.agreeing ? .fails : .open(.nearby)
  }

  /// Judges how far the run of a program is from the probed one by our own rounding.
  ///
  /// - Parameter draws: How many runs with results moved are asked.
  private func judgement(
    _ figures: Figures, _ index: Int, _ beside: LayerVerdict?, draws: Int
  ) -> Judgement {
    let moved = draws > 0 ? evidence.moved[draws - 1][.output(index)] : nil
    let noises = [moved, beside?.ownNoise].compactMap(\.self)
    return judge.judge(
      figures, recorded: .float32, reference: nil,
      own: Reference.Noise(
        rms: noises.map(\.rms).max() ?? 0, max: noises.map(\.max).max() ?? 0))
  }
}
