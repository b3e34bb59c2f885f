import WeighbridgeModules
import WeighbridgeVerdicts

/// The layers as a table: those that are wrong themselves, and, folded where they are many, all.
struct HTMLLayerTable {
  /// More rows than these are folded.
  private static let openLimit = 24
  private let layers: [LayerVerdict]
  private let subject: Verdict.Subject
  private let columns: [Column]

  private struct Column {
    var title: String
    /// Whether narrow windows leave it out.
    var isWide = false
    var isNumber = false
    var cell: (LayerVerdict) -> String
  }

  init(_ layers: [LayerVerdict], _ subject: Verdict.Subject) {
    self.layers = layers
    self.subject = subject
    let all = [
      Column(title: "status") { $0.status.rawValue },
      Column(title: "module") { $0.name + $0.chanceMark },
      Column(title: "kind", isWide: true) { $0.kind },
      Column(title: "shape", isWide: true) { Format.shape($0.shape.dimensions) },
      Column(title: "isolated", isNumber: true) { Self.ratio($0.isolated) },
      Column(title: Wording(subject).wholeRun, isNumber: true) { Self.ratio($0.cumulative) },
      Column(title: "max|Δ|", isNumber: true) {
        $0.cumulative.map { Format.small($0.figures.maxAbs) } ?? "–"
      },
      Column(title: "ULP", isWide: true, isNumber: true) {
        $0.cumulative.map { Format.ulps($0.figures.maxULP) } ?? "–"
      },
      Column(title: "SNR", isWide: true, isNumber: true) {
        $0.cumulative.map { Format.decibels($0.figures.signalToNoise) } ?? "–"
      },
    ]
    // A column without a figure in it takes no room.
    columns = all.filter { column in layers.contains { !["", "–"].contains(column.cell($0)) } }
  }

  var html: String {
    let legend = Legend(layers, subject)
    let notes = ([legend.text] + legend.footnotes).map {
      "<p class=\"note\">\(XML.escaped($0))</p>"
    }.joined()
    let causes = layers.filter { $0.status.isFailure && $0.status != .inherited }
    let open = layers.count <= Self.openLimit
    let first = open || causes.isEmpty ? "" : table(Array(causes.prefix(Self.openLimit)))
    return """
      \(notes)\(first)<details\(open ? " open" : "")><summary>\(layers.count) tensors in \
      execution order</summary>\(table(layers))</details>
      """
  }

  private func table(_ layers: [LayerVerdict]) -> String {
    let head = columns.map { cell("th", $0, $0.title) }.joined()
    let rows = layers.map { layer -> String in
      let cells = columns.map { cell("td", $0, $0.cell(layer)) }.joined()
      let reason = layer.reason.map {
        "<tr class=\"reason\"><td></td><td colspan=\"\(columns.count - 1)\">"
          + "\(XML.escaped($0))</td></tr>"
      }
      return "<tr class=\"s-\(layer.status.rawValue)\">\(cells)</tr>\(reason ?? "")"
    }.joined(separator: "\n")
    return """
      <div class="scroll"><table><thead><tr>\(head)</tr></thead><tbody>
      \(rows)
      </tbody></table></div>
      """
  }

  private func cell(_ tag: String, _ column: Column, _ text: String) -> String {
    let styles = [column.isWide ? "wide" : nil, column.isNumber ? "number" : nil].compactMap { $0 }
    let style = styles.isEmpty ? "" : " class=\"\(styles.joined(separator: " "))\""
    return "<\(tag)\(style)>\(column.isNumber ? XML.escaped(text) : XML.breakable(text))</\(tag)>"
  }

  private static func ratio(_ measurement: Measurement?) -> String {
    guard let judgement = measurement?.judgement else { return "–" }
    return Format.ratio(judgement.ratio) + (judgement.basis == .elementwise ? "†" : "")
  }
}

extension XML {
  /// Escaped text in which a line may end after every dot of a path.
  static func breakable(_ text: String) -> String {
    escaped(text).replacing(".", with: ".<wbr>")
  }
}
