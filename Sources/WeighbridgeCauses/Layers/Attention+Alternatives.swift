import WeighbridgeModules

extension MultiheadAttention: Diagnosable {
  /// Another number of heads or another scale.
  public func alternatives(
    for input: MultiheadAttentionInput
  ) throws -> [Alternative<MultiheadAttentionInput, Tensor>] {
    let counts = (1...width).filter { width % $0 == 0 && $0 != heads }.prefix(64).map { other in
      var copy = self
      copy.heads = other
      copy.scale = 1 / (Double(width) / Double(other)).squareRoot()
      return Alternative(
        Cause(
          .headsCount, "there are \(heads) heads here and \(other) in the reference",
          fix: .code("give \(path) \(other) heads")), copy)
    }
    let scales = [("width^−½", 1 / Double(width).squareRoot()), ("1", 1)]
      .filter { abs($0.1 - scale) > 1e-9 * scale }.map { name, value in
        var copy = self
        copy.scale = value
        return Alternative(
          Cause(
            .attentionScale, "scores are scaled by \(scale) here and by \(name) in the reference",
            fix: .code("scale the scores of \(path) by \(name)")), copy)
      }
    return counts + scales
  }
}
