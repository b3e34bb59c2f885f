import WeighbridgeTensors

extension PlainEngine {
  package func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor {
    x.dtype == .float64
      ? try activate(x, activation, Double.self) : try activate(x, activation, Float.self)
  }

  /// Every case is a loop of its own, so that none decides anything per element but by its formula.
  private func activate<S: PlainScalar>(
    _ x: Tensor, _ activation: Activation, _: S.Type
  ) throws -> Tensor {
    let costly = 4096
    return switch activation {
    case .relu: try x.mapped(ReLU<S>())
    case .relu6: try x.mapped(Clamp<S>(lower: 0, upper: 6))
    case .leakyReLU(let slope): try x.mapped(LeakyReLU<S>(slope: S(slope)))
    case .gelu: try x.mapped(GELU<S>(), grain: costly)
    case .geluTanh: try x.mapped(GELUTanh<S>(), grain: costly)
    case .geluQuick: try x.mapped(Swish<S>(factor: 1.702), grain: costly)
    case .silu: try x.mapped(Swish<S>(factor: 1), grain: costly)
    case .sigmoid: try x.mapped(Sigmoid<S>(), grain: costly)
    case .hardSigmoid: try x.mapped(HardSigmoid<S>())
    case .hardSwish: try x.mapped(HardSwish<S>())
    case .tanh: try x.mapped(HyperbolicTangent<S>(), grain: costly)
    case .elu(let alpha): try x.mapped(ELU<S>(alpha: S(alpha)), grain: costly)
    case .softplus: try x.mapped(Softplus<S>(), grain: costly)
    }
  }
}

/// max(x, 0), and NaN for NaN.
struct ReLU<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x < 0 ? 0 : x }
}

private struct LeakyReLU<S: PlainScalar>: ElementFunction {
  let slope: S
  @inline(__always) func callAsFunction(_ x: S) -> S { x > 0 ? x : x * slope }
}

/// ½·x·(1 + erf(x/√2)).
private struct GELU<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S {
    S(0.5) * x * (1 + S.errorFunction(x * S(0.70710678118654752440)))
  }
}

/// ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
private struct GELUTanh<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S {
    let inner = S(0.79788456080286535588) * (x + S(0.044715) * (x * x * x))
    return S(0.5) * x * (1 + S.hyperbolicTangent(inner))
  }
}

/// 1 / (1 + e⁻ˣ).
private struct Sigmoid<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { 1 / (1 + S.exponential(-x)) }
}

/// x·sigmoid(factor·x).
private struct Swish<S: PlainScalar>: ElementFunction {
  let factor: S
  @inline(__always) func callAsFunction(_ x: S) -> S { x / (1 + S.exponential(-(factor * x))) }
}

/// min(max(x + 3, 0), 6) / 6.
private struct HardSigmoid<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { Clamp(lower: 0, upper: 6)(x + 3) / 6 }
}

/// x·min(max(x + 3, 0), 6) / 6.
private struct HardSwish<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x * Clamp(lower: 0, upper: 6)(x + 3) / 6 }
}

private struct HyperbolicTangent<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { S.hyperbolicTangent(x) }
}

private struct ELU<S: PlainScalar>: ElementFunction {
  let alpha: S
  @inline(__always) func callAsFunction(_ x: S) -> S {
    x > 0 ? x : alpha * S.exponentialMinusOne(x)
  }
}

/// max(x, 0) + ln(1 + e^−|x|): ln(1 + eˣ) without its overflow.
private struct Softplus<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S {
    (x < 0 ? 0 : x) + S.logarithmOnePlus(S.exponential(-abs(x)))
  }
}
