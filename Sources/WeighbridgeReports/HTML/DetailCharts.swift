import Foundation
import WeighbridgeVerdicts

/// A wrong layer drawn: what was recorded, what we got, and the error; element against element;
/// error against size; error by channel.
struct DetailCharts {
  private let detail: LayerDetail
  private let words: Wording

  init(_ detail: LayerDetail, _ words: Wording) {
    self.detail = detail
    self.words = words
  }

  var html: String {
    let plane = detail.plane
    let errors = zip(plane.got, plane.reference).map { abs($0 - $1) }
    let values = (plane.got + plane.reference).filter(\.isFinite)
    let range = (values.min() ?? 0, values.max() ?? 1)
    let lead =
      plane.lead.isEmpty ? "" : " at [\(plane.lead.map(String.init).joined(separator: ","))]"
    let span = "\(Format.short(range.0)) … \(Format.short(range.1))"
    let worst = errors.filter(\.isFinite).max() ?? 0
    let figures = [
      figure("\(words.recorded)\(lead), \(span)", heatMap(plane.reference, range, error: false)),
      figure("\(words.got), \(span)", heatMap(plane.got, range, error: false)),
      figure(
        "log |Δ|, largest \(Format.small(Double(worst)))", heatMap(errors, (0, 0), error: true)),
      scatter(isError: false), scatter(isError: true), figure(channelTitle, bars),
    ]
    return "<div class=\"grid\">\(figures.joined())</div>"
  }

  private func figure(_ title: String, _ svg: String) -> String {
    "<figure>\(svg)<figcaption>\(XML.escaped(title))</figcaption></figure>"
  }

  private var channelTitle: String {
    let each = detail.channelsPerGroup > 1 ? " (groups of \(detail.channelsPerGroup))" : ""
    let finite = detail.channelErrors.filter(\.isFinite)
    let remark = finite.count < detail.channelErrors.count ? "; magenta: not finite" : ""
    return "rms error by channel\(each)\(remark)"
  }

  private func heatMap(_ values: [Float], _ range: (Float, Float), error: Bool) -> String {
    let plane = detail.plane
    let logs = error ? values.map { $0 == 0 ? -.infinity : log10($0) } : values
    let finite = logs.filter(\.isFinite)
    let (low, high) = error ? (finite.min() ?? 0, finite.max() ?? 1) : range
    let span = high > low ? high - low : 1
    var body = ""
    for row in 0..<plane.rows {
      for column in 0..<plane.columns {
        let value = logs[row * plane.columns + column]
        let share = value.isFinite ? Double((value - low) / span) : (value == -.infinity ? 0 : 2)
        body +=
          "<rect x=\"\(column)\" y=\"\(row)\" width=\"1.02\" height=\"1.02\" "
          + "fill=\"\(color(share, error: error))\"/>"
      }
    }
    return "<svg viewBox=\"0 0 \(plane.columns) \(plane.rows)\" preserveAspectRatio=\"none\" "
      + "class=\"map\" shape-rendering=\"crispEdges\">\(body)</svg>"
  }

  /// Dark to light blue for values, black to yellow for errors, magenta for what is no number.
  private func color(_ share: Double, error: Bool) -> String {
    if share > 1.5 { return "#f0f" }
    let s = min(1, max(0, share))
    let parts =
      error
      ? (30 + 225 * s, 20 + 190 * s * s, 60 * (1 - s)) : (20 + 225 * s, 40 + 205 * s, 110 + 130 * s)
    return String(format: "#%02x%02x%02x", Int(parts.0), Int(parts.1), Int(parts.2))
  }

  private func scatter(isError: Bool) -> String {
    let points = detail.sample.compactMap { pair -> (Double, Double)? in
      let (got, reference) = (Double(pair.got), Double(pair.reference))
      guard isError else { return (reference, got) }
      let (size, error) = (abs(reference), abs(got - reference))
      return size > 0 && error > 0 ? (log10(size), log10(error)) : nil
    }.filter { $0.0.isFinite && $0.1.isFinite }
    guard !points.isEmpty else {
      return figure("nothing to draw: no error on a value", "<svg viewBox=\"0 0 200 200\"></svg>")
    }
    var (x, y) = (extent(points.map(\.0)), extent(points.map(\.1)))
    if !isError {
      let both = (min(x.0, y.0), max(x.1, y.1))
      (x, y) = (both, both)
    }
    let dots = points.map { point in
      let (px, py) = (
        (point.0 - x.0) / (x.1 - x.0) * 192 + 4, 196 - (point.1 - y.0) / (y.1 - y.0) * 192
      )
      return "<circle class=\"dot-all\" cx=\"\(text(px))\" cy=\"\(text(py))\" r=\"1.4\"/>"
    }.joined()
    let diagonal = isError ? "" : "<path class=\"limit\" d=\"M4 196L196 4\"/>"
    func ends(_ range: (Double, Double)) -> (String, String) {
      let (low, high) = isError ? (pow(10, range.0), pow(10, range.1)) : range
      return (Format.short(Float(low)), Format.short(Float(high)))
    }
    let svg = framed(
      diagonal + dots, x: ends(x), isError ? "|\(words.recorded)|" : words.recorded,
      y: ends(y), isError ? "|Δ|" : words.got)
    let title =
      isError
      ? "error against size, both logarithmic"
      : "\(words.got) against \(words.recorded); dashed: equal"
    return figure(title, svg)
  }

  /// A drawing of 200 by 200 with the ends of its axes and what they are.
  private func framed(
    _ body: String, x: (low: String, high: String), _ xTitle: String,
    y: (low: String, high: String), _ yTitle: String
  ) -> String {
    func label(_ text: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
      "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(XML.escaped(text))</text>"
    }
    return "<svg viewBox=\"-18 -14 220 230\"><rect class=\"axis\" x=\".5\" y=\".5\" "
      + "width=\"199\" height=\"199\"/>\(body)"
      + label(x.low, 0, 213, "start") + label(xTitle, 100, 213, "middle")
      + label(x.high, 200, 213, "end") + label("\(y.high) ↑ \(yTitle)", 0, -4, "start")
      + "<text transform=\"translate(-6 200) rotate(-90)\">\(XML.escaped(y.low))</text></svg>"
  }

  private func extent(_ values: [Double]) -> (Double, Double) {
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    return high > low ? (low, high) : (low - 1, high + 1)
  }

  private var bars: String {
    let errors = detail.channelErrors
    let largest = errors.filter(\.isFinite).max() ?? 0
    let step = 200 / Double(max(1, errors.count))
    let body = errors.enumerated().map { index, error in
      let height = error.isFinite ? (largest > 0 ? error / largest * 196 : 0) : 196
      return
        "<rect class=\"\(error.isFinite ? "bar" : "bar none")\" x=\"\(text(Double(index) * step))\" "
        + "y=\"\(text(200 - height))\" width=\"\(text(step * 0.9))\" height=\"\(text(height))\"/>"
    }.joined()
    return framed(
      body, x: ("0", "\(max(0, errors.count * detail.channelsPerGroup - 1))"), "channel",
      y: ("0", Format.small(largest)), "rms error")
  }

  private func text(_ value: Double) -> String { String(format: "%.1f", value) }
}
