import Testing
import WeighbridgeEngine

/// What does not fit is refused before any engine runs.
@Suite struct OperatorErrorTests {
  private func expectShapeError(
    _ message: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Tensor
  ) {
    let error = #expect(throws: WeighbridgeError.self, sourceLocation: sourceLocation) {
      _ = try body()
    }
    #expect(error?.code == .shape, sourceLocation: sourceLocation)
    #expect(
      error?.message.contains(message) == true, "\(String(describing: error))",
      sourceLocation: sourceLocation)
  }

  private func zeros(_ shape: Shape, _ dtype: DType = .float32) throws -> Tensor {
    try Tensor(repeating: Float(0), shape: shape).contiguous().converted(to: dtype)
  }

  @Test func convolution() throws {
    let (x, w) = (try zeros([1, 4, 5, 5]), try zeros([6, 4, 3, 3]))
    expectShapeError("groups does not fit the input") {
      try x.convolved(weight: zeros([6, 3, 3, 3]))
    }
    expectShapeError("groups does not fit the input") {
      try x.convolved(weight: zeros([5, 2, 3, 3]), geometry: .init(groups: 2))
    }
    expectShapeError("groups does not fit the input") {
      try x.convolved(weight: w, geometry: .init(groups: 0))
    }
    expectShapeError("groups does not fit the input") { try zeros([4, 5, 5]).convolved(weight: w) }
    expectShapeError("does not fit 5") { try x.convolved(weight: zeros([6, 4, 7, 3])) }
    expectShapeError("does not fit 5") {
      try x.convolved(weight: w, geometry: .init(dilation: Pair(3)))
    }
    expectShapeError("must be positive") {
      try x.convolved(weight: w, geometry: .init(stride: Pair(0)))
    }
    expectShapeError("must be positive") {
      try x.convolved(
        weight: w, geometry: .init(padding: Padding(top: -1, bottom: 0, left: 0, right: 0)))
    }
    expectShapeError("less than 2³¹") {
      try x.convolved(weight: w, geometry: .init(dilation: Pair(.max)))
    }
    expectShapeError("groups does not fit the input") {
      try x.convolved(weight: w, geometry: .init(groups: .max))
    }
    expectShapeError("cannot be made") {
      try x.convolved(
        weight: w, geometry: .init(padding: Padding(1 << 30, 1 << 30)))
    }
    // One channel: nothing else overflows.
    for (padding, words) in [
      (1 << 20, "machine's memory"), (1 << 30, "cannot be made"), ((1 << 31) - 1, "cannot be made"),
    ] {
      expectShapeError(words) {
        try zeros([1, 1, 5, 5]).convolved(
          weight: zeros([1, 1, 3, 3]), geometry: .init(padding: Padding(padding, padding)))
      }
    }
    expectShapeError("bias has shape") { try x.convolved(weight: w, bias: zeros([5])) }
    expectShapeError("cannot add") {
      try x.convolved(weight: w, epilogue: Epilogue(residual: zeros([1, 6, 5, 5])))
    }
    expectShapeError("both float32 and float64") {
      try x.convolved(weight: zeros([6, 4, 3, 3], .float64))
    }
  }

  @Test func matrices() throws {
    let x = try zeros([2, 5])
    expectShapeError("does not fit the input") { try x.linear(weight: zeros([3, 4])) }
    expectShapeError("does not fit the input") { try x.linear(weight: zeros([5])) }
    expectShapeError("bias has shape") { try x.linear(weight: zeros([3, 5]), bias: zeros([5])) }
    expectShapeError("cannot multiply") { try x.matmul(zeros([4, 2])) }
    expectShapeError("cannot multiply") { try x.matmul(zeros([5])) }
    expectShapeError("do not broadcast") { try zeros([2, 3, 5]).matmul(zeros([3, 5, 2])) }
  }

  @Test func normalizations() throws {
    let (x, c) = (try zeros([2, 4, 3, 3]), try zeros([4]))
    expectShapeError("variance has shape") {
      try x.batchNormalized(mean: c, variance: zeros([3]), weight: c, bias: c, epsilon: 1e-5)
    }
    expectShapeError("weight has shape") {
      try x.batchNormalized(mean: c, variance: c, weight: zeros([4, 1]), bias: c, epsilon: 1e-5)
    }
    expectShapeError("needs [N, C") {
      try c.batchNormalized(mean: c, variance: c, weight: nil, bias: nil, epsilon: 1e-5)
    }
    expectShapeError("does not fit the input") {
      try x.layerNormalized(weight: zeros([4]), bias: nil, epsilon: 1e-5)
    }
    expectShapeError("has no 5 axes") {
      try x.layerNormalized(axes: 5, weight: nil, bias: nil, epsilon: 1e-5)
    }
    expectShapeError("do not divide") {
      try x.groupNormalized(groups: 3, weight: nil, bias: nil, epsilon: 1e-5)
    }
    expectShapeError("do not divide") {
      try x.groupNormalized(groups: 0, weight: nil, bias: nil, epsilon: 1e-5)
    }
  }

  @Test func poolings() throws {
    let x = try zeros([1, 2, 5, 5])
    expectShapeError("does not fit 5") { try x.pooled(.init(.maximum, kernel: 6)) }
    expectShapeError("half of the kernel") { try x.pooled(.init(.maximum, kernel: 3, padding: 2)) }
    expectShapeError("must be positive") { try x.pooled(.init(.maximum, kernel: 2, stride: 0)) }
    expectShapeError("must be positive") { try x.pooled(.init(.maximum, kernel: 0)) }
    expectShapeError("needs [N, C, H, W]") {
      try zeros([2, 5, 5]).pooled(.init(.maximum, kernel: 2))
    }
    expectShapeError("cannot pool") { try x.adaptiveAveragePooled(to: Pair(0)) }
    expectShapeError("cannot pool") { try zeros([1, 2, 0, 5]).adaptiveAveragePooled(to: 1) }
  }

  @Test func elementwise() throws {
    let x = try zeros([2, 3])
    expectShapeError("do not broadcast") { try x + zeros([2, 2]) }
    expectShapeError("both float32 and float64") { try x + zeros([2, 3], .float64) }
    expectShapeError("axis 2 does not exist") { try x.softmax(axis: 2) }
    expectShapeError("axis -3 does not exist") { try x.mean(axes: [-3]) }
    expectShapeError("no elements") { try zeros([2, 0]).reduced(.maximum, axes: [1]) }
    expectShapeError("only a descriptor") {
      try Tensor(describing: .float32, shape: [2]).activated(.relu)
    }
    let error = #expect(throws: WeighbridgeError.self) {
      try Tensor([Int32(1)], shape: [1]).activated(.relu)
    }
    #expect(error?.code == .unsupported)
  }

  @Test func sampling() throws {
    expectShapeError("theta must be") {
      try zeros([1, 3, 2]).affineGrid(size: 2, alignCorners: false)
    }
    expectShapeError("theta must be") {
      try zeros([1, 2, 3]).affineGrid(size: 0, alignCorners: false)
    }
    let x = try zeros([2, 3, 4, 4])
    expectShapeError("cannot sample") {
      try x.gridSampled(zeros([1, 4, 4, 2]), alignCorners: true)
    }
    expectShapeError("cannot sample") {
      try x.gridSampled(zeros([2, 4, 4, 3]), alignCorners: true)
    }
  }

  @Test func attention() throws {
    let q = try zeros([2, 4, 8])
    expectShapeError("does not fit") { try q.attention(keys: zeros([2, 5, 7]), values: q) }
    expectShapeError("does not fit") { try q.attention(keys: q, values: zeros([2, 5, 8])) }
    expectShapeError("does not fit") { try q.attention(keys: zeros([3, 4, 8]), values: q) }
    expectShapeError("expand") { try q.attention(keys: q, values: q, bias: zeros([3, 4, 4])) }
  }
}
