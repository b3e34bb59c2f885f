import Foundation
import Testing

@testable import WeighbridgeEngine

/// The float32 functions against float64, over the whole range of bit patterns.
@Suite struct ElementaryFunctionTests {
  /// Name, function, exact function, and the most units in the last place that it may be off.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let function: @Sendable (Float) -> Float
    let exact: @Sendable (Double) -> Double
    let limit: Double
  }

  static let cases = [
    Case(testDescription: "exp", function: { .exponential($0) }, exact: { exp($0) }, limit: 1.1),
    Case(
      testDescription: "expm1", function: { .exponentialMinusOne($0) }, exact: { expm1($0) },
      limit: 2),
    Case(
      testDescription: "tanh", function: { .hyperbolicTangent($0) }, exact: { tanh($0) }, limit: 3),
    Case(testDescription: "erf", function: { .errorFunction($0) }, exact: { erf($0) }, limit: 1.6),
  ]

  @Test(arguments: cases)
  func staysWithinUnitsInTheLastPlace(_ item: Case) {
    var (worst, at) = (0.0, Float.zero)
    // Every 20,011th bit pattern: all magnitudes, both signs, subnormals, infinities and NaN.
    for bits in stride(from: UInt32(0), through: 0x7fc0_0000, by: 20_011) {
      for x in [Float(bitPattern: bits), -Float(bitPattern: bits)] {
        let error = unitsOff(item.function(x), item.exact(Double(x)))
        if error > worst { (worst, at) = (error, x) }
      }
    }
    #expect(worst <= item.limit, "\(worst) units at \(at)")
  }

  @Test(arguments: cases)
  func keepsSpecialValues(_ item: Case) {
    let special: [Float] = [.infinity, -.infinity, 0, -0.0, 1, -1, 88.7, 88.8, -87, -103.9, -104.1]
    for x in special {
      #expect(unitsOff(item.function(x), item.exact(Double(x))) <= item.limit, "\(x)")
    }
    #expect(item.function(.nan).isNaN)
    if ["tanh", "erf"].contains(item.testDescription) {
      #expect(item.function(-0.0).sign == .minus)
    }
  }

  private func unitsOff(_ got: Float, _ exact: Double) -> Double {
    if exact.isNaN || got.isNaN { return exact.isNaN && got.isNaN ? 0 : .infinity }
    let nearest = Float(exact)
    if nearest.isInfinite || got.isInfinite { return nearest == got ? 0 : .infinity }
    return abs(Double(got) - exact) / Double(max(nearest.ulp, .leastNonzeroMagnitude))
  }
}
