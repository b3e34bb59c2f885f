import Testing
import WeighbridgeTensors

@testable import WeighbridgeMapping

@Suite struct TensorStatisticsTests {
  @Test func figuresOfAFewValues() throws {
    let figures = try TensorStatistics(Tensor([2, 4, 4, 4, 5, 5, 7, 9] as [Float], shape: [2, 4]))
    #expect(figures.minimum == 2 && figures.maximum == 9)
    #expect(figures.mean == 5 && figures.standardDeviation == 2)
    #expect(figures.finite == 8)
  }

  @Test func nonFiniteValuesAreCountedAndLeftOut() throws {
    let values: [Double] = [.nan, 1, .infinity, 3, -.infinity]
    let figures = try TensorStatistics(Tensor(values, shape: [5]))
    #expect(figures.nan == 1 && figures.infinite == 2 && figures.mean == 2)
    let none = try TensorStatistics(Tensor([Float.nan], shape: [1]))
    #expect(none.mean.isNaN && none.minimum.isNaN && none.standardDeviation.isNaN)
    let empty = try TensorStatistics(Tensor([] as [Float], shape: [0, 3]))
    #expect(empty.finite == 0 && empty.mean.isNaN)
  }

  @Test func partsJoinToTheWhole() throws {
    // Enough for several threads: 0, 1, … n−1 about a large mean.
    let count = 1 << 19
    let values = (0..<count).map { Double($0) + 1e6 }
    let figures = try TensorStatistics(Tensor(values, shape: [count]))
    #expect(figures.mean == 1e6 + Double(count - 1) / 2)
    let n = Double(count)
    let expected = ((n * n - 1) / 12).squareRoot()
    #expect(abs(figures.standardDeviation - expected) < 1e-9 * expected)
  }

  @Test func everyDTypeAndViewsToo() throws {
    let values = try Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3])
    for dtype in [DType.float16, .bfloat16, .float32, .float64] {
      #expect(try TensorStatistics(values.converted(to: dtype)).mean == 2.5)
    }
    #expect(try TensorStatistics(Tensor([1, 3] as [UInt8], shape: [2])).mean == 2)
    #expect(try TensorStatistics(Tensor([-1, 3] as [Int64], shape: [2])).mean == 1)
    // One column: 1 and 4.
    #expect(try TensorStatistics(values.narrowed(1, start: 1, length: 1)).mean == 2.5)
    let repeated = try Tensor(repeating: Float(7), shape: [3, 5])
    #expect(try TensorStatistics(repeated).finite == 15)
  }
}
