import Foundation
import WeighbridgeModules
import WeighbridgeVerdicts

/// The error of every tensor in units of its limit, in execution order, on a logarithmic scale: one
/// curve per run, and the band in which a tensor passes. An error of 0 stands on the bottom line.
struct NoiseChart {
  private let layers: [LayerVerdict]
  private let width: Double
  private let height: Double
  private let margin = (left: 56.0, right: 10.0, top: 12.0, bottom: 24.0)
  private let top: Double
  private let bottom = -3.0
  /// Where the noise itself is, in units of the limit; `nil` where nothing is judged by noise.
  private let noise: Double?

  init(_ layers: [LayerVerdict], width: Double = 1000, height: Double = 300) {
    self.layers = layers
    self.width = width
    self.height = height
    let judgements = layers.flatMap { [$0.cumulative, $0.isolated] }.compactMap { $0?.judgement }
    let shares = judgements.map(\.shareOfLimit).filter(\.isFinite)
    top = max(1, min(12, log10(max(shares.max() ?? 1, 1)).rounded(.up) + 0.5))
    noise = judgements.first { $0.basis != .elementwise }.map { 1 / $0.limit }
  }

  /// What the curves are.
  static func caption(_ layers: [LayerVerdict], _ subject: Verdict.Subject) -> String {
    let start = "Each tensor's error in units of its limit, in execution order; "
    let end =
      "below the dashed line a tensor passes, below the dotted one its error is that of "
      + "float32 noise itself."
    guard layers.contains(where: { $0.isolated != nil }) else { return start + end }
    return start + "<span class=\"key-all\">end to end</span>: the model on its own results, "
      + "<span class=\"key-isolated\">isolated</span>: each layer on recorded results; " + end
  }

  /// The drawing for a wide window, and that for a phone.
  static func html(_ layers: [LayerVerdict]) -> String {
    "<div class=\"wide\">\(NoiseChart(layers).svg)</div>"
      + "<div class=\"narrow\">\(NoiseChart(layers, width: 330, height: 240).svg)</div>"
  }

  var svg: String {
    let all = layers.map { $0.cumulative?.judgement.shareOfLimit }
    let isolated = layers.map { $0.isolated?.judgement.shareOfLimit }
    return """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="Error against depth">
      \(band(below: 1))\(noise.map(band) ?? "")
      \(grid)
      <path class="limit" d="\(horizontal(1))"/>
      \(noise.map { "<path class=\"noise\" d=\"\(horizontal($0))\"/>" } ?? "")
      <path class="isolated" d="\(path(isolated))"/><path class="all" d="\(path(all))"/>
      \(dots(all, "dot-all"))\(dots(isolated, "dot-isolated"))
      \(isWide ? targets : "")
      </svg>
      """
  }

  private var isWide: Bool { width > 500 }

  private func horizontal(_ share: Double) -> String {
    "M\(text(margin.left)) \(text(y(share)))H\(text(width - margin.right))"
  }

  private func band(below share: Double) -> String {
    "<rect class=\"band\" x=\"\(text(margin.left))\" y=\"\(text(y(share)))\" "
      + "width=\"\(text(width - margin.left - margin.right))\" "
      + "height=\"\(text(height - margin.bottom - y(share)))\"/>"
  }

  private var grid: String {
    let lines = stride(from: bottom, through: top, by: 1).map { exponent in
      let label =
        exponent == 0 ? "limit" : exponent == bottom ? "0" : "10\(superscript(Int(exponent)))"
      return "<path class=\"axis\" d=\"\(horizontal(pow(10, exponent)))\"/>"
        + tick(label, pow(10, exponent))
    }.joined()
    // The noise has its label where there is room between those of the limit and of a tenth.
    let room = noise.map { min(y($0) - y(1), y(0.1) - y($0)) } ?? 0
    let noiseLabel = room >= 12 ? noise.map { tick("noise", $0) } ?? "" : ""
    let middle = margin.left + (width - margin.left - margin.right) / 2
    let titles =
      "<text x=\"\(text(middle))\" y=\"\(text(height - 6))\" text-anchor=\"middle\">"
      + "\(isWide ? "tensors in order of execution" : "order of execution")</text>"
      + "<text transform=\"translate(10 \(text((height - margin.bottom) / 2))) rotate(-90)\" "
      + "text-anchor=\"middle\">error ÷ limit</text>"
    return lines + noiseLabel + titles
      + "<text x=\"\(text(margin.left))\" y=\"\(text(height - 6))\">first</text>"
      + "<text x=\"\(text(width - margin.right))\" y=\"\(text(height - 6))\" "
      + "text-anchor=\"end\">outputs</text>"
  }

  private func tick(_ label: String, _ share: Double) -> String {
    "<text x=\"\(text(margin.left - 6))\" y=\"\(text(y(share)))\" text-anchor=\"end\" "
      + "dominant-baseline=\"middle\">\(label)</text>"
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

  /// Whether the curve goes through this point: an error of exactly 0 has no logarithm.
  private func isDrawn(_ share: Double?) -> Bool { share.map { $0 != 0 } ?? false }

  /// The curve, broken where the error is exactly 0.
  private func path(_ shares: [Double?]) -> String {
    var path = ""
    for (index, share) in shares.enumerated() {
      guard let share, isDrawn(share) else { continue }
      let continues = index > 0 && isDrawn(shares[index - 1])
      path += "\(continues ? "L" : "M")\(text(x(index))) \(text(y(share)))"
    }
    return path
  }

  /// Dots at failures and at points without a neighbour; at every point where there is room.
  private func dots(_ shares: [Double?], _ style: String) -> String {
    let hasAll = Double(layers.count) * 8 <= width
    return shares.enumerated().compactMap { index, share in
      guard let share else { return nil }
      let neighbours = [index - 1, index + 1].filter(shares.indices.contains)
      let isAlone = isDrawn(share) && !neighbours.contains { isDrawn(shares[$0]) }
      guard !(share <= 1) || hasAll || isAlone else { return nil }
      let radius = share <= 1 ? (hasAll ? 2 : 1.2) : isWide ? 3.5 : 2.5
      return "<circle class=\"\(style)\" cx=\"\(text(x(index)))\" cy=\"\(text(y(share)))\" "
        + "r=\"\(radius)\"/>"
    }.joined()
  }

  /// What the pointer hits, with the layer's name.
  private var targets: String {
    let step = (width - margin.left - margin.right) / Double(max(1, layers.count))
    return layers.enumerated().map { index, layer in
      let shares = [("isolated", layer.isolated), ("end to end", layer.cumulative)].compactMap {
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
