import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  package func reduce(_ operation: Reduction, _ x: Tensor, axes: [Int]) throws -> Tensor {
    let count = axes.reduce(1) { $0 * x.shape[$1] }
    if count == 0 && (operation == .maximum || operation == .minimum) {
      throw WeighbridgeError(
        .shape, "there is no \(operation.rawValue) of no elements of \(x.shape)")
    }
    return x.dtype == .float64
      ? try reduce(operation, x, axes, Double.self) : try reduce(operation, x, axes, Float.self)
  }

  private func reduce<S: PlainScalar>(
    _ operation: Reduction, _ x: Tensor, _ axes: [Int], _: S.Type
  ) throws -> Tensor {
    let layout = try ReductionLayout(x, axes: axes)
    let (outer, length, inner) = (layout.outer, layout.length, layout.inner)
    let storage = try TensorStorage(byteCount: outer * inner * S.dtype.byteCount) { bytes in
      guard outer * inner > 0, let output = bytes.bindMemory(to: S.self).baseAddress else { return }
      try layout.source.withUnsafeElements { (input: UnsafePointer<S>) in
        if inner == 1 {
          Parallel.forRanges(outer, grain: max(1, 16384 / max(1, length))) { range in
            for row in range {
              output[row] = Self.reduceRow(operation, input + row * length, length)
            }
          }
        } else {
          Self.reduceColumns(operation, input, output, outer: outer, length: length, inner: inner)
        }
      }
    }
    return Tensor(
      dtype: S.dtype, shape: layout.shape, strides: layout.strides, offset: 0, storage: storage)
  }

  /// The reduction of neighbours. Sums run in blocks (see `RowSums`).
  private static func reduceRow<S: PlainScalar>(
    _ operation: Reduction, _ input: UnsafePointer<S>, _ count: Int
  ) -> S {
    switch operation {
    case .sum: return RowSums.sum(input, count)
    case .mean: return RowSums.sum(input, count) / S(count)
    case .product: return Products.product(input, count)
    case .maximum: return Extremes.maximum(input, count)
    case .minimum: return Extremes.minimum(input, count)
    }
  }

  /// Columns are reduced side by side, a block of them at a time.
  private static func reduceColumns<S: PlainScalar>(
    _ operation: Reduction, _ input: UnsafePointer<S>, _ output: UnsafeMutablePointer<S>,
    outer: Int, length: Int, inner: Int
  ) {
    let width = min(inner, 256)
    let blocks = (inner + width - 1) / width
    Parallel.forRanges(outer * blocks, grain: max(1, 16384 / max(1, length * width))) { range in
      for index in range {
        let first = index % blocks * width
        let count = min(width, inner - first)
        let from = input + index / blocks * length * inner + first
        let to = output + index / blocks * inner + first
        switch operation {
        case .sum, .mean:
          ColumnSums.sum(from, step: inner, rows: length, to, count)
          if operation == .mean {
            let divisor = S(length)
            for i in 0..<count { to[i] /= divisor }
          }
        case .product:
          to.update(repeating: 1, count: count)
          for row in 0..<length {
            let line = from + row * inner
            for i in 0..<count { to[i] *= line[i] }
          }
        case .maximum:
          to.update(repeating: -.infinity, count: count)
          for row in 0..<length {
            let line = from + row * inner
            for i in 0..<count { to[i] = Extremes.larger(to[i], line[i]) }
          }
        case .minimum:
          to.update(repeating: .infinity, count: count)
          for row in 0..<length {
            let line = from + row * inner
            for i in 0..<count { to[i] = Extremes.smaller(to[i], line[i]) }
          }
        }
      }
    }
  }
}

/// Products of scalars, which round once per factor.
enum Products {
  /// The product of a run, from its first scalar to its last; 1 for none.
  static func product<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    var result: S = 1
    for i in 0..<count { result *= input[i] }
    return result
  }
}

/// Sums down the columns of a matrix.
enum ColumnSums {
  /// Writes the sums of `count` columns. Rows are summed in blocks of 64 and the blocks' sums after
  /// them, which bounds a float32 sum's error by about (64 + rows / 64)·2⁻²⁴ of Σ|x|.
  @inline(__always)
  static func sum<S: PlainScalar>(
    _ input: UnsafePointer<S>, step: Int, rows: Int, _ output: UnsafeMutablePointer<S>,
    _ count: Int
  ) {
    output.update(repeating: 0, count: count)
    withUnsafeTemporaryAllocation(of: S.self, capacity: max(1, count)) { buffer in
      guard let partial = buffer.baseAddress else { return }
      for block in stride(from: 0, to: rows, by: 64) {
        partial.initialize(repeating: 0, count: count)
        for row in block..<min(block + 64, rows) {
          let line = input + row * step
          for i in 0..<count { partial[i] += line[i] }
        }
        for i in 0..<count { output[i] += partial[i] }
      }
    }
  }
}

/// A tensor seen as [outer, length, inner] in memory, where `length` counts the reduced elements.
private struct ReductionLayout {
  let source: Tensor
  let outer: Int
  let length: Int
  let inner: Int
  /// The result's shape, 1 on the reduced axes, and its strides.
  let shape: Shape
  let strides: [Int]

  init(_ x: Tensor, axes: [Int]) throws {
    var order = x.shape.indices.sorted { x.strides[$0] > x.strides[$1] }
    // Axes of one element lie anywhere; leave them out of the order of memory.
    order.removeAll { x.shape[$0] == 1 }
    let isReduced = Set(axes)
    let positions = order.indices.filter { isReduced.contains(order[$0]) }
    let first = positions.first ?? order.count
    let isOneBlock = positions.elementsEqual(first..<(first + positions.count))
    var source = x
    if !(x.isPacked && isOneBlock) {
      // Kept axes first, reduced axes last.
      order = x.shape.indices.filter { !isReduced.contains($0) } + axes
      source = try x.permuted(order).contiguous()
    }
    var dimensions = x.shape.dimensions
    for axis in axes { dimensions[axis] = 1 }
    var steps = [Int](repeating: 1, count: x.rank)
    var (outer, length, inner) = (1, 1, 1)
    var isBehind = true  // the axes visited so far lie behind the reduced ones in memory
    for axis in order.reversed() {
      if isReduced.contains(axis) {
        length *= x.shape[axis]
        isBehind = false
      } else {
        steps[axis] = outer * inner
        if isBehind && !positions.isEmpty { inner *= x.shape[axis] } else { outer *= x.shape[axis] }
      }
    }
    (self.source, self.outer, self.length, self.inner) = (source, outer, length, inner)
    shape = Shape(dimensions)
    strides = steps
  }
}
