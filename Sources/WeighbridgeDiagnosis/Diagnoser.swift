import WeighbridgeCauses
import WeighbridgeComparison
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeVerdicts

/// Tries causes on wrong layers, each by running the layer again on the recorded input.
struct Diagnoser {
  let context: DiagnosisContext
  let judge: Judge
  let noise: (ActivationKey) -> (recorded: Reference.Noise?, own: Reference.Noise?)
  /// The rounding of what was computed before a layer, as shares of its values.
  let roundingBefore: (ActivationKey) -> Reference.Noise?

  /// Every hypothesis, in stages: where one stage explains a layer, the later ones are not tried.
  static let stages: [[any Hypothesis]] = [
    [ModuleForms { [$0.own] + $0.around }, ParameterLayouts()],
    [ParameterSwaps(reach: .within), SkippedModule()],
    [ParameterSwaps(reach: .amongWrongLayers), PropertySwaps()],
    [OperationForms(), KnownFunctions(), NormForms(), ParameterFunctions()],
    [OtherResults(), OtherInputs()],
    [ParameterSwaps(reach: .anywhere)],
    // What follows blames others than the layer and its input's authors, or solves for numbers, so it
    // comes last.
    [ModuleForms { $0.beyond }],
    [ParameterFits(), InputFits()],
    [ParameterScales()],
    [ComputedInputs()],
  ]

  private struct Trial {
    var cause: Cause
    var path: ModulePath
    var call: Int
    var kind: String
    var distance: Int
    var ratio: Double
    /// Tells apart trials with the same result.
    var result: Tensor
  }

  /// - Parameter judged: How the layer was judged on recorded inputs; `nil` where it has another shape.
  func diagnose(_ suspect: Suspect, _ judged: Judgement?) throws -> Diagnosis? {
    let ratio = judged?.ratio ?? .nan
    var suspect = suspect
    let unchanged = try? suspect.own.unchanged(suspect.key)
    suspect.hasOwnScale = hasOwnScale(suspect, unchanged)
    suspect.bar = bar(suspect, judged, unchanged)
    suspect.ratioBefore = judged?.ratio
    // With what was recorded within it, it is right as it is: the shape comes from there.
    if suspect.hasOtherShape, suspect.bar != nil { return nil }
    let isDecision = isDecision(suspect)
    var trials = tried(suspect)
    // That something stands at the end or does not shows in what kind of values these are.
    if isDecision {
      trials.removeAll { ![.operationLeftOut, .operationExtra].contains($0.cause.kind) }
    }
    guard let best = trials.first else {
      return suspect.hasOtherShape || judged?.holds == true ? nil : suggestion(suspect, ratio)
    }
    let rivals = trials.dropFirst().filter {
      $0.ratio <= max(judge.limits.explainedRatio, 2 * best.ratio)
        && !($0.cause.kind == best.cause.kind && $0.path == best.path)
        && !($0.distance > best.distance && $0.result.hasSameValues(as: best.result))
    }
    return Diagnosis(
      path: best.path, call: best.call, kind: best.kind, layer: suspect.key.line,
      certainty: isDecision ? .suggestion : rivals.isEmpty ? .likely : .ambiguous,
      best: .init(cause: best.cause, ratio: best.ratio), ratioBefore: ratio,
      rivals: rivals.map { .init(cause: $0.cause, ratio: $0.ratio) })
  }

  /// The changes of the first stage with which the layer is right, those first that explain it best:
  /// among those that explain it, the plainest.
  private func tried(_ suspect: Suspect) -> [Trial] {
    for stage in Self.stages {
      var trials: [Trial] = []
      for hypothesis in stage where !(context.forwardIsRecorded && hypothesis.isOfForward) {
        // A guess that cannot be made of these tensors is none, and no reason to have no verdict.
        let changes = (try? hypothesis.changes(for: suspect, in: context)) ?? []
        trials += changes.compactMap { trial($0, suspect) }
      }
      guard !trials.isEmpty else { continue }
      func rank(_ trial: Trial) -> (Int, Int, Double) {
        let isExplained = trial.ratio <= judge.limits.explainedRatio
        return (isExplained ? 0 : 1, isExplained ? trial.distance : 0, trial.ratio)
      }
      return trials.map { (rank($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    return []
  }

  /// Whether what was recorded is so few zeros and ones that one of so many changes comes to it by chance.
  private func isDecision(_ suspect: Suspect) -> Bool {
    guard !suspect.hasOtherShape, case .whole(let recorded) = suspect.recorded,
      let bits = try? Decisions.bits(recorded)
    else { return false }
    return bits < judge.limits.leastBits
  }

  /// What a change must beat where the layer as it is would pass for explained: one that fails only by
  /// a limit of its own, or not alone at all.
  private func bar(
    _ suspect: Suspect, _ judged: Judgement?, _ unchanged: Tensor?
  ) -> Suspect.Bar? {
    guard let (figures, judgement, _) = compared(suspect, { unchanged }), judgement.holds
    else { return nil }
    let ratio = judged?.ratio ?? judgement.ratio
    let limit = judged?.limit ?? judgement.limit
    return Suspect.Bar(
      rms: figures.rms, ratio: ratio,
      share: min(judge.limits.improvement, limit / max(ratio, limit)))
  }

  /// Whether what the layer returns is of another size than what was recorded: 1 for 10.
  private func hasOwnScale(_ suspect: Suspect, _ unchanged: Tensor?) -> Bool {
    guard let (figures, _, result) = compared(suspect, { unchanged }),
      let own = try? Comparison.figures(result, result)
    else { return false }
    let (ours, recorded) = (own.referenceRMS, figures.referenceRMS)
    return !(ours <= Self.likeScale * recorded && recorded <= Self.likeScale * ours)
  }

  /// Sizes within a factor of this are alike.
  private static let likeScale = 2.0

  /// Runs one change; `nil` when the layer is still wrong with it, or cannot be computed.
  private func trial(_ change: Change, _ suspect: Suspect) -> Trial? {
    if let shape = change.shape, shape != suspect.recorded.shape { return nil }
    guard let (figures, judgement, result) = compared(suspect, change.compute), judgement.holds
    else { return nil }
    var ratio = judgement.ratio
    if let bar = suspect.bar {
      guard figures.rms <= bar.share * bar.rms else { return nil }
      ratio = bar.rms > 0 ? bar.ratio * figures.rms / bar.rms : 0
    } else if let before = suspect.ratioBefore, ratio > judge.limits.explainedRatio {
      // Just within the limit where it was just beyond explains nothing.
      guard ratio <= judge.limits.improvement * before else { return nil }
    }
    return Trial(
      cause: change.cause, path: change.explorer.path, call: change.explorer.call,
      kind: change.explorer.kind, distance: change.distance, ratio: ratio, result: result)
  }

  /// Holds a result against what was recorded; `nil` when it has another shape, or none.
  private func compared(
    _ suspect: Suspect, _ compute: () throws -> Tensor?
  ) -> (figures: Figures, judgement: Judgement, result: Tensor)? {
    // A change that does not fit the shapes cannot be the cause.
    guard let result = try? compute(), let got = try? result.contiguous(),
      got.shape == suspect.recorded.shape
    else { return nil }
    var (recorded, own) = noise(suspect.key)
    let tolerance = judge.elementwiseTolerance(
      recorded: suspect.recorded.dtype, hasNoise: recorded != nil)
    guard let figures = try? Comparison.figures(got, suspect.recorded, tolerance: tolerance) else {
      return nil
    }
    // Rounding is measured on what the layer computes now. Where that is of another size than what a
    // change computes, so is its rounding: a softmax of large logits has next to none.
    if suspect.hasOwnScale { own = roundingBefore(suspect.key)?.scaled(to: figures) }
    return (
      figures,
      judge.judge(figures, recorded: suspect.recorded.dtype, reference: recorded, own: own), got
    )
  }

  /// Modules near the layer that the reference calls before it and this model never does, and that
  /// could make it right.
  ///
  /// - Parameter recorded: The recorded activations that this model does not have.
  func uncalled(_ suspect: Suspect, ratio: Double, recorded: [String]) -> Diagnosis? {
    let plausible = recorded.filter { mayBeMissing($0, suspect) }
    var enclosing = suspect.key.path.name.split(separator: ".").map(String.init)
    while true {
      let container = enclosing.joined(separator: ".")
      let names = plausible.filter { container.isEmpty || $0.hasPrefix(container + ".") }
      // The outermost of them: what it calls itself goes without saying.
      if let name = names.min(by: { $0.count < $1.count }) {
        let cause = Cause(
          .moduleSkipped, "the reference calls \(name), which this model never does",
          fix: .code("call \(name) as the recorded network does"))
        return Diagnosis(
          path: suspect.key.path, call: suspect.key.call, kind: suspect.kind,
          layer: suspect.key.line,
          certainty: .suggestion, best: .init(cause: cause, ratio: nil), ratioBefore: ratio,
          rivals: [])
      }
      if enclosing.popLast() == nil { return nil }
    }
  }

  /// Whether a layer may be wrong because a recorded module does not run. Not where the module
  /// - comes after the layer, or contains it;
  /// - hands on what it is given;
  /// - has parts that run here: then what joins them is written out;
  /// - is a part of something that holds as a whole;
  /// - returns what the layer could read as it is: that was tried, and does not make it right.
  private func mayBeMissing(_ name: String, _ suspect: Suspect) -> Bool {
    let recorded = context.recorded
    guard recorded.mayPrecede(name, suspect.key), !recorded.hasCalledParts(name),
      !recorded.isPassedThrough(name)
    else { return false }
    var outer = recorded.key(name)?.path.parent
    while let path = outer, !path.isAncestor(of: suspect.key.path), path != suspect.key.path {
      if context.holding.contains(path) { return false }
      outer = path.parent
    }
    guard suspect.isBuiltIn, suspect.inputs.count == 1, let input = suspect.inputs.first,
      let other = recorded.named(name)
    else { return true }
    return !other.shape.mayStand(for: input.shape)
  }

  /// What is seen without running anything again.
  private func suggestion(_ suspect: Suspect, _ ratio: Double) -> Diagnosis? {
    for explorer in [suspect.own] + suspect.around {
      let causes = Signatures.causes(explorer.path, explorer.parameters) {
        Signatures.areTrained(
          context.parameterized.filter { $0.path != explorer.path }.map(\.parameters))
      }
      guard let first = causes.first else { continue }
      return Diagnosis(
        path: explorer.path, call: explorer.call, kind: explorer.kind, layer: suspect.key.line,
        certainty: .suggestion, best: .init(cause: first, ratio: nil), ratioBefore: ratio,
        rivals: causes.dropFirst().map { .init(cause: $0, ratio: nil) })
    }
    return nil
  }
}

extension Reference.Noise {
  /// The rounding of values of which this is a share.
  fileprivate func scaled(to figures: Figures) -> Self {
    Self(rms: rms * figures.referenceRMS, max: max * figures.referenceMax)
  }
}
