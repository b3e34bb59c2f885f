import WeighbridgeModules

/// The table of layers in execution order. What passes is collapsed into one line per run.
struct LayerTable {
  let width: Int
  let ink: Ink

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

  func lines(_ result: ParityResult) -> [String] {
    let rows = rows(result)
    guard !rows.isEmpty else { return [] }
    return layout(rows)
  }

  private func rows(_ result: ParityResult) -> [Row] {
    var rows: [Row] = []
    var passes: [LayerVerdict] = []
    func flush() {
      guard let first = passes.first, let last = passes.last else { return }
      rows.append(passes.count == 1 ? row(first) : collapsed(passes, first, last))
      passes = []
    }
    for layer in result.layers where layer.status != .missing {
      if layer.status == .ok {
        passes.append(layer)
      } else {
        flush()
        rows.append(row(layer))
      }
    }
    flush()
    return rows + result.outputs.map(row)
  }

  private func collapsed(
    _ layers: [LayerVerdict], _ first: LayerVerdict, _ last: LayerVerdict
  ) -> Row {
    let worst = layers.max { ($0.shareOfLimit ?? 0) < ($1.shareOfLimit ?? 0) } ?? last
    var cells = columns.map { $0.cell(worst) }
    cells[0] = "ok ×\(layers.count)"
    cells[1] = "\(first.name) … \(last.name)"
    cells[2] = "worst"
    cells[3] = ""
    return Row(cells: cells.map { $0.escapingControlCharacters() }, tone: .faint)
  }

  private func row(_ layer: LayerVerdict) -> Row {
    let tone: Ink.Tone =
      switch layer.status {
      case .ok: .faint
      case .inherited, .amplifier, .missing: .plain
      case .source, .glue, .nonfinite: .bad
      }
    return Row(
      cells: columns.map { $0.cell(layer).escapingControlCharacters() }, tone: tone,
      remark: remark(layer))
  }

  /// What a failing layer's numbers do not say: the reason, and the worst element where there is no
  /// column for it.
  private func remark(_ layer: LayerVerdict) -> String? {
    guard layer.status.isFailure, layer.status != .inherited else { return nil }
    var parts: [String] = []
    if let reason = layer.reason { parts.append(reason) }
    let measurement = layer.isolated ?? layer.cumulative
    if let worst = measurement?.figures.worst {
      let index = worst.index.map(String.init).joined(separator: ",")
      parts.append(
        "at [\(index)]: \(Format.value(worst.got)), recorded \(Format.value(worst.reference))")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ").escapingControlCharacters()
  }

  private var columns: [Column] {
    [
      Column(title: "status", isRight: false, minimum: 0) { $0.status.rawValue },
      Column(title: "module", isRight: false, minimum: 0) { $0.name },
      Column(title: "kind", isRight: false, minimum: 72) { $0.kind },
      Column(title: "shape", isRight: false, minimum: 100) {
        Format.shape($0.shape.dimensions)
      },
      Column(title: "alone", isRight: true, minimum: 0) { ratio($0.isolated) },
      Column(title: "in all", isRight: true, minimum: 0) { ratio($0.cumulative) },
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
    return Format.ratio(judgement.ratio) + (judgement.basis == .elementwise ? "†" : "")
  }

  private func layout(_ rows: [Row]) -> [String] {
    let shown = columns.indices.filter { columns[$0].minimum <= width }
    var widths = shown.map { index in
      rows.reduce(columns[index].title.count) { max($0, $1.cells[index].count) }
    }
    // The path and the kind give way where the line is too long.
    for position in [1, 2] {
      let total = widths.reduce(0, +) + 2 * (widths.count - 1)
      if total > width {
        let least = position == 1 ? 16 : 8
        widths[position] = max(min(widths[position], least), widths[position] - (total - width))
      }
    }
    var lines = [ink(line(shown.map { columns[$0].title }, shown, widths), .faint)]
    for row in rows {
      lines.append(ink(line(shown.map { row.cells[$0] }, shown, widths), row.tone))
      if let remark = row.remark { lines += hanging(remark).map { ink($0, row.tone) } }
    }
    if rows.contains(where: { $0.cells.contains { $0.hasSuffix("†") } }) {
      lines += hanging(
        "† max |Δ|/(atol + rtol·|reference|), limit 1; the others are noise ratios")
    }
    return lines
  }

  private func hanging(_ text: String) -> [String] {
    var lines: [String] = []
    var rest = text[...]
    while !rest.isEmpty {
      let room = width - 4
      var piece = rest.prefix(room)
      if piece.endIndex < rest.endIndex, let space = piece.lastIndex(of: " "),
        space > piece.startIndex
      {
        piece = rest[..<space]
      }
      lines.append("    " + piece)
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
