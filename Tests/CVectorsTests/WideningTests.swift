import CVectors
import Testing

@Suite("16-bit values as float32, every one")
struct WideningTests {
  private let all = (UInt16.min...UInt16.max).map { $0 }

  /// By its definition: (−1)ˢ·2ᵉ⁻¹⁵·1.f, and without the one where e is 0.
  private func float16(_ bits: UInt16) -> Float {
    let (sign, exponent, fraction) = (bits >> 15, Int(bits >> 10) & 31, Float(bits & 0x3ff))
    let magnitude: Float
    switch exponent {
    case 0: magnitude = fraction * 0x1p-24
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    default:
      magnitude = Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
    }
    return sign == 1 ? -magnitude : magnitude
  }

  @Test func everyFloat16() {
    var wide = [Float](repeating: 1, count: all.count)
    vectors_widen_float16(all, &wide, all.count)
    for bits in all {
      let (got, expected) = (wide[Int(bits)], float16(bits))
      #expect(got.bitPattern == expected.bitPattern || (got.isNaN && expected.isNaN), "\(bits)")
    }
  }

  @Test func everyBFloat16() {
    var wide = [Float](repeating: 1, count: all.count)
    vectors_widen_bfloat16(all, &wide, all.count)
    for bits in all { #expect(wide[Int(bits)].bitPattern == UInt32(bits) << 16) }
  }

  /// What lies behind the end is not touched.
  @Test func everyRest() {
    for count in 0...33 {
      var wide = [Float](repeating: 7, count: count + 1)
      vectors_widen_float16(Array(all[15360..<15360 + 33]), &wide, count)
      #expect(wide.last == 7)
      #expect(wide.dropLast().elementsEqual(all[15360..<15360 + count].map(float16)))
    }
  }
}
