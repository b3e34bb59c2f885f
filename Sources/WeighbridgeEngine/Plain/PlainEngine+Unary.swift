import WeighbridgeTensors

extension PlainEngine {
  package func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
    x.dtype == .float64 ? try unary(operation, x, Double.self) : try unary(operation, x, Float.self)
  }

  private func unary<S: PlainScalar>(
    _ operation: UnaryOperation, _ x: Tensor, _: S.Type
  ) throws -> Tensor {
    let costly = 4096
    return switch operation {
    case .negate: try x.mapped(Negation<S>())
    case .absolute: try x.mapped(AbsoluteValue<S>())
    case .square: try x.mapped(Square<S>())
    case .squareRoot: try x.mapped(SquareRoot<S>(), grain: costly)
    case .exponential: try x.mapped(Exponential<S>(), grain: costly)
    case .logarithm: try x.mapped(Logarithm<S>(), grain: costly)
    case .sine: try x.mapped(Sine<S>(), grain: costly)
    case .cosine: try x.mapped(Cosine<S>(), grain: costly)
    case .clamp(let lower, let upper): try x.mapped(Clamp<S>(lower: S(lower), upper: S(upper)))
    case .affine(let scale, let shift): try x.mapped(Affine<S>(scale: S(scale), shift: S(shift)))
    }
  }
}

private struct Negation<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { -x }
}

private struct AbsoluteValue<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { abs(x) }
}

private struct Square<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x * x }
}

private struct SquareRoot<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x.squareRoot() }
}

private struct Exponential<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.exponential(x) }
}

private struct Logarithm<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.logarithm(x) }
}

private struct Sine<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.sine(x) }
}

private struct Cosine<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.cosine(x) }
}

/// As PyTorch: NaN stays, and the upper limit wins where the limits cross.
struct Clamp<S: PlainScalar>: ElementFunction {
  let lower: S
  let upper: S
  @inline(__always) func callAsFunction(_ x: S) -> S {
    let raised = x < lower ? lower : x
    return raised > upper ? upper : raised
  }
}

/// scale·x + shift.
private struct Affine<S: PlainScalar>: ElementFunction {
  let scale: S
  let shift: S
  @inline(__always) func callAsFunction(_ x: S) -> S { scale * x + shift }
}
