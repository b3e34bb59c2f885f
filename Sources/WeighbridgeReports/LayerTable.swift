import WeighbridgeModules
import WeighbridgeVerdicts

/// The table of layers in execution order. What passes is collapsed into one line per run, and so is
/// what inherits an error, but for layers whose own figures are off.
struct LayerTable {
  private let result: ParityResult
  private let width: Int
  private let ink: Ink
  private let subject: Verdict.Subject
  /// Whether some layers are judged by noise and some element by element.
  private let mixesBases: Bool

  init(_ result: ParityResult, _ subject: Verdict.Subject, width: Int, ink: Ink) {
    self.result = result
    self.subject = subject
    self.width = width
    self.ink = ink
    let bases = (result.layers + result.outputs).flatMap { [$0.cumulative, $0.isolated] }
      .compactMap { $0.map { $0.judgement.basis == .elementwise } }
    mixesBases = bases.contains(true) && bases.contains(false)
  }

  private struct Row {
    var cells: [String]
    var tone: Ink.Tone
    var remark: String?
  }

  private struct Column {
    var title: String
    var isRight: Bool
    /// The room a column needs before it is shown.
    var minimum: Int
    var cell: (LayerVerdict) -> String
  }

  /// The legend, the header and a line or several per row.
  var lines: [String] {
    let rows = rows
    guard !rows.isEmpty else { return [] }
    let legend = Legend(result.layers + result.outputs, subject)
    let note = legend.footnotes.flatMap { hanging($0) }
    return hanging(legend.text, indent: 0).map { ink($0, .faint) } + layout(rows) + note
  }

  private var rows: [Row] {
    var rows: [Row] = []
    var alike: [LayerVerdict] = []
    func flush() {
      guard let first = alike.first, let last = alike.last else { return }
      let isShort = alike.count < (first.status == .ok ? 2 : 3)
      rows += isShort ? alike.map(row) : [collapsed(alike, first, last)]
      alike = []
    }
    for layer in result.layers where layer.status != .missing {
      if let last = alike.last,
        last.status != layer.status || last.isRepeatable != layer.isRepeatable
      {
        flush()
      }
      if collapses(layer) {
        alike.append(layer)
      } else {
        flush()
        rows.append(row(layer))
      }
    }
    flush()
    return rows + (result.outputs + result.production).map(row)
  }

  private func collapses(_ layer: LayerVerdict) -> Bool {
    switch layer.status {
    case .ok: true
    case .inherited:
      subject == .model && (layer.isolated.map { $0.judgement.shareOfLimit <= 1 } ?? true)
    case .source, .glue, .nonfinite, .amplifier, .reshaped, .missing: false
    }
  }

  private func collapsed(
    _ layers: [LayerVerdict], _ first: LayerVerdict, _ last: LayerVerdict
  ) -> Row {
    let worst = layers.max { ($0.shareOfLimit ?? 0) < ($1.shareOfLimit ?? 0) } ?? last
    var cells = columns.map { $0.cell(worst) }
    cells[0] = "\(first.status.rawValue) ×\(layers.count)"
    cells[1] = "\(first.name) … \(last.name)\(first.chanceMark)"
    cells[2] = ""
    cells[3] = ""
    return Row(
      cells: cells.map { $0.escapingControlCharacters() },
      tone: first.status == .ok ? .faint : .plain)
  }

  private func row(_ layer: LayerVerdict) -> Row {
    let tone: Ink.Tone =
      switch layer.status {
      case .ok: .faint
      case .inherited, .amplifier, .reshaped, .missing: .plain
      case .source, .glue, .nonfinite: .bad
      }
    return Row(
      cells: columns.map { $0.cell(layer).escapingControlCharacters() }, tone: tone,
      remark: remark(layer))
  }

  /// What a failing layer's numbers do not say: the reason, and the worst element where there is no
  /// column for it.
  private func remark(_ layer: LayerVerdict) -> String? {
    if layer.status == .reshaped { return layer.reason }
    guard layer.status.isFailure, layer.status != .inherited else { return nil }
    var parts: [String] = []
    if let reason = layer.reason { parts.append(reason) }
    let measurement = layer.isolated ?? layer.cumulative
    if let worst = measurement?.figures.worst {
      let index = worst.index.map(String.init).joined(separator: ",")
      let words = Wording(subject)
      parts.append(
        "at [\(index)]: \(words.got) \(Format.value(worst.got)), "
          + "\(words.recorded) \(Format.value(worst.reference))")
    }
    if let judgement = measurement?.judgement, judgement.ratio <= judgement.limit,
      let largest = judgement.largestRatio, let limit = judgement.largestLimit, largest > limit
    {
      parts.append(
        "this element's error is \(Format.ratio(largest)) times the noise's largest, "
          + "limit \(Format.ratio(limit))")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ").escapingControlCharacters()
  }

  private var columns: [Column] {
    [
      Column(title: "status", isRight: false, minimum: 0) { $0.status.rawValue },
      Column(title: "module", isRight: false, minimum: 0) { $0.name + $0.chanceMark },
      Column(title: "kind", isRight: false, minimum: 72) { $0.kind },
      Column(title: "shape", isRight: false, minimum: 100) {
        Format.shape($0.shape.dimensions)
      },
      Column(title: "isolated", isRight: true, minimum: 0) { ratio($0.isolated) },
      Column(title: Wording(subject).wholeRun, isRight: true, minimum: 0) { ratio($0.cumulative) },
      Column(title: "max|Δ|", isRight: true, minimum: 0) {
        Format.small($0.cumulative?.figures.maxAbs ?? .nan)
      },
      Column(title: "ULP", isRight: true, minimum: 110) {
        $0.cumulative.map { Format.ulps($0.figures.maxULP) } ?? "–"
      },
      Column(title: "SNR", isRight: true, minimum: 90) {
        $0.cumulative.map { Format.decibels($0.figures.signalToNoise) } ?? "–"
      },
    ]
  }

  private func ratio(_ measurement: Measurement?) -> String {
    guard let measurement else { return "–" }
    let judgement = measurement.judgement
    // The elementwise ratio passes below 1, the noise ratio below its own limit: told apart.
    return Format.ratio(judgement.ratio)
      + (judgement.basis == .elementwise && mixesBases ? "†" : "")
  }

  private func layout(_ rows: [Row]) -> [String] {
    let columns = columns
    // A column without a figure in it takes no room.
    let shown = columns.indices.filter { index in
      columns[index].minimum <= width
        && rows.contains { !["", "–"].contains($0.cells[index]) }
    }
    var widths = shown.map { index in
      rows.reduce(columns[index].title.count) { max($0, $1.cells[index].count) }
    }
    // The kind and the path give way where the line is too long.
    for (index, least) in [(2, 8), (1, 12)] {
      let total = widths.reduce(0, +) + 2 * (widths.count - 1)
      guard total > width, let position = shown.firstIndex(of: index) else { continue }
      widths[position] = max(min(widths[position], least), widths[position] - (total - width))
    }
    var lines = [ink(line(shown.map { columns[$0].title }, shown, widths), .faint)]
    for row in rows {
      lines.append(ink(line(shown.map { row.cells[$0] }, shown, widths), row.tone))
      if let remark = row.remark { lines += hanging(remark).map { ink($0, row.tone) } }
    }
    return lines
  }

  /// Text in lines that fit.
  private func hanging(_ text: String, indent: Int = 4) -> [String] {
    var lines: [String] = []
    var rest = text[...]
    let room = max(1, width - indent)
    while !rest.isEmpty {
      var piece = rest.prefix(room)
      if piece.endIndex < rest.endIndex, let space = piece.lastIndex(of: " "),
        space > piece.startIndex
      {
        piece = rest[..<space]
      }
      lines.append(String(repeating: " ", count: indent) + piece)
      rest = rest[piece.endIndex...].drop { $0 == " " }
    }
    return lines
  }

  private func line(_ cells: [String], _ shown: [Int], _ widths: [Int]) -> String {
    let padded = cells.indices.map { position in
      let cell = cells[position].shortened(to: widths[position])
      let space = String(repeating: " ", count: max(0, widths[position] - cell.count))
      return columns[shown[position]].isRight ? space + cell : cell + space
    }
    var text = padded.joined(separator: "  ")
    while text.last == " " { text.removeLast() }
    return text
  }
}

extension String {
  /// The text with its middle left out where it is longer than `width`.
  fileprivate func shortened(to width: Int) -> String {
    guard count > width, width > 1 else { return self }
    let head = (width - 1) / 2
    return "\(prefix(head))…\(suffix(width - 1 - head))"
  }
}
