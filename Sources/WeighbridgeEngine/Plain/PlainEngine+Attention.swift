import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  /// The definition, step by step. A query whose scores are all −∞ gets NaN, as PyTorch's softmax.
  package func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?
  ) throws -> Tensor {
    var scores = try matmul(q, k.transposed())
    if scale != 1 { scores = try unary(.affine(scale: scale, shift: 0), scores) }
    if let bias { scores = try binary(.add, scores, bias, output: scores.shape) }
    let weights = try softmax(scores, axis: scores.rank - 1, logarithm: false)
    return try matmul(weights, v)
  }
}
