import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  /// The definition, step by step. A query that the bias leaves no key to see, so that its scores are
  /// all −∞, gets zeros, as in PyTorch's `scaled_dot_product_attention`.
  package func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?
  ) throws -> Tensor {
    if bias != nil || q.shape.dropLast(2).reduce(1, *) >= Parallel.threadCount {
      return q.dtype == .float64
        ? try attentionByHead(q, k, v, scale, bias, Double.self)
        : try attentionByHead(q, k, v, scale, bias, Float.self)
    }
    var scores = try matmul(q, k.transposed())
    if scale != 1 { scores = try unary(.affine(scale: scale, shift: 0), scores) }
    let weights = try softmax(scores, axis: scores.rank - 1, logarithm: false)
    return try matmul(weights, v)
  }

  /// The same, one thread per index of the leading axes, whose scores stay in the nearest caches.
  private func attentionByHead<S: PlainScalar>(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ scale: Double, _ bias: Tensor?, _: S.Type
  ) throws -> Tensor {
    let lead = Array(q.shape.dropLast(2))
    let (n, m, width) = (q.shape[q.rank - 2], k.shape[k.rank - 2], v.shape[v.rank - 1])
    let bias = try bias?.expanded(to: Shape(lead + [n, m]))
    let queries = try q.withUnitLastStride()
    let keys = try k.transposed()
    return try Tensor(shape: Shape(lead + [n, width])) {
      (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress else { return }
      try queries.withUnsafeElements { (rows: UnsafePointer<S>) in
        try bias.withOptionalElements { (biases: UnsafePointer<S>?) in
          try Parallel.forEachThrowing(lead.reduce(1, *)) { index in
            let head = AttentionHead(
              keys: try MatrixPanels<S>(matrix: keys.matrix(index)),
              values: try MatrixPanels<S>(matrix: v.matrix(index)), scale: S(scale))
            let first = rows + (queries.matrixOffset(index) - queries.offset)
            head.run(
              first, step: queries.strides[q.rank - 2], rows: n,
              bias: bias.flatMap { bias in
                biases.map {
                  ScoreBias($0 + (bias.matrixOffset(index) - bias.offset), bias.strides)
                }
              }, output + index * n * width)
          }
        }
      }
    }
  }
}

/// What is added to the scores of one head: element [i, j] lies `i·rowStep + j·columnStep` on.
private struct ScoreBias<S: PlainScalar> {
  let values: UnsafePointer<S>
  let rowStep: Int
  let columnStep: Int

  init(_ values: UnsafePointer<S>, _ strides: [Int]) {
    self.values = values
    (rowStep, columnStep) = (strides[strides.count - 2], strides[strides.count - 1])
  }
}

private struct AttentionHead<S: PlainScalar> {
  let keys: MatrixPanels<S>
  let values: MatrixPanels<S>
  let scale: S

  /// softmax(q·kᵀ·scale + bias)·v for `rows` queries that lie `step` apart.
  func run(
    _ queries: UnsafePointer<S>, step: Int, rows: Int, bias: ScoreBias<S>?,
    _ output: UnsafeMutablePointer<S>
  ) {
    let count = keys.columns
    withUnsafeTemporaryAllocation(of: S.self, capacity: max(1, rows * count)) { buffer in
      guard let scores = buffer.baseAddress else { return }
      scores.initialize(repeating: 0, count: rows * count)
      MatrixProduct(
        rowCount: rows, runOffsets: [0], runLength: keys.depth, panels: keys, group: 0, bias: nil,
        output: scores, outputStep: count
      ).runSerially { queries + $0 * step }
      for row in 0..<rows {
        let line = scores + row * count
        for i in 0..<count { line[i] *= scale }
        if let bias {
          let added = bias.values + row * bias.rowStep
          for i in 0..<count { line[i] += added[i * bias.columnStep] }
          if Extremes.isMinusInfinity(line, count) {
            line.update(repeating: 0, count: count)
            continue
          }
        }
        PlainEngine.softmaxRow(line, line, count)
      }
      MatrixProduct(
        rowCount: rows, runOffsets: [0], runLength: count, panels: values, group: 0, bias: nil,
        output: output, outputStep: values.columns
      ).runSerially { UnsafePointer(scores) + $0 * count }
    }
  }
}
