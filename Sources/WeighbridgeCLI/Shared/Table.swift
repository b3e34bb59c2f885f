/// Columns of text, aligned, that fit a width: columns marked so give way.
struct Table {
  enum Alignment { case left, right }

  struct Column {
    var title: String
    var alignment: Alignment = .left
    /// Whether this column is shortened when the table is too wide.
    var shrinks = false
    /// Whether it loses its end, as prose does, rather than its middle, as names do.
    var isProse = false
  }

  var columns: [Column]
  var rows: [[String]] = []

  /// The lines, with control characters escaped: a header, then one line per row, two spaces between columns.
  func lines(width: Int) -> [String] {
    let rows = rows.map { $0.map { $0.escapingForTerminal() } }
    var widths = columns.indices.map { index in
      rows.reduce(columns[index].title.count) { max($0, index < $1.count ? $1[index].count : 0) }
    }
    let total = widths.reduce(0, +) + 2 * (columns.count - 1)
    if total > width {
      let shrinking = columns.indices.filter { columns[$0].shrinks }
      var excess = total - width
      for index in shrinking.sorted(by: { widths[$0] > widths[$1] }) where excess > 0 {
        let cut = min(excess, max(0, widths[index] - 16))
        widths[index] -= cut
        excess -= cut
      }
    }
    return [line(columns.map(\.title), widths)] + rows.map { line($0, widths) }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    let padded = columns.indices.map { index in
      let text = index < cells.count ? cells[index] : ""
      let cell =
        columns[index].isProse
        ? text.truncated(to: widths[index]) : text.shortened(to: widths[index])
      let space = String(repeating: " ", count: max(0, widths[index] - cell.count))
      return columns[index].alignment == .left ? cell + space : space + cell
    }
    var text = padded.joined(separator: "  ")
    while text.last == " " { text.removeLast() }
    return text
  }
}

extension String {
  /// The text with its middle left out where it is longer than `width`.
  func shortened(to width: Int) -> String {
    guard count > width, width > 1 else { return self }
    let head = (width - 1) / 2
    return "\(prefix(head))…\(suffix(width - 1 - head))"
  }

  /// The text with its end left out where it is longer than `width`.
  func truncated(to width: Int) -> String {
    count > width && width > 1 ? "\(prefix(width - 1))…" : self
  }
}
