import Testing
import WeighbridgeTensors

@testable import WeighbridgeMapping

@Suite struct ElementCountsTests {
  /// Bits of every kind, counted as the statistics count them.
  @Test(arguments: DType.allCases, [0, 1, 7, 70_001])
  func countsAsTheStatisticsDo(_ dtype: DType, _ count: Int) throws {
    var state: UInt64 = 7
    let tensor = try Tensor(
      dtype: dtype, shape: [count],
      storage: TensorStorage(byteCount: count * dtype.byteCount) { bytes in
        for index in 0..<(count * dtype.byteCount) {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          // Exponents of ones are frequent.
          bytes[index] = dtype == .bool ? 1 : state >> 62 == 0 ? 0xff : UInt8(state >> 56)
        }
      })
    let statistics = try TensorStatistics(tensor)
    let expected = statistics.nan + statistics.infinite
    #expect(try ElementCounts.nonFinite(in: tensor) == expected)
    #expect(count < 1000 || !dtype.isFloatingPoint || expected > 0)
  }

  @Test func viewsAreCountedWhole() throws {
    let tensor = try Tensor([1, .nan, 2, .infinity, 3, -.infinity] as [Float], shape: [2, 3])
    #expect(try ElementCounts.nonFinite(in: tensor) == 3)
    #expect(try ElementCounts.nonFinite(in: tensor.transposed(0, 1)) == 3)
    #expect(try ElementCounts.nonFinite(in: Tensor([Float](), shape: [0])) == 0)
  }

  /// Of negative zeros, the smallest values and NaN, in every width.
  @Test(arguments: [DType.float64, .float32, .float16, .bfloat16])
  func whatIsNotZero(_ dtype: DType) throws {
    var values = [Float](repeating: 0, count: 9000)
    (values[1], values[8999], values[4100], values[7]) = (-0.0, .nan, 1, -1e-7)
    let tensor = try Tensor(values, shape: [90, 100]).converted(to: dtype)
    #expect(try ElementCounts.nonZero(in: tensor) == 3)
    #expect(try ElementCounts.nonZero(in: tensor.transposed(0, 1)) == 3)
    #expect(try ElementCounts.nonZero(in: Tensor([Float](), shape: [0])) == 0)
  }
}
