import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension AttentionForm {
  /// The forms that this one is mistaken for.
  ///
  /// - Parameters:
  ///   - features: heads × head width.
  ///   - width: The tokens' width.
  ///   - headsKey: The configuration key of the number of heads.
  ///   - hasScaleKey: Whether `scale=dim|dim_head` chooses the scale.
  package func alternatives(
    features: Int, width: Int, _ path: ModulePath, headsKey: String = "heads",
    hasScaleKey: Bool = true
  ) -> [(Cause, AttentionForm)] {
    let scales = scaleAlternatives(features: features, width: width, path, hasScaleKey: hasScaleKey)
    return headAlternatives(features: features, width: width, headsKey) + scales
      + orderAlternatives(path)
  }

  private func headAlternatives(
    features: Int, width: Int, _ key: String
  ) -> [(Cause, AttentionForm)] {
    // A scale by the head's width follows the number of heads.
    let headScale = 1 / (Double(features) / Double(heads)).squareRoot()
    let follows = abs(scale - headScale) < 1e-9 * scale && features != width || key == "nheads"
    return (1...max(1, min(features, 256))).filter { features % $0 == 0 && $0 != heads }.map {
      other in
      var form = self
      form.heads = other
      if follows { form.scale = 1 / (Double(features) / Double(other)).squareRoot() }
      return (
        Cause(
          .headsCount, "there are \(heads) heads here and \(other) in the reference",
          fix: .configuration(key: key, value: .integer(other))), form
      )
    }
  }

  private func scaleAlternatives(
    features: Int, width: Int, _ path: ModulePath, hasScaleKey: Bool
  ) -> [(Cause, AttentionForm)] {
    let head = Double(features) / Double(heads)
    let known: [(String, Double, Cause.Fix?)] = [
      (
        "dim^−½", 1 / Double(width).squareRoot(),
        hasScaleKey ? .configuration(key: "scale", value: .text("dim")) : nil
      ),
      (
        "head width^−½", 1 / head.squareRoot(),
        hasScaleKey ? .configuration(key: "scale", value: .text("dim_head")) : nil
      ),
      ("1", 1, nil), ("1 / head width", 1 / head, nil), ("1 / dim", 1 / Double(width), nil),
    ]
    return known.filter { abs($0.1 - scale) > 1e-9 * scale }.map { name, value, fix in
      var form = self
      form.scale = value
      return (
        Cause(
          .attentionScale, "scores are scaled by \(scale) here and by \(name) in the reference",
          fix: fix ?? .code("scale the scores of \(path) by \(name)")), form
      )
    }
  }

  private func orderAlternatives(_ path: ModulePath) -> [(Cause, AttentionForm)] {
    let names = ["q", "k", "v"]
    // order[i] says where part i stands; the words list what stands where.
    let orders = [[1, 0, 2], [0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1]].map { order in
      var form = self
      form.order = order
      let words = (0..<3).map { place in names[order.firstIndex(of: place) ?? place] }
        .joined(separator: ", ")
      return (
        Cause(
          .qkvOrder, "the reference's product holds \(words), here q, k, v",
          fix: .code("read the product in \(path) as \(words)")), form
      )
    }
    let layouts: [(Layout, String)] = [
      (.headFirst, "head by head"), (.featureFirst, "with a head's features apart"),
    ]
    let interleaved = layouts.filter { heads > 1 && $0.0 != layout }.map { layout, words in
      var form = self
      form.layout = layout
      return (
        Cause(
          .headsInterleaved, "the reference's product holds q, k and v \(words)",
          fix: .code("read the product in \(path) \(words)")), form
      )
    }
    var queries = self
    queries.isOverQueries.toggle()
    return orders + interleaved + [
      (
        Cause(
          .softmaxAxis, "the reference's softmax runs over the queries, here over the keys",
          fix: .code("take the softmax in \(path) over the queries")), queries
      )
    ]
  }
}
