import WeighbridgeCauses
import WeighbridgeMapping
import WeighbridgeTensors
import WeighbridgeVerdicts

/// What the reader can do, in the order in which it helps: one row per step.
struct HTMLNextSteps {
  private let verdict: Verdict

  init(_ verdict: Verdict) {
    self.verdict = verdict
  }

  private struct Step {
    var what: String
    var place: String
  }

  /// Empty where there is nothing to say.
  var html: String {
    let steps = steps
    guard !steps.isEmpty else { return "" }
    let rows = steps.enumerated().map { index, step in
      "<tr><td>\(index + 1)</td><td>\(XML.escaped(step.what))</td>"
        + "<td>\(XML.breakable(step.place))</td></tr>"
    }.joined(separator: "\n")
    return """
      <section><h2>What to do next</h2><table class="steps"><thead><tr><th></th><th>step</th>\
      <th>where</th></tr></thead><tbody>
      \(rows)
      </tbody></table></section>
      """
  }

  private var steps: [Step] {
    if let failure = verdict.failure {
      return failure.remedy.map { [Step(what: $0, place: failure.file ?? "")] } ?? []
    }
    if let mapping = verdict.mapping, !mapping.isOneToOne { return names(mapping) }
    guard verdict.subject == .model, let result = verdict.result else { return [] }
    return verdict.passes ? afterwards(result) : repairs(result)
  }

  private func names(_ mapping: MappingReport) -> [Step] {
    let rules = mapping.suggestions.prefix(6).map {
      Step(what: "give this rule with \(Setting.rules): \($0.rule.yaml)", place: $0.parameter)
    }
    let look = Step(
      what: rules.isEmpty
        ? "compare the names with \(Setting.command("map")), and write rules or name another model "
          + "with \(Setting.model())"
        : "validate again", place: "the checkpoint's names")
    return rules + [look]
  }

  private func repairs(_ result: ParityResult) -> [Step] {
    var steps = verdict.hints.map { Step(what: $0, place: "") }
    for diagnosis in result.diagnoses.prefix(6) {
      let others = diagnosis.alikeNames.count
      let more = others > 0 ? " and \(others) more" : ""
      steps.append(
        Step(
          what: fix(diagnosis), place: Diagnosis.name(of: diagnosis.path) + more))
    }
    steps += result.undiagnosed.prefix(3).map {
      Step(
        what: "compare its parameters and its code with PyTorch's: no single change that was tried "
          + "explains it", place: $0.description)
    }
    if steps.isEmpty, let first = result.firstDivergence {
      steps.append(Step(what: "look at it first: what follows may come of it", place: first.name))
    }
    return steps.isEmpty
      ? [] : steps + [Step(what: "validate again: one error can hide another", place: "")]
  }

  private func fix(_ diagnosis: Diagnosis) -> String {
    switch diagnosis.best.cause.fix {
    case .parameters:
      "give the rules that \(Setting.suggestedRules) writes: \(diagnosis.best.cause.text)"
    case .configuration, .code: diagnosis.best.cause.fix.text
    }
  }

  /// What a pass leaves open.
  private func afterwards(_ result: ParityResult) -> [Step] {
    var steps: [Step] = []
    if let unseen = result.reach?.unseen, !unseen.isEmpty {
      steps.append(
        Step(
          what: "record on inputs that excite it: these parameters could be anything",
          place: listed(unseen.map(\.name))))
    }
    if !result.unreferenced.isEmpty {
      steps.append(
        Step(what: "record these modules, too", place: listed(result.unreferenced)))
    }
    return steps
  }

  private func listed(_ names: [String]) -> String {
    let more = names.count > 4 ? " and \(names.count - 4) more" : ""
    return names.prefix(4).joined(separator: ", ") + more
  }
}
