import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNative

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
    var sections = [banner]
    if !result.layers.isEmpty || !result.outputs.isEmpty {
      let layers = result.layers + result.outputs
      sections.append(
        section("Error against depth", NoiseChart(layers).svg, NoiseChart.caption))
      sections.append(section("Modules", HeatStrip(result.layers).svg, HeatStrip.caption))
      sections += result.details.map { detail in
        section(
          "Closer look: \(XML.escaped(detail.key.description))", DetailCharts(detail).html, nil)
      }
      sections.append(section("Layers", layerTable(layers), nil))
    }
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

  private func section(_ title: String, _ body: String, _ caption: String?) -> String {
    let note = caption.map { "<p class=\"note\">\($0)</p>" } ?? ""
    return "<section><h2>\(title)</h2>\(note)\(body)</section>"
  }

  private var banner: String {
    let result = verdict.result ?? ParityResult()
    let state = verdict.passes ? "pass" : "fail"
    let parts = Headline.line(verdict).split(separator: "·").map {
      $0.trimmingSpaces
    }
    let lead = XML.escaped(parts.first ?? "")
    let rest = parts.dropFirst().map { "<li>\(XML.escaped($0))</li>" }.joined()
    let facts = [
      ("model", verdict.model),
      ("configuration", configurationText),
      ("compared", "\(result.comparedCount) tensors"),
      ("recorded by", verdict.environment.framework ?? "unknown"),
    ].map { "<div><dt>\($0.0)</dt><dd>\(XML.escaped($0.1))</dd></div>" }.joined()
    return """
      <header class="\(state)"><h1>\(lead)</h1><ul>\(rest)</ul><dl>\(facts)</dl></header>
      """
  }

  private var configurationText: String {
    guard let configuration = verdict.configuration else { return "none" }
    let values = configuration.keys.compactMap { key in
      configuration.entries[key.name].map { "\(key.name)=\($0.value)" }
    }
    return values.isEmpty ? "none" : values.joined(separator: ", ")
  }

  private func layerTable(_ layers: [LayerVerdict]) -> String {
    let head = ["status", "module", "kind", "shape", "alone", "in all", "max|Δ|", "ULP", "SNR"]
      .map { "<th>\($0)</th>" }.joined()
    let rows = layers.map { layer -> String in
      let figures = layer.cumulative?.figures
      let cells = [
        layer.status.rawValue, layer.name, layer.kind, Format.shape(layer.shape.dimensions),
        ratio(layer.isolated), ratio(layer.cumulative),
        figures.map { Format.small($0.maxAbs) } ?? "–",
        figures.map { Format.ulps($0.maxULP) } ?? "–",
        figures.map { Format.decibels($0.signalToNoise) } ?? "–",
      ].map { "<td>\(XML.escaped($0))</td>" }.joined()
      let reason = layer.reason.map {
        "<tr class=\"reason\"><td></td><td colspan=\"8\">\(XML.escaped($0))</td></tr>"
      }
      return "<tr class=\"s-\(layer.status.rawValue)\">\(cells)</tr>\(reason ?? "")"
    }.joined(separator: "\n")
    let open = layers.contains { $0.status.isFailure } ? " open" : ""
    return """
      <details\(open)><summary>\(layers.count) tensors in execution order</summary>
      <div class="scroll"><table><thead><tr>\(head)</tr></thead><tbody>
      \(rows)
      </tbody></table></div></details>
      """
  }

  private func ratio(_ measurement: Measurement?) -> String {
    measurement.map { Format.ratio($0.judgement.ratio) } ?? "–"
  }

  private func coverage(_ result: ParityResult) -> String {
    let lists = [
      ("Recorded, not in the model", result.uncovered),
      ("In the model, not recorded", result.unreferenced),
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
    let problems =
      mapping.missing.map { ("missing", $0.parameter, "\($0.shape)", "") }
      + mapping.unexpected.map { ("unexpected", $0.source, "\($0.shape)", "") }
      + mapping.mismatched.map { ("does not fit", $0.parameter, "\($0.found)", $0.reason) }
    let dead = Dictionary(mapping.dead.map { ($0.name, $0.reason) }) { first, _ in first }
    let matches = mapping.matched.map { match in
      (
        dead[match.parameter] == nil ? "matched" : "dead", match.parameter, "\(match.shape)",
        [
          match.source == match.parameter ? nil : match.source, match.transform,
          dead[match.parameter],
        ].compactMap { $0 }.joined(separator: ", ")
      )
    }
    let rows = (problems + matches).map { state, name, shape, remark in
      "<tr class=\"m-\(state.split(separator: " ")[0])\">"
        + [state, name, shape, remark].map { "<td>\(XML.escaped($0))</td>" }.joined() + "</tr>"
    }.joined(separator: "\n")
    return section(
      "Weights",
      """
      <details\(problems.isEmpty ? "" : " open")><summary>\(mapping.matched.count) matched, \
      \(problems.count) problems, \(mapping.dead.count) never applied</summary>
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
    let times =
      "read \(Format.seconds(seconds.read)), bind \(Format.seconds(seconds.bind)), "
      + "forward \(Format.seconds(seconds.forward)), isolated \(Format.seconds(seconds.isolated)), "
      + "float64 \(Format.seconds(seconds.oracle)), compare \(Format.seconds(seconds.compare))"
    return section(
      "How to reproduce",
      """
      <pre>\(XML.escaped(command))</pre>
      <dl class="facts">\(files)
      <div><dt>engine</dt><dd>\(XML.escaped(environment.engine)), \(environment.threads) threads</dd></div>
      <div><dt>processor</dt><dd>\(XML.escaped(environment.processor))</dd></div>
      <div><dt>system</dt><dd>\(XML.escaped(environment.system))</dd></div>
      <div><dt>time</dt><dd>\(times)</dd></div></dl>
      """, nil)
  }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    var rest = self[...]
    while rest.first == " " { rest.removeFirst() }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
