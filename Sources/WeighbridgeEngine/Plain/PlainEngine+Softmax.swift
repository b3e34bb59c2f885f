import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  package func softmax(_ x: Tensor, axis: Int, logarithm: Bool) throws -> Tensor {
    x.dtype == .float64
      ? try softmax(x, axis: axis, logarithm: logarithm, Double.self)
      : try softmax(x, axis: axis, logarithm: logarithm, Float.self)
  }

  /// Softmax along the last axis of memory runs row by row; along any other axis the tensor is laid
  /// out anew with that axis last.
  private func softmax<S: PlainScalar>(
    _ x: Tensor, axis: Int, logarithm: Bool, _: S.Type
  ) throws -> Tensor {
    let length = x.shape[axis]
    guard x.elementCount > 0 else { return try Tensor([S](), shape: x.shape) }
    var order = Array(x.shape.indices)
    order.append(order.remove(at: axis))
    let rows = try x.permuted(order).contiguous()
    let result = try Tensor(shape: rows.shape) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress else { return }
      try rows.withUnsafeElements { (input: UnsafePointer<S>) in
        Parallel.forRanges(x.elementCount / length, grain: max(1, 4096 / length)) { range in
          for row in range {
            let (from, to) = (input + row * length, output + row * length)
            if logarithm {
              Self.logSoftmaxRow(from, to, length)
            } else {
              Self.softmaxRow(from, to, length)
            }
          }
        }
      }
    }
    var back = order
    for (position, axis) in order.enumerated() { back[axis] = position }
    return try result.permuted(back).contiguous(x.preferredFormat)
  }

  /// exp(x − max) / Σ exp(x − max). A row of −∞ alone, or with a NaN, becomes NaN, as in PyTorch.
  static func softmaxRow<S: PlainScalar>(
    _ input: UnsafePointer<S>, _ output: UnsafeMutablePointer<S>, _ length: Int
  ) {
    let maximum = Extremes.maximum(input, length)
    for i in 0..<length { output[i] = S.exponential(input[i] - maximum) }
    let total = RowSums.sum(output, length)
    for i in 0..<length { output[i] /= total }
  }

  /// x − max − log Σ exp(x − max).
  static func logSoftmaxRow<S: PlainScalar>(
    _ input: UnsafePointer<S>, _ output: UnsafeMutablePointer<S>, _ length: Int
  ) {
    let maximum = Extremes.maximum(input, length)
    for i in 0..<length { output[i] = S.exponential(input[i] - maximum) }
    let logarithm = S.logarithm(RowSums.sum(output, length))
    for i in 0..<length { output[i] = input[i] - maximum - logarithm }
  }
}
