import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension ScaledDotProductAttention: Diagnosable {
  public func alternatives(
    for input: AttentionInput
  ) throws -> [Alternative<AttentionInput, Tensor>] {
    let own = scale ?? 1
    let width = Double(input.query.shape.last ?? 1)
    let scales: [(String, Double)] = [
      ("d^−½", 1 / width.squareRoot()), ("1", 1), ("1 / d", 1 / width),
    ]
    let scaled = scales.filter { abs($0.1 - own) > 1e-9 * own }.map { name, value in
      Alternative<AttentionInput, Tensor>(
        Cause(
          .attentionScale, "scores are scaled by \(own) here and by \(name) in the reference",
          fix: .configuration(key: "scale", value: .number(value)))
      ) { try $0.query.attention(keys: $0.key, values: $0.value, scale: value) }
    }
    let queries = Alternative<AttentionInput, Tensor>(
      Cause(
        .softmaxAxis, "the reference's softmax runs over the queries, here over the keys",
        fix: .code("take the softmax over the queries"))
    ) {
      try $0.query.matmul($0.key.transposed()).affine(scale: own).softmax(axis: -2)
        .matmul($0.value)
    }
    return scaled + [queries]
  }
}
