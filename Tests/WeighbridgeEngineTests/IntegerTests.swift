import Testing
import WeighbridgeEngine

/// Integers and conditions: what PyTorch gives for them.
@Suite struct IntegerTests {
  private func tensor(_ values: [Int64], _ dtype: DType = .int64) throws -> Tensor {
    try Tensor(values, shape: [values.count]).converted(to: dtype)
  }

  @Test func arithmetic() throws {
    let (a, b) = (try tensor([7, -7, 7, -7]), try tensor([2, 2, -2, -2]))
    func result(_ operation: BinaryOperation) throws -> [Int64] {
      try a.combined(operation, b).elements(as: Int64.self)
    }
    #expect(try result(.add) == [9, -5, 5, -9])
    #expect(try result(.multiply) == [14, -14, -14, 14])
    #expect(try result(.floorDivide) == [3, -4, -4, 3])
    #expect(try result(.remainder) == [1, 1, -1, -1])
    #expect(try result(.maximum) == [7, 2, 7, -2])
    #expect(
      try tensor([3, -2]).combined(.power, tensor([4, 3])).elements(as: Int64.self) == [81, -8])
    let quotient = try a / b
    #expect(quotient.dtype == .float32)
    #expect(try quotient.elements(as: Float.self) == [3.5, -3.5, -3.5, 3.5])
    // Broadcasting, and beside floating point.
    let sum = try tensor([1, 2]).reshaped([2, 1]) + Tensor([0.5, 1.5], shape: [2])
    #expect(sum.dtype == .float64 && sum.shape == [2, 2])
    #expect(try sum.elements(as: Double.self) == [1.5, 2.5, 2.5, 3.5])
  }

  @Test(arguments: [
    (DType.int8, DType.int32, DType.int32), (.uint8, .int8, .int16), (.int16, .uint16, .int32),
    (.bool, .uint8, .uint8), (.int64, .uint8, .int64), (.uint8, .uint32, .uint32),
  ])
  func promotion(_ a: DType, _ b: DType, _ expected: DType) throws {
    #expect(try tensor([1], a).combined(.add, tensor([1], b)).dtype == expected)
    #expect(try tensor([1], b).combined(.add, tensor([1], a)).dtype == expected)
  }

  @Test func functionsAndReductions() throws {
    let x = try tensor([-3, 4, 5]).reshaped([1, 3])
    #expect(try x.mapped(.absolute).elements(as: Int64.self) == [3, 4, 5])
    #expect(try x.clamped(-1, 4).elements(as: Int64.self) == [-1, 4, 4])
    let scaled = try x.affine(scale: 2, shift: 1)
    #expect(try scaled.dtype == .int64 && (scaled.elements(as: Int64.self)) == [-5, 9, 11])
    #expect(try x.mapped(.squareRoot).dtype == .float32)
    let sum = try tensor([100, 100], .int8).sum()
    #expect(try sum.dtype == .int64 && (sum.elements(as: Int64.self)) == [200])
    let table = try tensor([1, 2, 3, 4, 5, 6]).reshaped([3, 2])
    #expect(try table.product(axes: [0]).elements(as: Int64.self) == [15, 48])
    #expect(try table.product(axes: [1], keepingAxes: true).shape == [3, 1])
    let wide = try tensor([16, 16, 16], .int8).product()
    #expect(try wide.dtype == .int64 && (wide.elements(as: Int64.self)) == [4096])
    #expect(
      try tensor([1 << 40, 1 << 40, 3]).product().elements(as: Int64.self) == [0])
    #expect(try tensor([1, 1], .bool).product().dtype == .int64)
    #expect(try tensor([]).product().elements(as: Int64.self) == [1])
    #expect(try x.reduced(.maximum, axes: [1]).elements(as: Int64.self) == [5])
    let sorted = try x.sorted(descending: true)
    #expect(sorted.values.dtype == .int64)
    #expect(try sorted.values.elements(as: Int64.self) == [5, 4, -3])
    #expect(try sorted.indices.elements(as: Int64.self) == [2, 1, 0])
    #expect(try x.cumulativeSum(axis: 1).elements(as: Int64.self) == [-3, 1, 6])
  }

  @Test func conditions() throws {
    let x = try tensor([1, 2, 3, 4]).reshaped([2, 2])
    let (low, even) = (
      try x.compared(.less, 3), try x.combined(.remainder, tensor([2])).compared(.equal, 0)
    )
    func values(_ condition: Tensor) throws -> [UInt8] {
      #expect(condition.dtype == .bool)
      return try condition.elements(as: UInt8.self)
    }
    #expect(try values(low) == [1, 1, 0, 0] && values(even) == [0, 1, 0, 1])
    #expect(try values(low.and(even)) == [0, 1, 0, 0])
    #expect(try values(low.or(even)) == [1, 1, 0, 1])
    #expect(try values(low.inverted()) == [0, 0, 1, 1])
    #expect(try values(even.any(axes: [1])) == [1, 1])
    #expect(try values(low.all(axes: [1])) == [1, 0])
    #expect(try values(x.compared(.greater, 2.5)) == [0, 0, 1, 1])
    #expect(try low.sum().elements(as: Int64.self) == [2])
    let chosen = try x.choosing(-1, where: even)
    #expect(try chosen.dtype == .int64 && (chosen.elements(as: Int64.self)) == [1, -1, 3, -1])
  }
}
