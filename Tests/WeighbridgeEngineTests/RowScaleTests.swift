import TestSupport
import Testing

@testable import WeighbridgeEngine

/// Rows times a factor each: what multiplying in float64 and rounding once gives.
@Suite struct RowScaleTests {
  @Test func productsAreRoundedOnce() throws {
    let rows = try Tensor([1, 2, 3, 4, 5, 0.1] as [Float], shape: [2, 3])
    let factors = try Tensor([0.5, 1.0 / 3] as [Double], shape: [2])
    let got: [Float] = try rows.rowsScaled(by: factors).elements()
    #expect(
      got == [0.5, 1, 1.5, Float(4.0 / 3), Float(5.0 / 3), Float(Double(Float(0.1)) * (1.0 / 3))])
  }

  @Test(arguments: [[3, 5, 3, 3], [1, 1, 1, 1], [257, 300], [7], [4, 0, 2]])
  func everyShapeMatchesTheLongWay(shape: [Int]) throws {
    var generator = SplitMix(seed: 5)
    let rows = try generator.tensor(Shape(shape))
    let factors = try generator.tensor([shape[0]]).converted(to: .float64).affine(scale: 1.7)
    let column = try factors.reshaped([shape[0]] + shape.dropFirst().map { _ in 1 })
    for source in [
      rows,
      try rows.transposed(0, rows.rank - 1).contiguous()
        .transposed(0, rows.rank - 1),
    ] {
      let want: [Float] = try (source.converted(to: .float64) * column).elements()
      let got: [Float] = try source.rowsScaled(by: factors).elements()
      #expect(got == want)
    }
  }

  @Test func factorsOfAnotherCountAreRefused() throws {
    let rows = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    let factors = try Tensor([1, 2, 3] as [Double], shape: [3])
    #expect(throws: WeighbridgeError.self) { try rows.rowsScaled(by: factors) }
  }
}
