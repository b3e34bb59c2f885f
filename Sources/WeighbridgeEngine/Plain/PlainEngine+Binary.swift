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
    case .add: try combine(a, b, output, Sum<S>.self)
    case .subtract: try combine(a, b, output, Difference<S>.self)
    case .multiply: try combine(a, b, output, Product<S>.self)
    case .divide: try combine(a, b, output, Quotient<S>.self)
    case .minimum: try combine(a, b, output, Smaller<S>.self)
    case .maximum: try combine(a, b, output, Larger<S>.self)
    case .power: try combine(a, b, output, Power<S>.self)
    case .floorDivide: try combine(a, b, output, FloorQuotient<S>.self)
    case .remainder: try combine(a, b, output, FloorRemainder<S>.self)
    }
  }

  /// The result lies in memory like the operand that has its shape, `a` before `b`.
  private func combine<Function: ElementPairFunction>(
    _ a: Tensor, _ b: Tensor, _ output: Shape, _ function: Function.Type
  ) throws -> Tensor {
    typealias S = Function.Scalar
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
          loop.forEachRun { start, aStart, bStart, count in
            Elements.combine(
              left + aStart, loop.innerSteps.a, right + bStart, loop.innerSteps.b, target + start,
              count, function)
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

/// A function of two scalars, as a type, so that loops are compiled for each of them.
private protocol ElementPairFunction<Scalar> {
  associatedtype Scalar: PlainScalar
  static func apply(_ a: Scalar, _ b: Scalar) -> Scalar
}

private enum Sum<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { a + b }
}

private enum Difference<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { a - b }
}

private enum Product<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { a * b }
}

private enum Quotient<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { a / b }
}

private enum Smaller<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { Extremes.smaller(a, b) }
}

private enum Larger<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { Extremes.larger(a, b) }
}

private enum Power<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S { S.power(a, b) }
}

/// Python's floor division: from the exact remainder, since a / b may round up to a whole number.
private enum FloorQuotient<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S {
    guard b != 0 else { return a / b }
    let rest = a.truncatingRemainder(dividingBy: b)
    var quotient = (a - rest) / b
    if rest != 0, (b < 0) != (rest < 0) { quotient -= 1 }
    guard quotient != 0 else { return S(signOf: a / b, magnitudeOf: 0) }
    let floor = quotient.rounded(.down)
    return quotient - floor > 0.5 ? floor + 1 : floor
  }
}

private enum FloorRemainder<S: PlainScalar>: ElementPairFunction {
  @inline(__always) static func apply(_ a: S, _ b: S) -> S {
    let rest = a.truncatingRemainder(dividingBy: b)
    return rest != 0 && (b < 0) != (rest < 0) ? rest + b : rest
  }
}

extension Elements {
  /// An elementwise operator on a run, with steps of 0 or 1.
  static func combine<S: PlainScalar>(
    _ operation: BinaryOperation, _ a: UnsafePointer<S>, _ aStep: Int, _ b: UnsafePointer<S>,
    _ bStep: Int, _ output: UnsafeMutablePointer<S>, _ count: Int
  ) {
    switch operation {
    case .add: combine(a, aStep, b, bStep, output, count, Sum<S>.self)
    case .subtract: combine(a, aStep, b, bStep, output, count, Difference<S>.self)
    case .multiply: combine(a, aStep, b, bStep, output, count, Product<S>.self)
    case .divide: combine(a, aStep, b, bStep, output, count, Quotient<S>.self)
    case .minimum: combine(a, aStep, b, bStep, output, count, Smaller<S>.self)
    case .maximum: combine(a, aStep, b, bStep, output, count, Larger<S>.self)
    case .power: combine(a, aStep, b, bStep, output, count, Power<S>.self)
    case .floorDivide: combine(a, aStep, b, bStep, output, count, FloorQuotient<S>.self)
    case .remainder: combine(a, aStep, b, bStep, output, count, FloorRemainder<S>.self)
    }
  }

  /// One run of results. A step of 0 repeats one value; the steps that occur most have loops of their
  /// own, which compile to vector instructions.
  fileprivate static func combine<Function: ElementPairFunction>(
    _ a: UnsafePointer<Function.Scalar>, _ aStep: Int, _ b: UnsafePointer<Function.Scalar>,
    _ bStep: Int, _ output: UnsafeMutablePointer<Function.Scalar>, _ count: Int,
    _: Function.Type
  ) {
    switch (aStep, bStep) {
    case (1, 1):
      for i in 0..<count { output[i] = Function.apply(a[i], b[i]) }
    case (1, 0):
      let value = b[0]
      for i in 0..<count { output[i] = Function.apply(a[i], value) }
    case (0, 1):
      let value = a[0]
      for i in 0..<count { output[i] = Function.apply(value, b[i]) }
    default:
      for i in 0..<count { output[i] = Function.apply(a[i &* aStep], b[i &* bStep]) }
    }
  }
}
