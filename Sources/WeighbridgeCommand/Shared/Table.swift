/// Columns of text, aligned, that fit a width: columns marked so give way.
struct Table {
  enum Alignment { case left, right }

  struct Column {
    var title: String
    var alignment: Alignment = .left
    /// Whether this column is shortened when the table is too wide.
    var shrinks = false
    /// Whether it goes on in the next line, as prose does, and does not lose its middle, as names do.
    var isProse = false
  }

  var columns: [Column]
  var rows: [[String]] = []

  /// The lines, with control characters escaped: a header, then one line per row, two spaces between columns.
  func lines(width: Int) -> [String] {
    var lines: [String] = []
    forEachLine(width: width, rowCount: rows.count, row: { rows[$0] }) { lines.append($0) }
    return lines
  }

  /// The same of rows that are made when they are asked for, each twice, so that there need not be
  /// memory for all of them.
  func forEachLine(
    width: Int, rowCount: Int, row: (Int) -> [String], _ body: (String) throws -> Void
  ) rethrows {
    func cells(_ index: Int) -> [String] {
      row(index).map { $0.shortened().escapingControlCharacters() }
    }
    var widths = columns.map(\.title.count)
    for index in 0..<rowCount {
      for (column, cell) in zip(columns.indices, cells(index)) {
        widths[column] = max(widths[column], cell.count)
      }
    }
    shrink(&widths, to: width)
    guard Table.total(widths) <= width else {
      for index in 0..<rowCount {
        for line in stacked(cells(index), to: width) { try body(line) }
      }
      return
    }
    for line in wrapped(columns.map(\.title), widths) { try body(line) }
    for index in 0..<rowCount {
      for line in wrapped(cells(index), widths) { try body(line) }
    }
  }

  private func shrink(_ widths: inout [Int], to width: Int) {
    let shrinking = columns.indices.filter { columns[$0].shrinks }
    for index in shrinking.sorted(by: { widths[$0] > widths[$1] }) {
      let excess = Table.total(widths) - width
      guard excess > 0 else { return }
      widths[index] -= min(excess, max(0, widths[index] - least(index)))
    }
  }

  /// What a shrinking column keeps: no word of prose is broken.
  private func least(_ index: Int) -> Int { columns[index].isProse ? 26 : 16 }

  private static func total(_ widths: [Int]) -> Int {
    widths.reduce(0, +) + 2 * (widths.count - 1)
  }

  /// A row where there is no room for columns: the first cell, and under it the others with their titles.
  private func stacked(_ cells: [String], to width: Int) -> [String] {
    let others = zip(columns, cells).dropFirst().filter { !$0.1.isEmpty }
    let rest = others.map { "\($0.title) \($1)" }.joined(separator: ", ")
    let lead = "    "
    return (cells.first ?? "").folded(to: width)
      + (rest.isEmpty ? [] : rest.wrapped(to: width - lead.count).map { lead + $0 })
  }

  /// A row in as many lines as its prose needs.
  private func wrapped(_ cells: [String], _ widths: [Int]) -> [String] {
    let pieces = columns.indices.map { index in
      let text = index < cells.count ? cells[index] : ""
      return columns[index].isProse ? text.wrapped(to: widths[index]) : [text]
    }
    let height = pieces.reduce(1) { max($0, $1.count) }
    return (0..<height).map { row in
      line(pieces.map { row < $0.count ? $0[row] : "" }, widths)
    }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    let padded = columns.indices.map { index in
      let cell = cells[index].fitted(to: widths[index])
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
  func fitted(to width: Int) -> String {
    guard count > width, width > 1 else { return self }
    let head = (width - 1) / 2
    return "\(prefix(head))…\(suffix(width - 1 - head))"
  }

  /// The text in lines of at most `width`, where its words allow.
  func wrapped(to width: Int) -> [String] {
    guard count > width else { return [self] }
    var lines: [String] = []
    var line = ""
    for word in split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = String(word)
      } else {
        line += (line.isEmpty ? "" : " ") + word
      }
    }
    return lines + [line]
  }
}
