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
    case .reciprocalSquareRoot: try x.mapped(ReciprocalSquareRoot<S>(), grain: costly)
    case .reciprocal: try x.mapped(Reciprocal<S>())
    case .exponentialMinusOne: try x.mapped(ExponentialMinusOne<S>(), grain: costly)
    case .logarithmOnePlus: try x.mapped(LogarithmOnePlus<S>(), grain: costly)
    case .errorFunction: try x.mapped(ErrorFunction<S>(), grain: costly)
    case .rounded: try x.mapped(Rounded<S>(rule: .toNearestOrEven))
    case .floor: try x.mapped(Rounded<S>(rule: .down))
    case .ceiling: try x.mapped(Rounded<S>(rule: .up))
    case .truncated: try x.mapped(Rounded<S>(rule: .towardZero))
    case .sign: try x.mapped(Sign<S>())
    case .power(let exponent): try power(x, S(exponent), grain: costly)
    case .clamp(let lower, let upper): try x.mapped(Clamp<S>(lower: S(lower), upper: S(upper)))
    case .affine(let scale, let shift): try x.mapped(Affine<S>(scale: S(scale), shift: S(shift)))
    }
  }

  /// PyTorch computes some exponents by roots and products, which differ at infinities and zeros.
  private func power<S: PlainScalar>(_ x: Tensor, _ exponent: S, grain: Int) throws -> Tensor {
    switch exponent {
    case 0.5: try x.mapped(SquareRoot<S>(), grain: grain)
    case 2: try x.mapped(Square<S>())
    case 3: try x.mapped(Cube<S>())
    case -0.5: try x.mapped(ReciprocalSquareRoot<S>(), grain: grain)
    case -1: try x.mapped(Reciprocal<S>())
    case -2: try x.mapped(ReciprocalSquare<S>())
    default: try x.mapped(Power<S>(exponent: exponent), grain: grain)
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

private struct ReciprocalSquareRoot<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { 1 / x.squareRoot() }
}

private struct Reciprocal<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { 1 / x }
}

private struct ReciprocalSquare<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { 1 / (x * x) }
}

private struct Cube<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x * x * x }
}

private struct Power<S: PlainScalar>: ElementFunction {
  let exponent: S
  @inline(__always) func callAsFunction(_ x: S) -> S { S.power(x, exponent) }
}

private struct ExponentialMinusOne<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.exponentialMinusOne(x) }
}

private struct LogarithmOnePlus<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.logarithmOnePlus(x) }
}

private struct ErrorFunction<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.errorFunction(x) }
}

private struct Rounded<S: PlainScalar>: ElementFunction {
  let rule: FloatingPointRoundingRule
  @inline(__always) func callAsFunction(_ x: S) -> S { x.rounded(rule) }
}

private struct Sign<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x > 0 ? 1 : x < 0 ? -1 : 0 }
}
