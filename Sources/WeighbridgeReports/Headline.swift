import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeVerdicts

/// The words that every report begins with.
enum Headline {
  /// One line: `FAIL vit · first source transformer.layers.2.0.fn.norm (call 0) · 1 source, …`.
  ///
  /// - Parameter withCause: Whether it says why, where that was found out.
  static func line(_ verdict: Verdict, withCause: Bool = true) -> String {
    var parts = ["\(verdict.passes ? "PASS" : "FAIL") \(verdict.model)"]
    if let failure = verdict.failure {
      parts.append(failure.description)
    } else if let mapping = verdict.mapping, let error = mapping.error(file: nil) {
      parts.append(mapping.isForeign ? error.message : mapping.heading)
    } else if let result = verdict.result {
      parts += resultParts(result, Wording(verdict.subject), withCause)
    }
    return parts.joined(separator: " · ")
  }

  private static func resultParts(
    _ result: ParityResult, _ words: Wording, _ withCause: Bool
  ) -> [String] {
    var parts: [String] = []
    if let first = result.firstDivergence {
      let place = first.isOfModule ? "\(first.path) (call \(first.call))" : first.name
      parts.append("first \(first.status.rawValue) \(place)")
      if let reason = first.reason { parts.append(reason) }
      if withCause, let diagnosis = result.diagnoses.first { parts.append(diagnosis.summary) }
    }
    if result.onlyProductionFails,
      let first = result.production.first(where: { $0.status.isFailure })
    {
      parts.append(
        "every layer holds and the model as a program runs it does not: \(first.name), "
          + (first.reason ?? "noise ratio \(first.cumulative?.judgement.ofLimit ?? "unknown")"))
    }
    if let nearest = result.nearestIsolated { parts.append(nearest) }
    if result.comparedCount == 0 {
      // What was recorded but could not be compared says why.
      let reason = (result.layers + result.outputs).lazy.compactMap(\.reason).first
      parts.append(
        "nothing was compared: "
          + (reason.map { "what is recorded \($0)" }
            ?? "the reference records no module of this model"))
    }
    if result.comparedCount > 0 { parts += result.gaps.map(\.description) }
    if result.requiresAll, !(result.uncovered.isEmpty && result.unreferenced.isEmpty) {
      parts.append(words.notCovered)
    }
    if result.requiresAll, let first = result.reshaped.first {
      parts.append("\(first.name) has another shape than recorded")
    }
    if let other = result.differences.first {
      let more = result.differences.count - 1
      parts.append(other + (more > 0 ? " and \(more) more" : ""))
    }
    parts.append(counts(result))
    if let worst = worstRatio(result), result.firstDivergence == nil {
      parts.append("largest error \(Format.ratio(worst)) of its limit")
    }
    if let coverage = result.coverage, !result.hasFailedLayer { parts.append(coverage.text) }
    if let unseen = result.reach?.text { parts.append(unseen) }
    if result.chanceCount > 0 {
      parts.append("\(result.chanceCount) recorded by chance, not repeatable in PyTorch")
    }
    if let blindness = result.blindness { parts.append(blindness.text) }
    return parts
  }

  /// `1 source, 31 inherited, 85 ok`, failures first.
  static func counts(_ result: ParityResult) -> String {
    let counted = counted(result).map { "\($0.count) \($0.status.rawValue)" }
    return counted.isEmpty ? "no layers" : counted.joined(separator: ", ")
  }

  /// How many layers and outputs have which status, failures first.
  static func counted(_ result: ParityResult) -> [(status: LayerStatus, count: Int)] {
    let all = result.layers + result.outputs
    let order: [LayerStatus] = [
      .nonfinite, .source, .glue, .inherited, .amplifier, .reshaped, .ok, .missing,
    ]
    return order.compactMap { status in
      let count = all.count { $0.status == status }
      return count > 0 ? (status, count) : nil
    }
  }

  /// The largest error in units of its limit.
  static func worstRatio(_ result: ParityResult) -> Double? {
    (result.layers + result.outputs).compactMap(\.shareOfLimit).max()
  }
}

extension ParityResult {
  /// Which layer is nearest to failing alone, where none does and yet the whole fails.
  var nearestIsolated: String? {
    guard hasFailedLayer, causes.isEmpty,
      let nearest = layers.filter({ $0.isolated != nil })
        .max(by: { $0.isolatedShare < $1.isolatedShare }),
      let judgement = nearest.isolated?.judgement, judgement.shareOfLimit > 0
    else { return nil }
    return
      "no layer fails isolated; nearest to its limit: \(nearest.name) with \(judgement.ofLimit)"
  }
}
