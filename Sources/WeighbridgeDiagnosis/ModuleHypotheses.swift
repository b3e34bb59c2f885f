import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeVerdicts

/// The forms that modules themselves say they are mistaken for.
struct ModuleForms: Hypothesis {
  let explorers: @Sendable (Suspect) -> [Explorer]

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    try explorers(suspect).flatMap { explorer in
      try explorer.alternatives(suspect.key).map { attempt in
        Change(
          attempt.cause, explorer, shape: attempt.shape,
          distance: attempt.cause.kind.isOfOneLayer ? 0 : 1, compute: attempt.compute)
      }
    }
  }
}

extension Cause.Kind {
  /// Whether one of PyTorch's own layers can be made so by its arguments: rather than a padding that
  /// differs from side to side, which takes a layer of its own.
  fileprivate var isOfOneLayer: Bool { self != .paddingSame }
}

/// Parameters whose values stand in another order, or were rounded.
struct ParameterLayouts: Hypothesis {
  var isOfForward: Bool { false }

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard !suspect.hasOtherShape else { return [] }
    return ([suspect.own] + suspect.around).flatMap { explorer in
      LayoutHypotheses(
        path: explorer.path, parameters: explorer.parameters, imageShapes: suspect.imageShapes,
        inputRank: suspect.inputs.first?.rank ?? 0
      ).all().map { Change($0, explorer, suspect) }
    }
  }
}

/// Parameters that stand in each other's place.
struct ParameterSwaps: Hypothesis {
  enum Reach { case within, amongWrongLayers, anywhere }

  /// How many modules' parameters are tried in a module's place.
  private static let limit = 64
  let reach: Reach
  var isOfForward: Bool { false }

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    let own = suspect.own
    guard !suspect.hasOtherShape, !own.parameters.isEmpty else { return [] }
    let hypotheses = SwapHypotheses(path: own.path, parameters: own.parameters)
    guard reach != .within else { return hypotheses.within().map { Change($0, own, suspect) } }
    let isMutual = reach == .amongWrongLayers
    return context.parameterized.filter { context.failing.contains($0.path) == isMutual }
      .prefix(Self.limit).flatMap { other in
        hypotheses.with(other.path, other.parameters, isMutual: isMutual)
          .map { Change($0, own, suspect) }
      }
  }
}

/// A module whose recorded output is its input.
struct SkippedModule: Hypothesis {
  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard suspect.inputs.count == 1, let input = suspect.inputs.first,
      input.shape == suspect.recorded.shape
    else { return [] }
    let cause = Cause(
      .moduleSkipped, "the reference hands its input on unchanged",
      fix: .code("leave \(suspect.key.path) out, as the recorded network does"))
    return [Change(cause, suspect.own) { input }]
  }
}

extension Change {
  fileprivate init(
    _ hypothesis: LayoutHypotheses.Hypothesis, _ explorer: Explorer, _ suspect: Suspect
  ) {
    self.init(hypothesis.cause, explorer) {
      try explorer.replacing(hypothesis.tensors, suspect.key)
    }
  }
}
