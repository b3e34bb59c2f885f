import Foundation
import WeighbridgeModules
import WeighbridgeVerdicts

/// The tree of modules: one row per depth, one column per leaf call, coloured by the larger of the
/// two runs' errors.
struct HeatStrip {
  static let caption =
    "The module tree in execution order, the outermost modules on top: "
    + "<span class=\"swatch ok\"></span>holds, <span class=\"swatch bad\"></span>is wrong itself, "
    + "<span class=\"swatch inherited\"></span>is wrong from what arrives, "
    + "<span class=\"swatch none\"></span>has no recorded activation."

  private let layers: [LayerVerdict]
  private let width: Double

  init(_ layers: [LayerVerdict], width: Double = 1000) {
    self.layers = layers
    self.width = width
  }

  /// The drawing for a wide window, and that for a phone.
  static func html(_ layers: [LayerVerdict]) -> String {
    "<div class=\"wide\">\(HeatStrip(layers).svg)</div>"
      + "<div class=\"narrow\">\(HeatStrip(layers, width: 330).svg)</div>"
  }

  private struct Cell {
    var depth: Int
    var start: Int
    var end: Int
    var name: String
    var layer: LayerVerdict?
  }

  var svg: String {
    let leaves = layers.filter(\.isLeaf)
    let cells = cells(leaves)
    let depth = (cells.map(\.depth).max() ?? 0) + 1
    let row = 22.0
    let step = width / Double(max(1, leaves.count))
    let body = cells.map { cell -> String in
      let extent = Double(cell.end - cell.start) * step
      let rectangle =
        "<rect style=\"fill:\(fill(cell.layer))\(edge(cell, extent))\" "
        + "x=\"\(text(Double(cell.start) * step))\" y=\"\(text(Double(cell.depth) * row))\" "
        + "width=\"\(text(extent))\" height=\"\(row)\">\(tooltip(cell))</rect>"
      let label = cell.name.split(separator: ".").last.map(String.init) ?? cell.name
      guard Double(label.count) * 6.5 + 6 < extent else { return rectangle }
      return rectangle
        + "<text x=\"\(text(Double(cell.start) * step + 4))\" "
        + "y=\"\(text(Double(cell.depth) * row + 15))\" style=\"fill:#111\" "
        + "pointer-events=\"none\">\(XML.escaped(label))</text>"
    }.joined()
    let height = Int(Double(depth) * row)
    return """
      <svg viewBox="0 0 \(Int(width)) \(height)" role="img" aria-label="Module tree">\(body)</svg>
      """
  }

  /// Neighbouring leaves with a common beginning of the path share a cell in its row.
  private func cells(_ leaves: [LayerVerdict]) -> [Cell] {
    let byPath = Dictionary(grouping: layers) { $0.path.name }
    let parts = leaves.map { $0.path.name.split(separator: ".").map(String.init) }
    var cells: [Cell] = []
    for depth in 0..<(parts.map(\.count).max() ?? 0) {
      var start = 0
      while start < parts.count {
        guard parts[start].count > depth else {
          start += 1
          continue
        }
        let prefix = parts[start].prefix(depth + 1)
        let isLeaf = parts[start].count == depth + 1
        var end = start + 1
        while !isLeaf, end < parts.count, parts[end].starts(with: prefix) { end += 1 }
        let name = prefix.joined(separator: ".")
        let layer = isLeaf ? leaves[start] : byPath[name].flatMap(worst)
        cells.append(Cell(depth: depth, start: start, end: end, name: name, layer: layer))
        start = end
      }
    }
    return cells
  }

  private func worst(_ layers: [LayerVerdict]) -> LayerVerdict? {
    layers.max { ($0.shareOfLimit ?? 0) < ($1.shareOfLimit ?? 0) }
  }

  /// What the pointer shows; a phone has none.
  private func tooltip(_ cell: Cell) -> String {
    guard width > 500 else { return "" }
    guard let layer = cell.layer else { return "<title>\(XML.escaped(cell.name))</title>" }
    let share = layer.shareOfLimit.map { "\(Format.ratio($0)) of its limit" }
    let words = [layer.name, layer.kind, layer.status.rawValue, share].compactMap { $0 }
    return "<title>\(XML.escaped(words.filter { !$0.isEmpty }.joined(separator: ", ")))</title>"
  }

  /// What sets a cell off: a gap where there is room, and red around a cause, however narrow.
  private func edge(_ cell: Cell, _ extent: Double) -> String {
    switch cell.layer?.status {
    case .source?, .glue?, .nonfinite?: ";stroke:#e0433a;stroke-width:1.5"
    default: extent < 4 ? "" : ";stroke:var(--card);stroke-width:.5"
    }
  }

  private func fill(_ layer: LayerVerdict?) -> String {
    guard let layer, layer.status != .missing else { return "#b9bec5" }
    switch layer.status {
    case .source, .glue, .nonfinite: return "#e0433a"
    case .inherited: return "#f0a03c"
    default:
      // From light to darker green as the error nears its limit.
      let share = min(1, max(0, layer.shareOfLimit ?? 0))
      return "hsl(\(Int(140 - 60 * share)) 45% \(Int(72 - 12 * share))%)"
    }
  }

  private func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
