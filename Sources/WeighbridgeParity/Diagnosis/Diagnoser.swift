import WeighbridgeModules

/// Tries causes on wrong layers, each by running the layer again on the recorded input.
struct Diagnoser {
  let reference: Reference
  let judge: Judge
  let noise: (ActivationKey) -> (recorded: Reference.Noise?, own: Reference.Noise?)
  /// Every module with parameters.
  let parameterized: [(path: ModulePath, parameters: [ModuleParameter])]

  /// Noise ratios up to this count as explained: "about 1".
  private static let explained = 2.0
  /// What a change leaves, at most, of an error that was within its limit already.
  private static let improvement = 0.5
  /// How many modules' parameters are tried in a module's place.
  private static let swapLimit = 64

  private struct Trial {
    var cause: Cause
    var path: ModulePath
    var call: Int
    var kind: String
    var ratio: Double
  }

  /// - Parameters:
  ///   - judged: How the layer was judged on recorded inputs; `nil` where it has another shape.
  ///   - failing: The paths of the layers that are wrong, where swapped tensors show first.
  func diagnose(
    _ suspect: Suspect, _ judged: Judgement?, failing: [ModulePath]
  ) throws -> Diagnosis? {
    let ratio = judged?.ratio ?? .nan
    var suspect = suspect
    suspect.bar = bar(suspect, judged)
    // With what was recorded within it, it is right as it is: the shape comes from there.
    if suspect.hasOtherShape, suspect.bar != nil { return nil }
    var trials = try tried(suspect, failing)
    trials.sort { $0.ratio < $1.ratio }
    guard let best = trials.first else {
      return suspect.hasOtherShape || judged?.holds == true ? nil : suggestion(suspect, ratio)
    }
    let rivals = trials.dropFirst().filter {
      $0.ratio <= max(Self.explained, 2 * best.ratio)
        && !($0.cause.kind == best.cause.kind && $0.path == best.path)
    }
    return Diagnosis(
      path: best.path, call: best.call, kind: best.kind, layer: suspect.key,
      certainty: rivals.isEmpty ? .likely : .ambiguous,
      best: .init(cause: best.cause, ratio: best.ratio), ratioBefore: ratio,
      rivals: rivals.map { .init(cause: $0.cause, ratio: $0.ratio) })
  }

  /// The changes with which the layer is right.
  private func tried(_ suspect: Suspect, _ failing: [ModulePath]) throws -> [Trial] {
    var trials = try alternatives(suspect, [suspect.own] + suspect.around)
    // Other values of parameters give no other shape.
    guard !suspect.hasOtherShape else { return trials + skipped(suspect) }
    trials += layouts(suspect)
    if trials.isEmpty {
      trials += swaps(suspect, failing)
      trials += skipped(suspect)
    }
    // What follows blames others than the layer and its input's authors, so it comes last.
    if trials.isEmpty { trials += try alternatives(suspect, suspect.beyond) }
    return trials.isEmpty ? otherInputs(suspect) : trials
  }

  /// What a change must beat where the layer as it is would pass for explained: one that fails only by
  /// a limit of its own, or not alone at all.
  private func bar(_ suspect: Suspect, _ judged: Judgement?) -> Suspect.Bar? {
    guard let (figures, judgement) = compared(suspect, { try suspect.own.unchanged(suspect.key) }),
      judgement.holds
    else { return nil }
    let ratio = judged?.ratio ?? judgement.ratio
    let limit = judged?.limit ?? judgement.limit
    return Suspect.Bar(
      rms: figures.rms, ratio: ratio, share: min(Self.improvement, limit / max(ratio, limit)))
  }

  private func alternatives(_ suspect: Suspect, _ explorers: [Explorer]) throws -> [Trial] {
    try explorers.flatMap { explorer in
      try explorer.alternatives(suspect.key).compactMap { attempt in
        if let shape = attempt.shape, shape != suspect.recorded.shape { return nil }
        return trial(attempt.cause, explorer, suspect) { try attempt.compute() }
      }
    }
  }

  private func layouts(_ suspect: Suspect) -> [Trial] {
    ([suspect.own] + suspect.around).flatMap { explorer in
      LayoutHypotheses(
        path: explorer.path, parameters: explorer.parameters, imageShapes: suspect.imageShapes,
        inputRank: suspect.inputs.first?.rank ?? 0
      ).all().compactMap { trial($0, explorer, suspect) }
    }
  }

  private func swaps(_ suspect: Suspect, _ failing: [ModulePath]) -> [Trial] {
    let own = suspect.own
    guard !own.parameters.isEmpty else { return [] }
    let hypotheses = SwapHypotheses(path: own.path, parameters: own.parameters)
    var found = hypotheses.within().compactMap { trial($0, own, suspect) }
    let (suspicious, others) = (
      parameterized.filter { failing.contains($0.path) },
      parameterized.filter { !failing.contains($0.path) }
    )
    for (group, isMutual) in [(suspicious, true), (others, false)] where found.isEmpty {
      for other in group.prefix(Self.swapLimit) {
        found += hypotheses.with(other.path, other.parameters, isMutual: isMutual)
          .compactMap { trial($0, own, suspect) }
      }
    }
    return found
  }

  /// A module whose recorded output is its input.
  private func skipped(_ suspect: Suspect) -> [Trial] {
    guard suspect.inputs.count == 1, let input = suspect.inputs.first,
      input.shape == suspect.recorded.shape
    else { return [] }
    let cause = Cause(
      .moduleSkipped, "the reference hands its input on unchanged",
      fix: .code("leave \(suspect.key.path) out, as the recorded network does"))
    return [trial(cause, suspect.own, suspect) { input }].compactMap { $0 }
  }

  /// A module that read another tensor than it reads here: something between was left out, or wired
  /// otherwise. Where the modules around it computed its input, theirs is the blame.
  private func otherInputs(_ suspect: Suspect) -> [Trial] {
    suspect.otherInputs.compactMap { name, tensor in
      let layer = suspect.key.path
      let cause = Cause(
        .moduleSkipped,
        "in the reference \(layer) reads \(name) as it is: what lies between is skipped there",
        fix: .code("feed \(layer) with \(name), as the recorded network does"))
      return trial(cause, suspect.around.last ?? suspect.own, suspect) {
        try suspect.own.onInput(tensor, suspect.key)
      }
    }
  }

  private func trial(
    _ hypothesis: LayoutHypotheses.Hypothesis, _ explorer: Explorer, _ suspect: Suspect
  ) -> Trial? {
    trial(hypothesis.cause, explorer, suspect) {
      try explorer.replacing(hypothesis.tensors, suspect.key)
    }
  }

  /// Runs one change; `nil` when the layer is still wrong with it, or cannot be computed.
  private func trial(
    _ cause: Cause, _ explorer: Explorer, _ suspect: Suspect, _ compute: () throws -> Tensor?
  ) -> Trial? {
    guard let (figures, judgement) = compared(suspect, compute), judgement.holds else {
      return nil
    }
    var ratio = judgement.ratio
    if let bar = suspect.bar {
      guard figures.rms <= bar.share * bar.rms else { return nil }
      ratio = bar.rms > 0 ? bar.ratio * figures.rms / bar.rms : 0
    }
    return Trial(
      cause: cause, path: explorer.path, call: explorer.call, kind: explorer.kind, ratio: ratio)
  }

  /// Holds a result against what was recorded; `nil` when it has another shape, or none.
  private func compared(
    _ suspect: Suspect, _ compute: () throws -> Tensor?
  ) -> (figures: Figures, judgement: Judgement)? {
    // A change that does not fit the shapes cannot be the cause.
    guard let result = try? compute(), let got = try? result.contiguous(),
      got.shape == suspect.recorded.shape
    else { return nil }
    let (recorded, own) = noise(suspect.key)
    let tolerance = judge.elementwiseTolerance(
      recorded: suspect.recorded.dtype, hasNoise: recorded != nil)
    guard let figures = try? Comparison.figures(got, suspect.recorded, tolerance: tolerance) else {
      return nil
    }
    return (
      figures,
      judge.judge(figures, recorded: suspect.recorded.dtype, reference: recorded, own: own)
    )
  }

  /// Modules near the layer that the reference calls and this model never does.
  ///
  /// - Parameter recorded: The recorded activations that this model does not have.
  func uncalled(_ suspect: Suspect, ratio: Double, recorded: [String]) -> Diagnosis? {
    var enclosing = suspect.key.path.name.split(separator: ".").map(String.init)
    while true {
      let container = enclosing.joined(separator: ".")
      let names = recorded.filter { container.isEmpty || $0.hasPrefix(container + ".") }
      // The outermost of them: what it calls itself goes without saying.
      if let name = names.min(by: { $0.count < $1.count }) {
        let cause = Cause(
          .moduleSkipped, "the reference calls \(name), which this model never does",
          fix: .code("call \(name) as the recorded network does"))
        return Diagnosis(
          path: suspect.key.path, call: suspect.key.call, kind: suspect.kind, layer: suspect.key,
          certainty: .suggestion, best: .init(cause: cause, ratio: nil), ratioBefore: ratio,
          rivals: [])
      }
      if enclosing.popLast() == nil { return nil }
    }
  }

  /// What is seen without running anything again.
  private func suggestion(_ suspect: Suspect, _ ratio: Double) -> Diagnosis? {
    for explorer in [suspect.own] + suspect.around {
      let causes = Signatures.causes(explorer.path, explorer.parameters) {
        Signatures.areTrained(
          parameterized.filter { $0.path != explorer.path }.map(\.parameters))
      }
      guard let first = causes.first else { continue }
      return Diagnosis(
        path: explorer.path, call: explorer.call, kind: explorer.kind, layer: suspect.key,
        certainty: .suggestion, best: .init(cause: first, ratio: nil), ratioBefore: ratio,
        rivals: causes.dropFirst().map { .init(cause: $0, ratio: nil) })
    }
    return nil
  }
}
