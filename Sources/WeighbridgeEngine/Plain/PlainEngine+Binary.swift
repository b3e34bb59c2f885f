import WeighbridgeTensors

extension PlainEngine {
  package func binary(
    _ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    a.dtype == .float64
      ? try binary(operation, a, b, output, Double.self)
      : try binary(operation, a, b, output, Float.self)
  }

  private func binary<S: PlainScalar>(
    _ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, _ output: Shape, _: S.Type
  ) throws -> Tensor {
    switch operation {
    case .add: try combine(a, b, output) { (x: S, y: S) in x + y }
    case .subtract: try combine(a, b, output) { (x: S, y: S) in x - y }
    case .multiply: try combine(a, b, output) { (x: S, y: S) in x * y }
    case .divide: try combine(a, b, output) { (x: S, y: S) in x / y }
    case .minimum: try combine(a, b, output) { (x: S, y: S) in RowSums.smaller(x, y) }
    case .maximum: try combine(a, b, output) { (x: S, y: S) in RowSums.larger(x, y) }
    }
  }

  /// The result lies in memory like the operand that has its shape, `a` before `b`.
  @inline(__always)
  private func combine<S: PlainScalar>(
    _ a: Tensor, _ b: Tensor, _ output: Shape, _ operation: (S, S) -> S
  ) throws -> Tensor {
    let strides = Self.outputStrides(a, b, output)
    let (a, b) = (
      try a.arranged(as: strides, output).expanded(to: output),
      try b.arranged(as: strides, output).expanded(to: output)
    )
    let loop = StridedLoop(shape: output, output: strides, a: a.strides, b: b.strides)
    let byteCount = output.elementCount * S.dtype.byteCount
    let storage = try a.withUnsafeElements { (left: UnsafePointer<S>) in
      try b.withUnsafeElements { (right: UnsafePointer<S>) in
        try TensorStorage(byteCount: byteCount) { bytes in
          guard byteCount > 0, let target = bytes.bindMemory(to: S.self).baseAddress else { return }
          let (aStep, bStep) = (loop.innerSteps.a, loop.innerSteps.b)
          loop.forEachRun { start, aStart, bStart, count in
            let (out, x, y) = (target + start, left + aStart, right + bStart)
            switch (aStep, bStep) {
            case (1, 1): for i in 0..<count { out[i] = operation(x[i], y[i]) }
            case (1, 0):
              let value = y[0]
              for i in 0..<count { out[i] = operation(x[i], value) }
            case (0, 1):
              let value = x[0]
              for i in 0..<count { out[i] = operation(value, y[i]) }
            default:
              for i in 0..<count { out[i] = operation(x[i &* aStep], y[i &* bStep]) }
            }
          }
        }
      }
    }
    return Tensor(dtype: S.dtype, shape: output, strides: strides, offset: 0, storage: storage)
  }

  /// Dense strides for the result.
  private static func outputStrides(_ a: Tensor, _ b: Tensor, _ output: Shape) -> [Int] {
    for operand in [a, b] where operand.shape == output {
      return operand.isPacked
        ? operand.strides : operand.preferredFormat.strides(of: output)
    }
    return output.contiguousStrides
  }
}

extension Tensor {
  /// A copy in the given strides where this tensor has the full shape and another order of memory,
  /// so that loops run along memory on both sides; else itself.
  fileprivate func arranged(as strides: [Int], _ output: Shape) throws -> Tensor {
    guard shape == output, self.strides != strides, rank == 4, !self.strides.contains(0) else {
      return self
    }
    if strides == MemoryFormat.channelsLast.strides(of: output) {
      return try contiguous(.channelsLast)
    }
    return strides == output.contiguousStrides ? try contiguous() : self
  }
}
