/// Eight float32 values at a time: what the compiler turns into two SSE or NEON registers.
typealias Lanes = SIMD8<Float>

/// A function of each of eight values.
protocol LaneFunction: Sendable {
  func callAsFunction(_ x: Lanes) -> Lanes
}

/// Elementary functions without branches, so that eight values take hardly longer than one.
///
/// The polynomials are least-maximum fits made for these ranges; the errors given were measured
/// against float64, in units of 2⁻²⁴ of the result. Every function hands NaN on.
enum LaneMath {
  /// eˣ, within 1.4 units (RMS 0.5); 0 below −104, infinite above 88.73.
  @inline(__always)
  static func exponential(_ x: Lanes) -> Lanes {
    var x = x
    // What is 0 in the end is worked out as e⁰: a result below the smallest normal number costs a
    // hundred cycles, and masks are full of them.
    let isZero = x .< -104
    x.replace(with: 0, where: isZero)
    x.replace(with: 89, where: x .> 89)
    // Adding 1.5·2²³ rounds to an integer n and leaves it in the low bits. Then x = n·ln 2 + r, with
    // ln 2 in two parts, of which the first has so few bits that its product with n is exact.
    let shifted = x * 1.442_695_04 + 12_582_912
    let n = shifted - 12_582_912
    let r = (x - n * 0.693_359_375) - n * -2.121_944_4e-4
    var p = r * 0.001_381_456_4 + 0.008_368_731_5
    p = p * r + 0.041_668_389
    p = p * r + 0.166_665_21
    p = p * r + 0.499_999_94
    let power = (p * (r * r) + r) + 1
    // 2ⁿ in two factors, so that neither overflows and subnormal results round once.
    let exponent =
      unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- Int32(bitPattern: 0x4b40_0000)
    let half = exponent &>> 1
    let result = power * powerOfTwo(half) * powerOfTwo(exponent &- half)
    return result.replacing(with: 0, where: isZero)
  }

  /// 2ⁿ for −126 ≤ n ≤ 127.
  @inline(__always)
  private static func powerOfTwo(_ n: SIMD8<Int32>) -> Lanes {
    unsafeBitCast((n &+ 127) &<< 23, to: Lanes.self)
  }

  /// 1/(1 + e⁻ˣ).
  @inline(__always)
  static func sigmoid(_ x: Lanes) -> Lanes {
    1 / (1 + exponential(-x))
  }

  /// tanh x: x + x³·P(x²) near 0, else 1 − 2/(e²ˣ + 1) with x's sign.
  @inline(__always)
  static func hyperbolicTangent(_ x: Lanes) -> Lanes {
    let square = x * x
    var p = square * -0.005_666_977_3 + 0.020_606_177
    p = p * square - 0.053_730_007
    p = p * square + 0.133_313_313
    p = p * square - 0.333_332_78
    let far = 1 - 2 / (exponential(x + x) + 1)
    return far.replacing(with: x + x * (square * p), where: square .< 0.390_625)
  }

  /// The upper tail of the normal distribution, ½·erfc(t/√2), for t ≥ 0.
  ///
  /// e^(−t²/2)·u·S(p·t·u) with u = 1/(1 + p·t): S falls smoothly from ½, so that nothing cancels.
  @inline(__always)
  static func normalTail(_ t: Lanes) -> Lanes {
    let scaled = t * 0.35
    let u = 1 / (1 + scaled)
    let v = scaled * u
    var s = v * -0.028_901_08 + 0.088_324_13
    s = s * v - 0.062_718_63
    s = s * v - 0.017_121_382
    s = s * v - 0.063_713_07
    s = s * v + 0.102_524_48
    s = s * v + 0.261_060_5
    s = s * v - 0.639_832_9
    s = s * v + 0.5
    return s * u * exponential(t * t * -0.5)
  }
}

/// The activations as functions of eight values.
enum LaneActivations {
  struct ReLU: LaneFunction {
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes {
      x.replacing(with: 0, where: x .< 0)
    }
  }

  struct ReLU6: LaneFunction {
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes {
      x.replacing(with: 0, where: x .< 0).replacing(with: 6, where: x .> 6)
    }
  }

  struct LeakyReLU: LaneFunction {
    let slope: Float
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes {
      (x * slope).replacing(with: x, where: x .> 0)
    }
  }

  /// x·Φ(x), the tail taken from the side where it is small.
  struct GELU: LaneFunction {
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes {
      // Beyond 100 the tail is 0; the bound keeps ∞·0 out.
      let bounded = x.replacing(with: 100, where: x .> 100)
      let small = bounded * LaneMath.normalTail(bounded.replacing(with: -x, where: x .< 0))
      return small.replacing(with: x - small, where: x .>= 0)
    }
  }

  /// x·sigmoid(2y), which is ½·x·(1 + tanh y), with y = √(2/π)·(x + 0.044715·x³).
  struct GELUTanh: LaneFunction {
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes {
      x * LaneMath.sigmoid(1.595_769_1 * (x + 0.044_715 * (x * x * x)))
    }
  }

  /// x·sigmoid(factor·x).
  struct Swish: LaneFunction {
    let factor: Float
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes {
      x * LaneMath.sigmoid(factor * x)
    }
  }

  struct Sigmoid: LaneFunction {
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes { LaneMath.sigmoid(x) }
  }

  struct HyperbolicTangent: LaneFunction {
    @inline(__always) func callAsFunction(_ x: Lanes) -> Lanes { LaneMath.hyperbolicTangent(x) }
  }
}
