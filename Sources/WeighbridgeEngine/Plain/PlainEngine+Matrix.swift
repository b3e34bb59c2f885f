import WeighbridgeParallel
import WeighbridgeTensors

/// Linear maps and matrix products.
extension PlainEngine {
  package func linear(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    let result =
      x.dtype == .float64
      ? try linear(x, weight: weight, bias: bias, cache: cache, Double.self)
      : try linear(x, weight: weight, bias: bias, cache: cache, Float.self)
    return try finish(result, epilogue)
  }

  private func linear<S: PlainScalar>(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, cache: OperatorCache, _: S.Type
  ) throws -> Tensor {
    let (columns, depth) = (weight.shape[0], weight.shape[1])
    let rows = try x.reshaped([Shape(x.shape.dropLast()).elementCount, depth]).withUnitLastStride()
    let panels: MatrixPanels<S> = try cache.value(.init("plain.linear.\(S.dtype)")) {
      try MatrixPanels(matrix: weight.values(in: S.dtype).transposed())
    }
    let bias = try bias?.contiguous()
    return try Tensor(shape: Shape(x.shape.dropLast() + [columns])) {
      (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress else { return }
      try rows.withUnsafeElements { (input: UnsafePointer<S>) in
        try bias.withOptionalElements { bias in
          let step = rows.strides[0]
          MatrixProduct(
            rowCount: rows.shape[0], runOffsets: [0], runLength: depth, panels: panels, group: 0,
            bias: bias, output: output, outputStep: columns
          ).run { input + $0 * step }
        }
      }
    }
  }

  package func matmul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    a.dtype == .float64 ? try matmul(a, b, Double.self) : try matmul(a, b, Float.self)
  }

  /// One product per index of the leading axes: each on all threads where there are few, else each
  /// on one.
  private func matmul<S: PlainScalar>(_ a: Tensor, _ b: Tensor, _: S.Type) throws -> Tensor {
    let lead = Array(a.shape.dropLast(2))
    let batches = lead.reduce(1, *)
    let (rowCount, depth, columns) = (a.shape[a.rank - 2], a.shape[a.rank - 1], b.shape[b.rank - 1])
    let a = try a.withUnitLastStride()
    let shape = Shape(lead + [rowCount, columns])
    return try Tensor(shape: shape) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, shape.elementCount > 0 else { return }
      try a.withUnsafeElements { (rows: UnsafePointer<S>) in
        let step = a.strides[a.rank - 2]
        func product(_ batch: Int) throws -> (MatrixProduct<S>, UnsafePointer<S>) {
          let product = MatrixProduct(
            rowCount: rowCount, runOffsets: [0], runLength: depth,
            panels: try MatrixPanels<S>(matrix: b.matrix(batch)), group: 0, bias: nil,
            output: output + batch * rowCount * columns, outputStep: columns)
          return (product, rows + (a.matrixOffset(batch) - a.offset))
        }
        if batches < 2 * Parallel.threadCount {
          for batch in 0..<batches {
            let (product, first) = try product(batch)
            product.run { first + $0 * step }
          }
        } else {
          try Parallel.forEachThrowing(batches) { batch in
            let (product, first) = try product(batch)
            product.runSerially { first + $0 * step }
          }
        }
      }
    }
  }
}

extension Tensor {
  /// This tensor where neighbours on the last axis are neighbours in memory, else a copy.
  func withUnitLastStride() throws -> Tensor {
    strides.last == 1 || shape.last == 1 ? self : try contiguous()
  }

  /// The storage index of the first element of a matrix, counted over the leading axes.
  func matrixOffset(_ index: Int) -> Int {
    var rest = index
    var result = offset
    for axis in stride(from: rank - 3, through: 0, by: -1) {
      result += rest % shape[axis] * strides[axis]
      rest /= shape[axis]
    }
    return result
  }

  /// One of the matrices that the leading axes count.
  func matrix(_ index: Int) -> Tensor {
    Tensor(
      dtype: dtype, shape: [shape[rank - 2], shape[rank - 1]],
      strides: [strides[rank - 2], strides[rank - 1]], offset: matrixOffset(index),
      storage: storage)
  }
}

extension Optional where Wrapped == Tensor {
  /// Calls `body` with the address of the first element, or with `nil` for no tensor.
  @inline(__always)
  func withOptionalElements<S: PlainScalar, R: Sendable>(
    _ body: (UnsafePointer<S>?) throws -> R
  ) throws -> R {
    switch self {
    case .none: try body(nil)
    case .some(let tensor): try tensor.withUnsafeElements { try body($0) }
    }
  }
}

extension Parallel {
  /// `forEach` with a body that may throw; the first error is thrown when all threads are done.
  static func forEachThrowing(_ count: Int, _ body: (Int) throws -> Void) throws {
    let failure = FirstError()
    forEach(count) { index in
      do { try body(index) } catch { failure.keep(error) }
    }
    if let error = failure.error { throw error }
  }
}
