import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension TransformerEncoderLayer: Diagnosable {
  package func alternatives(for input: EncoderInput) throws -> [Alternative<EncoderInput, Tensor>] {
    Activation.relu.alternatives("after linear1", path) { input, activation in
      let attended = SelfAttentionInput(
        query: try input.tokens + input.position, value: input.tokens, bias: input.bias)
      return try forward(input.tokens, attended, activation)
    }
  }
}

extension WeighbridgeModels.MultiheadAttention: Diagnosable {
  package func alternatives(
    for input: SelfAttentionInput
  ) throws -> [Alternative<SelfAttentionInput, Tensor>] {
    let width = outBias.shape[0]
    let counts = (1...max(1, width)).filter { width % $0 == 0 && $0 != heads }.map { other in
      var copy = self
      copy.heads = other
      copy.scale = Self.scale(width: width, heads: other)
      return Alternative<SelfAttentionInput, Tensor>(
        Cause(
          .headsCount, "there are \(heads) heads here and \(other) in the reference",
          fix: .configuration(key: "nheads", value: .integer(other))), copy)
    }
    let scales = [("d^−½", 1 / Double(width).squareRoot()), ("1", 1.0)]
      .filter { abs($0.1 - scale) > 1e-9 * scale }.map { name, value in
        var copy = self
        copy.scale = value
        return Alternative<SelfAttentionInput, Tensor>(
          Cause(
            .attentionScale, "scores are scaled by \(scale) here and by \(name) in the reference",
            fix: .code("scale the scores of \(path) by \(name)")), copy)
      }
    let positions: [(String, @Sendable (SelfAttentionInput) -> SelfAttentionInput)] = [
      (
        "values have the positions, too",
        {
          SelfAttentionInput(query: $0.query, value: $0.query, bias: $0.bias)
        }
      ),
      (
        "queries and keys have no positions",
        {
          SelfAttentionInput(query: $0.value, value: $0.value, bias: $0.bias)
        }
      ),
    ]
    let placed = positions.map { words, change in
      Alternative<SelfAttentionInput, Tensor>(
        Cause(
          .positionEncoding, "in the reference \(words)",
          fix: .code("add the positions in \(path)'s layer as the reference does"))
      ) { try forward(change($0)) }
    }
    var queries = self
    queries.isOverQueries.toggle()
    let overQueries = Alternative<SelfAttentionInput, Tensor>(
      Cause(
        .softmaxAxis, "the reference's softmax runs over the queries, here over the keys",
        fix: .code("take the softmax in \(path) over the queries")), queries)
    guard input.bias != nil else { return counts + scales + placed + [overQueries] }
    let unmasked = Alternative<SelfAttentionInput, Tensor>(
      Cause(
        .attentionMask, "the reference attends to padding, too",
        fix: .code("record the reference with the padding mask, or leave it out here"))
    ) { try forward(SelfAttentionInput(query: $0.query, value: $0.value)) }
    return counts + scales + placed + [overQueries, unmasked]
  }
}
