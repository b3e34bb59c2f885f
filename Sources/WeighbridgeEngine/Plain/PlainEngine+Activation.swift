import WeighbridgeTensors

extension PlainEngine {
  package func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor {
    x.dtype == .float64
      ? try activate(x, activation, Double.self) : try activate(x, activation, Float.self)
  }

  /// Every case is its own loop, so that none decides anything per element but by its formula.
  private func activate<S: PlainScalar>(
    _ x: Tensor, _ activation: Activation, _: S.Type
  ) throws -> Tensor {
    switch activation {
    case .relu: try x.mappedElements { (v: S) in v < 0 ? 0 : v }
    case .relu6: try x.mappedElements { (v: S) in v < 0 ? 0 : (v > 6 ? 6 : v) }
    case .leakyReLU(let slope):
      try leakyReLU(x, S(slope))
    case .gelu: try x.mappedElements(grain: 2048) { (v: S) in Self.gelu(v) }
    case .geluTanh: try x.mappedElements(grain: 2048) { (v: S) in Self.geluTanh(v) }
    case .geluQuick: try x.mappedElements(grain: 2048) { (v: S) in v * Self.sigmoid(1.702 * v) }
    case .silu: try x.mappedElements(grain: 2048) { (v: S) in v * Self.sigmoid(v) }
    case .sigmoid: try x.mappedElements(grain: 2048) { (v: S) in Self.sigmoid(v) }
    case .hardSigmoid: try x.mappedElements { (v: S) in Self.hardSigmoid(v) }
    case .hardSwish: try x.mappedElements { (v: S) in v * Self.hardSigmoid(v) }
    case .tanh: try x.mappedElements(grain: 2048) { (v: S) in S.hyperbolicTangent(v) }
    case .elu(let alpha): try elu(x, S(alpha))
    case .softplus: try x.mappedElements(grain: 2048) { (v: S) in Self.softplus(v) }
    }
  }

  private func leakyReLU<S: PlainScalar>(_ x: Tensor, _ slope: S) throws -> Tensor {
    try x.mappedElements { (v: S) in v > 0 ? v : v * slope }
  }

  private func elu<S: PlainScalar>(_ x: Tensor, _ alpha: S) throws -> Tensor {
    try x.mappedElements(grain: 2048) { (v: S) in
      v > 0 ? v : alpha * S.exponentialMinusOne(v)
    }
  }

  @inline(__always)
  private static func gelu<S: PlainScalar>(_ v: S) -> S {
    0.5 * v * (1 + S.errorFunction(v * S(0.5).squareRoot()))
  }

  @inline(__always)
  private static func geluTanh<S: PlainScalar>(_ v: S) -> S {
    let inner = S(0.797884560802865355879892119868763737) * (v + S(0.044715) * v * v * v)
    return 0.5 * v * (1 + S.hyperbolicTangent(inner))
  }

  @inline(__always)
  static func sigmoid<S: PlainScalar>(_ v: S) -> S {
    1 / (1 + S.exponential(-v))
  }

  @inline(__always)
  private static func hardSigmoid<S: PlainScalar>(_ v: S) -> S {
    let moved = v + 3
    return (moved < 0 ? 0 : (moved > 6 ? 6 : moved)) / 6
  }

  /// max(v, 0) + ln(1 + e^−|v|): the definition without its overflow.
  @inline(__always)
  private static func softplus<S: PlainScalar>(_ v: S) -> S {
    (v < 0 ? 0 : v) + S.logarithmOnePlus(S.exponential(-abs(v)))
  }
}
