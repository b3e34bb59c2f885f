import WeighbridgeTensors

extension PlainEngine {
  package func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
    x.dtype == .float64 ? try unary(operation, x, Double.self) : try unary(operation, x, Float.self)
  }

  private func unary<S: PlainScalar>(
    _ operation: UnaryOperation, _ x: Tensor, _: S.Type
  ) throws -> Tensor {
    switch operation {
    case .negate: try x.mappedElements { (v: S) in -v }
    case .absolute: try x.mappedElements { (v: S) in abs(v) }
    case .square: try x.mappedElements { (v: S) in v * v }
    case .squareRoot: try x.mappedElements { (v: S) in v.squareRoot() }
    case .exponential: try x.mappedElements(grain: 2048) { (v: S) in S.exponential(v) }
    case .logarithm: try x.mappedElements(grain: 2048) { (v: S) in S.logarithm(v) }
    case .sine: try x.mappedElements(grain: 2048) { (v: S) in S.sine(v) }
    case .cosine: try x.mappedElements(grain: 2048) { (v: S) in S.cosine(v) }
    case .clamp(let lower, let upper): try clamp(x, S(lower), S(upper))
    case .affine(let scale, let shift): try affine(x, S(scale), S(shift))
    }
  }

  /// As PyTorch: NaN stays, and the upper limit wins where the limits cross.
  private func clamp<S: PlainScalar>(_ x: Tensor, _ lower: S, _ upper: S) throws -> Tensor {
    try x.mappedElements { (v: S) in
      let raised = v < lower ? lower : v
      return raised > upper ? upper : raised
    }
  }

  private func affine<S: PlainScalar>(_ x: Tensor, _ scale: S, _ shift: S) throws -> Tensor {
    try x.mappedElements { (v: S) in scale * v + shift }
  }
}
