import Foundation
import WeighbridgeModules

/// The error of every tensor in units of its limit, in execution order, on a logarithmic scale: one
/// curve per run, and the band in which a tensor passes.
struct NoiseChart {
  static let caption =
    "Each tensor's error in units of its limit, in execution order. "
    + "<span style=\"color:var(--got)\">In all</span>: the model on its own results. "
    + "<span style=\"color:var(--iso)\">Alone</span>: each layer on recorded results. "
    + "Below the dashed line a tensor passes."

  private let layers: [LayerVerdict]
  private let width = 1000.0
  private let height = 300.0
  private let margin = (left: 56.0, right: 12.0, top: 12.0, bottom: 26.0)
  private let top: Double
  private let bottom = -3.0

  init(_ layers: [LayerVerdict]) {
    self.layers = layers
    let shares = layers.flatMap { [$0.cumulative, $0.isolated] }
      .compactMap { $0?.judgement.shareOfLimit }.filter(\.isFinite)
    top = max(1, min(12, log10(max(shares.max() ?? 1, 1)).rounded(.up) + 0.5))
  }

  var svg: String {
    let all = layers.map { $0.cumulative?.judgement.shareOfLimit }
    let alone = layers.map { $0.isolated?.judgement.shareOfLimit }
    return """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="Error against depth">
      <rect class="band" x="\(margin.left)" y="\(text(y(1)))" \
      width="\(text(width - margin.left - margin.right))" \
      height="\(text(height - margin.bottom - y(1)))"/>
      \(grid)
      <path class="limit" d="M\(margin.left) \(text(y(1)))H\(width - margin.right)"/>
      <path class="alone" d="\(path(alone))"/><path class="all" d="\(path(all))"/>
      \(dots(all, "dot-all"))\(dots(alone, "dot-alone"))
      \(targets)
      </svg>
      """
  }

  private var grid: String {
    stride(from: bottom, through: top, by: 1).map { exponent in
      let line = text(y(pow(10, exponent)))
      let label = exponent == 0 ? "limit" : "10\(superscript(Int(exponent)))"
      return "<path class=\"axis\" d=\"M\(margin.left) \(line)H\(width - margin.right)\"/>"
        + "<text x=\"\(margin.left - 6)\" y=\"\(line)\" text-anchor=\"end\" "
        + "dominant-baseline=\"middle\">\(label)</text>"
    }.joined()
      + "<text x=\"\(margin.left)\" y=\"\(height - 8)\">first</text>"
      + "<text x=\"\(width - margin.right)\" y=\"\(height - 8)\" text-anchor=\"end\">outputs</text>"
  }

  private func superscript(_ value: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    let text = String(abs(value)).compactMap { $0.wholeNumberValue }.map { digits[$0] }
    return (value < 0 ? "⁻" : "") + String(text)
  }

  private func x(_ index: Int) -> Double {
    let room = width - margin.left - margin.right
    return margin.left + room * (Double(index) + 0.5) / Double(max(1, layers.count))
  }

  private func y(_ share: Double) -> Double {
    let value =
      share.isNaN || share == .infinity
      ? top : min(top, max(bottom, share > 0 ? log10(share) : bottom))
    return margin.top + (height - margin.top - margin.bottom) * (top - value) / (top - bottom)
  }

  private func path(_ shares: [Double?]) -> String {
    var path = ""
    var isDrawing = false
    for (index, share) in shares.enumerated() {
      guard let share else {
        isDrawing = false
        continue
      }
      path += "\(isDrawing ? "L" : "M")\(text(x(index))) \(text(y(share)))"
      isDrawing = true
    }
    return path
  }

  private func dots(_ shares: [Double?], _ style: String) -> String {
    shares.enumerated().compactMap { index, share in
      guard let share, share > 1 || share.isNaN || layers.count <= 80 else { return nil }
      let radius = share > 1 || share.isNaN ? 3.5 : 2
      return "<circle class=\"\(style)\" cx=\"\(text(x(index)))\" cy=\"\(text(y(share)))\" "
        + "r=\"\(radius)\"/>"
    }.joined()
  }

  /// What the pointer hits, with the layer's name.
  private var targets: String {
    let step = (width - margin.left - margin.right) / Double(max(1, layers.count))
    return layers.enumerated().map { index, layer in
      let shares = [("alone", layer.isolated), ("in all", layer.cumulative)].compactMap {
        title, run in
        run.map {
          "\(title) \(Format.ratio($0.judgement.ratio)) of \(Format.ratio($0.judgement.limit))"
        }
      }
      let title = ([layer.name, layer.kind, layer.status.rawValue] + shares).joined(separator: ", ")
      return "<rect class=\"hit\" x=\"\(text(x(index) - step / 2))\" y=\"\(margin.top)\" "
        + "width=\"\(text(step))\" height=\"\(height - margin.top - margin.bottom)\">"
        + "<title>\(XML.escaped(title))</title></rect>"
    }.joined()
  }

  private func text(_ value: Double) -> String { String(format: "%.1f", value) }
}
