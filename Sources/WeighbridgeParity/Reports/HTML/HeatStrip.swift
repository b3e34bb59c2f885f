import Foundation
import WeighbridgeModules

/// The tree of modules: one row per depth, one column per leaf call, coloured by the larger of the
/// two runs' errors.
struct HeatStrip {
  static let caption =
    "The module tree in execution order, the outermost modules on top; green passes, red fails, "
    + "grey has no recorded activation."

  private let layers: [LayerVerdict]

  init(_ layers: [LayerVerdict]) {
    self.layers = layers
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
    let (width, row) = (1000.0, 22.0)
    let step = width / Double(max(1, leaves.count))
    let body = cells.map { cell -> String in
      let extent = Double(cell.end - cell.start) * step
      let rectangle =
        "<rect class=\"cell\" style=\"fill:\(fill(cell.layer))\" "
        + "x=\"\(text(Double(cell.start) * step))\" y=\"\(text(Double(cell.depth) * row))\" "
        + "width=\"\(text(extent))\" height=\"\(row)\"><title>\(XML.escaped(title(cell)))</title></rect>"
      let label = cell.name.split(separator: ".").last.map(String.init) ?? cell.name
      guard Double(label.count) * 6.5 + 6 < extent else { return rectangle }
      return rectangle
        + "<text x=\"\(text(Double(cell.start) * step + 4))\" "
        + "y=\"\(text(Double(cell.depth) * row + 15))\" style=\"fill:#111\" "
        + "pointer-events=\"none\">\(XML.escaped(label))</text>"
    }.joined()
    let height = Int(Double(depth) * row)
    return """
      <svg viewBox="0 0 1000 \(height)" role="img" aria-label="Module tree">\(body)</svg>
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

  private func title(_ cell: Cell) -> String {
    guard let layer = cell.layer else { return cell.name }
    let share = layer.shareOfLimit.map { ", \(Format.ratio($0)) of its limit" } ?? ""
    return "\(layer.name), \(layer.kind), \(layer.status.rawValue)\(share)"
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
