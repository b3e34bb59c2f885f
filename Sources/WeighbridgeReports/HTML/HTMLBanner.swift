import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeVerdicts

/// The head of the report: whether it holds, what fails first, how many layers have which status.
struct HTMLBanner {
  private let verdict: Verdict

  init(_ verdict: Verdict) {
    self.verdict = verdict
  }

  var html: String {
    let state = verdict.passes ? "pass" : "fail"
    let facts = facts.map { "<div><dt>\($0.0)</dt><dd>\(XML.escaped($0.1))</dd></div>" }.joined()
    let lines = sentences.map { "<p>\(XML.escaped($0))</p>" }.joined()
    return """
      <header class="\(state)"><h1><span class="badge">\(state.uppercased())</span> \
      \(XML.escaped(verdict.model))</h1>\(lines)\(chips)<dl>\(facts)</dl></header>
      """
  }

  /// What the headline says, as sentences.
  private var sentences: [String] {
    if let failure = verdict.failure { return [failure.description] }
    let weights = verdict.environment.files.first { $0.role == "weights" }?.path
    if let error = verdict.mapping?.error(file: weights) { return [error.description] }
    guard let result = verdict.result else { return [] }
    var lines = verdict.hints
    if let first = result.firstDivergence {
      let kind = first.kind.isEmpty ? "" : "\(first.kind), "
      let place = first.isOfModule ? "\(first.path) (\(kind)call \(first.call))" : first.name
      let join = first.grounds.first?.isAlternative == true ? ", " : ": "
      let reason = first.reason.map { join + $0 } ?? ""
      let what = first.status == .nonfinite ? "NaN or infinity" : first.status.rawValue
      lines.append("First \(what): \(place)\(reason)")
    } else if let worst = Headline.worstRatio(result) {
      lines.append("The largest error is \(Format.ratio(worst)) of its limit.")
    }
    if result.onlyProductionFails {
      lines.append(
        "Every layer holds, and the model as a program runs it, with fused layers, does not.")
    }
    if result.comparedCount == 0 {
      lines.append("Nothing was compared: the reference records no module of this model.")
    }
    if let unseen = result.reach?.text {
      lines.append(unseen.prefix(1).uppercased() + unseen.dropFirst() + ".")
    }
    if result.requiresAll, !(result.uncovered.isEmpty && result.unreferenced.isEmpty) {
      lines.append(Wording(verdict.subject).notCovered)
    }
    if let blindness = result.blindness { lines.append(blindness.text.capitalizedFirst + ".") }
    return lines + result.differences.prefix(1)
  }

  /// One mark for each status: `31 inherited`.
  private var chips: String {
    guard let result = verdict.result else { return "" }
    let counted = Headline.counted(result).map { status, count in
      "<li class=\"s-\(status.rawValue)\"><b>\(count)</b> \(status.rawValue)</li>"
    }.joined()
    return counted.isEmpty ? "" : "<ul class=\"chips\">\(counted)</ul>"
  }

  private var facts: [(String, String)] {
    var facts: [(String, String)] = []
    if let text = configurationText { facts.append(("configuration", text)) }
    if let result = verdict.result {
      facts.append(("compared", "\(result.comparedCount) tensors"))
    }
    if let framework = verdict.environment.framework { facts.append(("recorded by", framework)) }
    return facts
  }

  private var configurationText: String? {
    guard let configuration = verdict.configuration else { return nil }
    let values = configuration.keys.compactMap { key in
      configuration.entries[key.name].map { "\(key.name)=\($0.value)" }
    }
    return values.isEmpty ? nil : values.joined(separator: ", ")
  }
}

/// Why it fails, as far as that could be found out, and what to do: a section for each cause.
struct DiagnosisCards {
  private let verdict: Verdict

  init(_ verdict: Verdict) {
    self.verdict = verdict
  }

  /// None where nothing was looked for.
  ///
  /// - Parameter drawings: What is drawn of a cause's layers.
  func sections(_ drawings: (Diagnosis) -> String) -> [String] {
    guard verdict.subject == .model, let result = verdict.result,
      !result.diagnoses.isEmpty || !result.undiagnosed.isEmpty
        || result.causes.contains(where: { $0.isolated != nil })
    else { return [] }
    guard !result.diagnoses.isEmpty else {
      return [
        section(
          "Why",
          "<p>None of the causes that were tried explains it: the layer's parameters or its code "
            + "differ from the reference's in some other way.</p>")
      ]
    }
    let isOne = result.diagnoses.count == 1
    let causes = result.diagnoses.enumerated().map { index, diagnosis in
      section(isOne ? "Why" : "Cause \(index + 1)", card(diagnosis) + drawings(diagnosis))
    }
    let rest = unexplained(result)
    return causes + (rest.isEmpty ? [] : [section("Not explained", rest)])
  }

  private func section(_ title: String, _ body: String) -> String {
    "<section class=\"diagnosis\"><h2>\(title)</h2>\(body)</section>"
  }

  private func unexplained(_ result: ParityResult) -> String {
    let names = result.undiagnosed.map(\.description)
    return names.isEmpty
      ? ""
      : "<p>No single change that was tried explains "
        + "\(XML.escaped(names.joined(separator: ", "))).</p>"
        + result.pythonPlaces.map { "<p>In Python \(XML.escaped($0.description)).</p>" }.joined()
  }

  private func card(_ diagnosis: Diagnosis) -> String {
    let place = Diagnosis.name(of: diagnosis.path)
    var text =
      "<article><h3><span class=\"chip \(diagnosis.certainty.rawValue)\">"
      + "\(diagnosis.certainty.rawValue)</span> \(XML.escaped(place)): "
      + "\(XML.escaped(diagnosis.best.cause.text))</h3>"
    if let ratio = diagnosis.best.ratio {
      let layer = XML.escaped(diagnosis.layer.description)
      text +=
        diagnosis.ratioBefore.isNaN
        ? "<p>Put right, the noise ratio of \(layer) is \(Format.ratio(ratio)).</p>"
        : "<p>Put right, the noise ratio of \(layer) falls from "
          + "\(Format.ratio(diagnosis.ratioBefore)) to \(Format.ratio(ratio)).</p>"
    }
    text += "<pre>\(XML.escaped(diagnosis.best.cause.fix.text))</pre>"
    if !diagnosis.rivals.isEmpty {
      let rivals = diagnosis.rivals.map { rival in
        let ratio = rival.ratio.map { " (noise ratio \(Format.ratio($0)))" } ?? ""
        return "<li>\(XML.escaped(rival.cause.text + ratio)): "
          + "<code>\(XML.escaped(rival.cause.fix.text))</code></li>"
      }.joined()
      text += "<p>This would explain it as well:</p><ul>\(rivals)</ul>"
    }
    let others = diagnosis.alikeNames
    if !others.isEmpty {
      text += "<p>The same in \(XML.escaped(others.joined(separator: ", "))).</p>"
    }
    return text + "</article>"
  }
}
