import WeighbridgeTensors

extension PlainEngine {
  package func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
    x.dtype == .float64 ? try unary(operation, x, Double.self) : try unary(operation, x, Float.self)
  }

  private func unary<S: PlainScalar>(
    _ operation: UnaryOperation, _ x: Tensor, _: S.Type
  ) throws -> Tensor {
    try x.mappedRuns(S.self, grain: operation.grain) { Elements.map(operation, $0, $1, $2) }
  }
}

extension UnaryOperation {
  /// The least number of elements worth a thread of its own.
  fileprivate var grain: Int {
    switch self {
    case .negate, .absolute, .square, .reciprocal, .rounded, .floor, .ceiling, .truncated, .sign,
      .clamp, .affine, .power(2), .power(3), .power(-1), .power(-2):
      32768
    default: 4096
    }
  }
}

extension Elements {
  /// An elementwise operator on neighbours.
  static func map<S: PlainScalar>(
    _ operation: UnaryOperation, _ input: UnsafePointer<S>, _ output: UnsafeMutablePointer<S>,
    _ count: Int
  ) {
    switch operation {
    case .negate: map(input, output, count, Negation())
    case .absolute: map(input, output, count, AbsoluteValue())
    case .square: map(input, output, count, Square())
    case .squareRoot: map(input, output, count, SquareRoot())
    case .exponential: map(input, output, count, Exponential())
    case .logarithm: map(input, output, count, Logarithm())
    case .sine: map(input, output, count, Sine())
    case .cosine: map(input, output, count, Cosine())
    case .reciprocalSquareRoot: map(input, output, count, ReciprocalSquareRoot())
    case .reciprocal: map(input, output, count, Reciprocal())
    case .exponentialMinusOne: map(input, output, count, ExponentialMinusOne())
    case .logarithmOnePlus: map(input, output, count, LogarithmOnePlus())
    case .errorFunction: map(input, output, count, ErrorFunction())
    case .rounded: map(input, output, count, Rounded(rule: .toNearestOrEven))
    case .floor: map(input, output, count, Rounded(rule: .down))
    case .ceiling: map(input, output, count, Rounded(rule: .up))
    case .truncated: map(input, output, count, Rounded(rule: .towardZero))
    case .sign: map(input, output, count, Sign())
    case .power(let exponent): power(input, output, count, S(exponent))
    case .clamp(let lower, let upper):
      map(input, output, count, Clamp(lower: S(lower), upper: S(upper)))
    case .affine(let scale, let shift):
      map(input, output, count, Affine(scale: S(scale), shift: S(shift)))
    }
  }

  /// PyTorch computes some exponents by roots and products, which differ at infinities and zeros.
  private static func power<S: PlainScalar>(
    _ input: UnsafePointer<S>, _ output: UnsafeMutablePointer<S>, _ count: Int, _ exponent: S
  ) {
    switch exponent {
    case 0.5: map(input, output, count, SquareRoot())
    case 2: map(input, output, count, Square())
    case 3: map(input, output, count, Cube())
    case -0.5: map(input, output, count, ReciprocalSquareRoot())
    case -1: map(input, output, count, Reciprocal())
    case -2: map(input, output, count, ReciprocalSquare())
    default: map(input, output, count, Power(exponent: exponent))
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
