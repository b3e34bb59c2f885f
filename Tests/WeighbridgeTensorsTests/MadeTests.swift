import Testing
import WeighbridgeTensors

/// Tensors from numbers, casts, and what does not fit.
@Suite struct MadeTests {
  private func expectError(
    _ code: WeighbridgeError.Code, _ message: String,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Tensor
  ) {
    let error = #expect(throws: WeighbridgeError.self, sourceLocation: sourceLocation) {
      _ = try body()
    }
    #expect(error?.code == code, sourceLocation: sourceLocation)
    #expect(
      error?.message.contains(message) == true, "\(String(describing: error))",
      sourceLocation: sourceLocation)
  }

  @Test func factories() throws {
    #expect(try Tensor.zeros([2, 3]).elements(as: Float.self) == [0, 0, 0, 0, 0, 0])
    let ones = try Tensor.ones([2], dtype: .int32)
    #expect(try ones.dtype == .int32 && (ones.elements(as: Int32.self)) == [1, 1])
    #expect(try Tensor.full([2], 2.75, dtype: .int64).elements(as: Int64.self) == [2, 2])
    #expect(try Tensor.full([1], 0.5, dtype: .bool).elements(as: Double.self) == [1])
    // torch.arange(2, 9, 3), (5, 0, -2), (0, 1, 0.3)
    #expect(try Tensor.arange(from: 2, to: 9, step: 3).elements(as: Int64.self) == [2, 5, 8])
    #expect(try Tensor.arange(from: 5, to: 0, step: -2).elements(as: Int64.self) == [5, 3, 1])
    let steps = try Tensor.arange(from: 0, to: 1, step: 0.3).elements(as: Float.self)
    #expect(steps == [0, 0.3, 0.6, 0.9])
    #expect(try Tensor.arange(to: 0).shape == [0])
    // torch.linspace(-1, 1, 5), (2, 2, 1), (0, 1, 4)
    #expect(
      try Tensor.linspace(from: -1, to: 1, count: 5).elements(as: Float.self)
        == [-1, -0.5, 0, 0.5, 1])
    #expect(try Tensor.linspace(from: 2, to: 7, count: 1).elements(as: Float.self) == [2])
    #expect(
      try Tensor.linspace(from: 0, to: 1, count: 4, dtype: .float64).elements(as: Double.self)
        == [0, 1.0 / 3, 1 - 1.0 / 3, 1])
  }

  @Test func casts() throws {
    let x = try Tensor([-1.75, 0, -0.0, 2.5, 300], shape: [5])
    #expect(try x.casted(to: .int64).elements(as: Int64.self) == [-1, 0, 0, 2, 300])
    #expect(try x.casted(to: .bool).elements(as: UInt8.self) == [1, 0, 0, 1, 1])
    #expect(try Tensor([Double.nan], shape: [1]).casted(to: .bool).elements(as: UInt8.self) == [1])
    expectError(.unsupported, "does not fit int8") { try x.casted(to: .int8) }
    for value in [Double.nan, .infinity, 1e19] {
      expectError(.unsupported, "does not fit int64") {
        try Tensor([value], shape: [1]).casted(to: .int64)
      }
    }
  }

  @Test func arrangement() throws {
    let x = try Tensor.arange(to: 6).reshaped([2, 3])
    #expect(try x.unflattened(1, [3, -1]).shape == [2, 3, 1])
    #expect(try x.movedAxis(0, to: -1).shape == [3, 2])
    #expect(
      try x.split(sizes: [1, 2], axis: 1)[1].elements(as: Int64.self) == [1, 2, 4, 5])
    // In channels-last order, the padding lies there too.
    let image = try Tensor.arange(to: 8).reshaped([1, 2, 2, 2]).contiguous(.channelsLast)
    #expect(
      try image.padded([(0, 0), (1, 0)], with: 9).elements(as: Int64.self)
        == [9, 0, 1, 9, 2, 3, 9, 4, 5, 9, 6, 7])
  }

  @Test func whatDoesNotFit() throws {
    let x = try Tensor.arange(to: 6).reshaped([2, 3])
    expectError(.shape, "there is no range") { try Tensor.arange(from: 0, to: 5, step: 0) }
    expectError(.shape, "there is no range") { try Tensor.arange(from: 0, to: 5, step: -1) }
    expectError(.shape, "there is no range") {
      try Tensor.arange(from: 0, to: .infinity, step: 1)
    }
    expectError(.shape, "cannot be made") { try Tensor.zeros([-1]) }
    expectError(.shape, "cannot be made") { try Tensor.zeros([.max, .max]) }
    expectError(.shape, "cannot be made") { try Tensor.linspace(from: 0, to: 1, count: -1) }
    expectError(.unsupported, "float32 or float64") {
      try Tensor.linspace(from: 0, to: 1, count: 2, dtype: .int8)
    }
    expectError(.shape, "is not [2, 2]") { try x.unflattened(1, [2, 2]) }
    expectError(.shape, "is not [-1, -1]") { try x.unflattened(1, [-1, -1]) }
    expectError(.shape, "cannot be repeated") { try x.repeated([2]) }
    expectError(.shape, "cannot be repeated") { try x.repeated([1, -1]) }
    expectError(.shape, "cannot be made") { try x.repeated([.max, .max]) }
    expectError(.shape, "cannot be made") { try x.repeatedElements(-1, axis: 0) }
    expectError(.shape, "cannot be made") { try x.repeatedElements(.max, axis: 0) }
    expectError(.shape, "1 shifts for 2 axes") { try x.rolled([1], axes: [0, 1]) }
    expectError(.shape, "does not exist") { try x.rolled([1], axes: [2]) }
    expectError(.shape, "does not split") { try x.split(sizes: [1, 1], axis: 1)[0] }
    expectError(.shape, "does not split") { try x.split(sizes: [.max, .max], axis: 1)[0] }
    expectError(.shape, "do not fit axis") { try x.windows(1, size: 4, step: 1) }
    expectError(.shape, "do not fit axis") { try x.windows(1, size: 1, step: 0) }
    expectError(.shape, "has no diagonal") { try x.diagonal(1, -1) }
    _ = try x.windows(1, size: 3, step: .max)
    _ = try x.rolled([.min], axes: [1])
  }
}
