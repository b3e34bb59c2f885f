/// Elementary functions of float32 without branches or calls, so that loops over them compile to
/// vector instructions; libm's are called one value at a time.
///
/// Every result is within two units in the last place of the exact one (tests measure it). The
/// polynomials are minimax fits; their errors stand beside them.
extension Float {
  /// eˣ: x = n·ln 2 + r with |r| ≤ ½·ln 2, and eˣ = 2ⁿ·(1 + (eʳ − 1)).
  @inline(__always)
  package static func exponential(_ x: Float) -> Float {
    // Beyond these the result is infinite, or rounds to zero; NaN passes.
    let limited = x > 89 ? 89 : (x < -104 ? -104 : x)
    let (n, power) = reducedPower(limited)
    // In two factors, because 2ⁿ alone need not be a normal number.
    let half = n &>> 1
    return (1 + power) * twoTo(half) * twoTo(n &- half)
  }

  /// eˣ − 1 = 2ⁿ·(eʳ − 1) + (2ⁿ − 1), which does not cancel near 0; where 2ⁿ is large, eˣ itself.
  @inline(__always)
  package static func exponentialMinusOne(_ x: Float) -> Float {
    let limited = x > 89 ? 89 : (x < -20 ? -20 : x)
    let (n, power) = reducedPower(limited)
    let half = n &>> 1
    let large = (1 + power) * twoTo(half) * twoTo(n &- half)
    let scale = twoTo(n)
    return n > 30 ? large : scale * power + (scale - 1)
  }

  /// tanh x = −t / (2 + t) with t = e^(−2|x|) − 1, with the sign of x.
  @inline(__always)
  package static func hyperbolicTangent(_ x: Float) -> Float {
    let power = exponentialMinusOne(-2 * abs(x))
    return withSign(of: x, -power / (2 + power))
  }

  /// erf x: below 1 a polynomial, x + x·P(x²); from there on 1 − e^(−x²)·R(1 / (1 + ½·|x|)).
  @inline(__always)
  package static func errorFunction(_ x: Float) -> Float {
    let magnitude = abs(x)
    let square = x * x
    // Within 2⁻²⁹ of erf(x)/x − 1 for x² in 0…1.
    var near: Float = 7.889122935011983e-05
    near = near * square - 0.0008020842215046287
    near = near * square + 0.005189535673707724
    near = near * square - 0.026854444295167923
    near = near * square + 0.11283600330352783
    near = near * square - 0.3761262595653534
    near = near * square + 0.12837916612625122
    // Within 2⁻²⁴ of e^(x²)·erfc x, relatively, for x in 1…4.2, where erfc x is below 0.16.
    let t = 1 / (1 + 0.5 * magnitude)
    var far: Float = -0.06381683051586151
    far = far * t - 0.026518767699599266
    far = far * t + 0.36573970317840576
    far = far * t + 0.12610726058483124
    far = far * t + 0.3218349814414978
    far = far * t + 0.2753394544124603
    far = far * t + 0.00047091898159123957
    let tail = 1 - exponential(-square) * far
    return magnitude < 1 ? x + x * near : withSign(of: x, tail)
  }

  /// x = n·ln 2 + r: n, and eʳ − 1.
  @inline(__always)
  private static func reducedPower(_ x: Float) -> (n: Int32, power: Float) {
    // Adding 1.5·2²³ leaves the nearest integer in the lowest bits.
    let magic: Float = 12_582_912
    let shifted = x * 1.44269504 + magic
    let n = Int32(bitPattern: shifted.bitPattern) &- Int32(bitPattern: magic.bitPattern)
    let count = shifted - magic
    // ln 2 in two parts, the first so short that its product is exact.
    let r = (x - count * 0.693359375) + count * 2.12194440e-4
    // Within 2⁻²⁸ of (eʳ − 1 − r) / r², weighted by r².
    var quotient: Float = 0.0013950448483228683
    quotient = quotient * r + 0.008368886075913906
    quotient = quotient * r + 0.04166620597243309
    quotient = quotient * r + 0.1666651964187622
    quotient = quotient * r + 0.5
    return (n, r + r * r * quotient)
  }

  /// 2ⁿ for n in −126…127.
  @inline(__always)
  private static func twoTo(_ n: Int32) -> Float {
    Float(bitPattern: UInt32(bitPattern: (n &+ 127) &<< 23))
  }

  @inline(__always)
  private static func withSign(of x: Float, _ magnitude: Float) -> Float {
    Float(bitPattern: (magnitude.bitPattern & 0x7fff_ffff) | (x.bitPattern & 0x8000_0000))
  }
}
