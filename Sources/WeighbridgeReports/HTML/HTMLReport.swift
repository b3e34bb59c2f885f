import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeVerdicts

/// The verdict as one HTML file that needs no network: everything is in it, drawn as SVG.
package struct HTMLReport: Sendable {
  private let verdict: Verdict
  private let command: String

  /// - Parameter command: What reproduces the verdict.
  package init(_ verdict: Verdict, command: String) {
    self.verdict = verdict
    self.command = command
  }

  package var text: String {
    let result = verdict.result ?? ParityResult()
    let title = XML.escaped(Headline.line(verdict))
    var details = result.details
    var sections = [HTMLBanner(verdict).html, HTMLNextSteps(verdict).html]
    sections += DiagnosisCards(verdict).sections { diagnosis in
      drawings(&details) { $0.line == diagnosis.layer || $0.line.path == diagnosis.path }
    }
    let others = drawings(&details) { _ in true }
    if !others.isEmpty { sections.append(section("Without a cause that was found", others, nil)) }
    if !result.layers.isEmpty || !result.outputs.isEmpty {
      let layers = result.layers + result.outputs
      sections.append(
        section(
          "Error against depth", NoiseChart.html(layers),
          NoiseChart.caption(layers, verdict.subject)))
      if verdict.subject == .model {
        sections.append(section("Modules", HeatStrip.html(result.layers), HeatStrip.caption))
      }
      sections.append(
        section("Layers", HTMLLayerTable(layers + result.production, verdict.subject).html, nil))
    }
    sections.append(unseen(result.reach))
    sections.append(coverage(result))
    sections.append(mappingTable)
    sections.append(reproduction(result))
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <link rel="icon" href="data:,">
      <title>\(title)</title>
      <style>\(HTMLStyle.sheet)</style></head>
      <body><main>
      \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
      </main></body></html>

      """
  }

  /// The wanted ones of the details, drawn, and taken away from them.
  private func drawings(
    _ details: inout [LayerDetail], where isWanted: (LayerDetail) -> Bool
  ) -> String {
    let wanted = details.filter(isWanted)
    details.removeAll(where: isWanted)
    return wanted.map { detail in
      "<h3>Closer look: \(XML.escaped(detail.line.description))</h3>"
        + DetailCharts(detail, words).html
    }.joined()
  }

  private func section(_ title: String, _ body: String, _ caption: String?) -> String {
    let note = caption.map { "<p class=\"note\">\($0)</p>" } ?? ""
    return "<section><h2>\(title)</h2>\(note)\(body)</section>"
  }

  private var words: Wording { Wording(verdict.subject) }

  /// The parameters of which a pass says nothing, or not all.
  private func unseen(_ reach: Reach?) -> String {
    let hidden = reach?.parameters.filter { $0.standing != .seen } ?? []
    guard !hidden.isEmpty else { return "" }
    let rows = hidden.map { parameter in
      let share = "\(parameter.unseenCount) of \(parameter.count)"
      return "<tr>"
        + [parameter.standing.text, parameter.name, share, parameter.reason ?? ""]
        .map { "<td>\(XML.breakable($0))</td>" }.joined() + "</tr>"
    }.joined(separator: "\n")
    return section(
      "Parameters that the reference does not show",
      """
      <div class="scroll"><table><thead><tr><th>seen</th><th>parameter</th><th>unseen values</th>\
      <th>why</th></tr></thead><tbody>
      \(rows)
      </tbody></table></div>
      """, "A pass says nothing of these values: they could be anything.")
  }

  private func coverage(_ result: ParityResult) -> String {
    let lists = [
      (words.onlyRecorded.capitalizedFirst, result.uncovered),
      (words.onlyGot.capitalizedFirst, result.unreferenced),
      ("Different", result.differences),
      ("Remarks", (verdict.mapping?.notes ?? []) + result.notes),
    ].filter { !$0.1.isEmpty }
    guard !lists.isEmpty else { return "" }
    let text = lists.map { title, names in
      "<h3>\(title) (\(names.count))</h3><ul>"
        + names.map { "<li>\(XML.escaped($0))</li>" }.joined() + "</ul>"
    }.joined()
    return section("Coverage and remarks", text, nil)
  }

  private var mappingTable: String {
    guard let mapping = verdict.mapping else { return "" }
    let meant = Dictionary(
      mapping.suggestions.map { ($0.parameter, "did you mean \($0.source)? (\($0.reason))") }
    ) { first, _ in first }
    let problems =
      mapping.missing.map { ("missing", $0.parameter, "\($0.shape)", meant[$0.parameter] ?? "") }
      + mapping.unexpected.map { ("unexpected", $0.source, "\($0.shape)", "") }
      + mapping.mismatched.map { ("does not fit", $0.parameter, "\($0.found)", $0.reason) }
    let dead = Dictionary(mapping.dead.map { ($0.name, $0.reason) }) { first, _ in first }
    let matches = mapping.matched.map { match in
      (
        dead[match.parameter] == nil ? "matched" : "unused", match.parameter, "\(match.shape)",
        [
          match.source == match.parameter ? nil : match.source, match.transform,
          dead[match.parameter],
        ].compactMap { $0 }.joined(separator: ", ")
      )
    }
    let rows = (problems + matches).map { state, name, shape, remark in
      "<tr class=\"m-\(state.split(separator: " ")[0])\">"
        + [state, name, shape, remark].map { "<td>\(XML.breakable($0))</td>" }.joined() + "</tr>"
    }.joined(separator: "\n")
    return section(
      "Weights",
      """
      <details\(problems.isEmpty ? "" : " open")><summary>\(mapping.matched.count) matched, \
      \(problems.count) problems, \(mapping.dead.count) unused</summary>
      <div class="scroll"><table><thead><tr><th>state</th><th>parameter</th><th>shape</th>\
      <th>remark</th></tr></thead><tbody>
      \(rows)
      </tbody></table></div></details>
      """, nil)
  }

  private func reproduction(_ result: ParityResult) -> String {
    let environment = verdict.environment
    let files = environment.files.map { file in
      let sum = file.sha256.map { "<br><code>\(XML.escaped($0))</code>" } ?? ""
      return "<div><dt>\(XML.escaped(file.role))</dt><dd>\(XML.escaped(file.path))\(sum)</dd></div>"
    }.joined()
    let seconds = result.seconds
    let times = [
      ("read", seconds.read), ("bind", seconds.bind), ("forward", seconds.forward),
      ("isolated", seconds.isolated), ("production", seconds.production),
      ("float64", seconds.oracle), ("reach", seconds.reach), ("compare", seconds.compare),
    ].filter { $0.1 > 0 }.map { "\($0.0) \(Format.seconds($0.1))" }.joined(separator: ", ")
    return section(
      "How to reproduce",
      """
      \(command.isEmpty ? "" : "<pre>\(XML.escaped(command))</pre>")
      <dl class="facts">\(files)
      <div><dt>engine</dt><dd>\(XML.escaped(environment.engine)), \(environment.threads) threads</dd></div>
      <div><dt>processor</dt><dd>\(XML.escaped(environment.processor))</dd></div>
      <div><dt>system</dt><dd>\(XML.escaped(environment.system))</dd></div>
      \(times.isEmpty ? "" : "<div><dt>time</dt><dd>\(times)</dd></div>")</dl>
      """, nil)
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
