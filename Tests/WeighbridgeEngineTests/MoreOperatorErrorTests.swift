import Testing
import WeighbridgeEngine

/// Bad arguments of the operators that pick, order, resize and sum: an error each, never a trap.
@Suite struct MoreOperatorErrorTests {
  private func expectError(
    _ message: String, _ code: WeighbridgeError.Code = .shape,
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

  private func zeros(_ shape: Shape, _ dtype: DType = .float32) throws -> Tensor {
    try Tensor.zeros(shape, dtype: dtype)
  }

  private func indices(_ values: Int64...) throws -> Tensor {
    try Tensor(values, shape: [values.count])
  }

  /// Sizes that a file may name: nothing of them is made, and nothing overflows.
  @Test func absurdSizes() throws {
    let x = try zeros([1, 2, 4, 5])
    let huge = 1 << 40
    for size in [Pair(1, huge), Pair(huge, 1)] {
      expectError("machine's memory") { try x.adaptiveAveragePooled(to: size) }
      expectError("machine's memory") { try x.adaptiveMaxPooled(to: size) }
    }
    expectError("cannot be made") { try x.adaptiveAveragePooled(to: Pair(1 << 62, 1 << 62)) }
    let windows = WindowGeometry(kernel: Pair(2, 2))
    for size in [Pair(Int.min, 4), Pair(4, Int.min), Pair(-1, 4)] {
      expectError("must be positive") { try zeros([1, 8, 12]).folded(to: size, windows) }
    }
    // The divisor is infinite, or none is left.
    for (correction, expected) in [(Int.min, 0.0), (Int.max, Double.nan)] {
      let variance = try zeros([3]).variance(axes: [0], correction: correction)
      let value = try variance.elements(as: Float.self)[0]
      #expect(expected.isNaN ? value.isNaN : value == 0)
    }
  }

  @Test func resizing() throws {
    let x = try zeros([1, 2, 4, 5])
    for size in [[3], [3, 0], [3, -1], [3, 4, 5], []] {
      expectError("cannot be resized") { try x.interpolated(to: size, Interpolation(.nearest)) }
    }
    expectError("cannot be resized") {
      try zeros([1, 2, 0, 5]).interpolated(to: [3, 3], Interpolation(.bilinear))
    }
    for factors in [[2.0], [2, .nan], [2, -1], [.infinity, 1], [1e300, 1], [0.1, 1]] {
      expectError("cannot be resized") {
        try x.interpolated(by: factors, Interpolation(.nearest))
      }
    }
    expectError("neither aligned corners") {
      try x.interpolated(to: [2, 2], Interpolation(.nearest, alignCorners: true))
    }
    expectError("neither aligned corners") {
      try x.interpolated(to: [2, 2], Interpolation(.area, antialias: true))
    }
    expectError("cannot be made") {
      try x.interpolated(to: [.max, .max], Interpolation(.nearest))
    }
    expectError("one or two axes") {
      try zeros([1, 1, 2, 2, 2]).interpolated(to: [1, 1, 1], Interpolation(.area))
    }
    expectError("not in int64", .unsupported) {
      try zeros([1, 1, 2], .int64).interpolated(to: [3], Interpolation(.nearest))
    }
    let empty = try zeros([0, 2, 4, 5]).interpolated(to: [2, 3], Interpolation(.bicubic))
    #expect(empty.shape == [0, 2, 2, 3])
  }

  @Test func paddings() throws {
    let x = try zeros([2, 4, 5])
    expectError("has no 4 axes") {
      try x.padded([AxisPadding](repeating: AxisPadding(1, 1), count: 4), .constant(0))
    }
    for amount in [AxisPadding(-3, -3), AxisPadding(.max, 1), AxisPadding(.min, 0)] {
      expectError("cannot be padded") { try x.padded([amount], .constant(0)) }
    }
    expectError("cannot be padded") { try x.padded([AxisPadding(5, 0)], .reflect) }
    expectError("cannot be padded") { try x.padded([AxisPadding(0, 6)], .circular) }
    expectError("cannot be padded") { try x.padded([AxisPadding(1 << 40, 0)], .replicate) }
    expectError("cannot be padded") {
      try zeros([2, 0]).padded([AxisPadding(1, 1)], .replicate)
    }
    expectError("does not fit", .unsupported) {
      try zeros([2], .int8).padded([AxisPadding(1, 1)], .constant(1000))
    }
    #expect(try x.padded([AxisPadding(-2, -3)], .constant(0)).shape == [2, 4, 0])
  }

  @Test func transposedConvolutions() throws {
    let (x, w) = (try zeros([1, 4, 3, 3]), try zeros([4, 6, 2, 2]))
    func expectRefusal(_ message: String, _ geometry: TransposedConvolutionGeometry) {
      expectError(message) { try x.transposedConvolved(weight: w, geometry: geometry) }
    }
    expectError("does not fit the input") {
      try x.transposedConvolved(weight: zeros([3, 6, 2, 2]))
    }
    expectError("does not fit the input") { try zeros([4, 3, 3]).transposedConvolved(weight: w) }
    expectError("bias has shape") { try x.transposedConvolved(weight: w, bias: zeros([4])) }
    expectRefusal("does not fit the input", .init(groups: 3))
    expectRefusal("does not fit the input", .init(groups: 0))
    expectRefusal("must be positive", .init(stride: 0))
    expectRefusal("must be positive", .init(dilation: Pair(.max)))
    expectRefusal("must be positive", .init(padding: Pair(-1)))
    expectRefusal("must be smaller", .init(outputPadding: 1))
    expectRefusal("nothing of 3 is left", .init(padding: 2))
    expectError("both float32 and float64") {
      try x.transposedConvolved(weight: zeros([4, 6, 2, 2], .float64))
    }
    let none = try zeros([0, 4, 3, 3]).transposedConvolved(weight: w)
    #expect(none.shape == [0, 6, 4, 4])
  }

  @Test func windows() throws {
    let x = try zeros([1, 2, 4, 4])
    expectError("are taken of [N, C, H, W]") { try zeros([4, 4]).unfolded(.init(kernel: 2)) }
    expectError("does not fit 4") { try x.unfolded(.init(kernel: 5)) }
    expectError("must be positive") { try x.unfolded(.init(kernel: 2, stride: 0)) }
    expectError("is not") { try zeros([1, 8, 8]).folded(to: 4, .init(kernel: 2)) }
    expectError("is not") { try zeros([1, 7, 9]).folded(to: 4, .init(kernel: 2)) }
    expectError("cannot pool") { try x.adaptiveMaxPooled(to: 0) }
    expectError("cannot pool") { try x.adaptiveMaxPooled(to: Pair(-2)) }
    expectError("cannot pool") { try zeros([1, 2, 0, 4]).adaptiveMaxPooled(to: 1) }
    expectError("cannot be made") { try x.adaptiveMaxPooled(to: Pair(.max)) }
    expectError("cannot be shuffled") { try x.pixelShuffled(2) }
    expectError("cannot be shuffled") { try x.pixelShuffled(0) }
    expectError("cannot be shuffled") { try x.pixelShuffled(.max) }
    expectError("cannot be gathered") { try x.pixelUnshuffled(3) }
  }

  @Test func picking() throws {
    let x = try zeros([2, 3])
    expectError("no index 3 on axis 1") { try x.indexed(1, by: indices(0, 3)) }
    expectError("no index -4 on axis 1") { try x.indexed(1, by: indices(-4)) }
    expectError("no index \(Int64.min)") { try x.indexed(1, by: indices(.min)) }
    expectError("does not exist") { try x.indexed(2, by: indices(0)) }
    expectError("must be an integer", .unsupported) { try x.indexed(0, by: zeros([1])) }
    expectError("must be an integer", .unsupported) { try x.indexed(0, by: zeros([2], .bool)) }
    expectError("3 indices") { try x.indexed(by: [indices(0), nil, nil]) }
    expectError("do not broadcast") { try x.indexed(by: [indices(0, 1), indices(0, 1, 2)]) }
    // In range of the product of both axes, and of neither.
    expectError("no index 5 on axis 1") { try x.indexed(by: [indices(0), indices(5)]) }
    expectError("cannot gather") { try x.gathered(1, indices(0)) }
    expectError("cannot gather") { try x.gathered(1, zeros([3, 1], .int64)) }
    expectError("no index -1") { try x.gathered(1, indices(-1).reshaped([1, 1])) }
    expectError("leaves axis 1") { try x.replacing(1, 1..<4, with: zeros([1])) }
    expectError("leaves axis 1") { try x.replacing(1, 0..<2, step: 0, with: zeros([1])) }
    expectError("does not expand") { try x.replacing(1, 0..<2, with: zeros([3])) }
    expectError("leaves axis 2") { try x.replacing([0..<1, 0..<1, 0..<1], with: zeros([1])) }
    expectError("is a tensor of bool") { try x.choosing(x, where: x) }
    expectError("do not broadcast") { try x.choosing(0, where: zeros([2], .bool)) }
    expectError("both float32 and float64") { try x.compared(.less, zeros([2, 3], .float64)) }
    expectError("is a tensor of bool") { try x.inverted() }
  }

  @Test func ordering() throws {
    let x = try zeros([2, 3])
    expectError("does not exist") { try x.sorted(axis: 2).values }
    expectError("leaves axis") { try x.topK(4).values }
    expectError("leaves axis") { try x.topK(-1).values }
    expectError("of no elements") { try zeros([2, 0]).maximum(axis: 1).values }
    expectError("does not exist") { try x.cumulativeSum(axis: -3) }
    #expect(try zeros([2, 0]).sorted().values.shape == [2, 0])
    #expect(try zeros([0, 3]).maximum(axis: 1).indices.shape == [0])
    #expect(try zeros([2, 0]).cumulativeSum(axis: 0).shape == [2, 0])
  }

  @Test func sums() throws {
    let (a, b) = (try zeros([2, 3]), try zeros([3, 4]))
    for equation in ["ij", "ij,jk,kl", ""] {
      expectError("operands") { try Tensor.einsum(equation, a, b) }
    }
    for equation in ["i.j,jk", "i1,jk", "i....,jk", "......,jk", "ij,jk->i->k"] {
      expectError("cannot be read") { try Tensor.einsum(equation, a, b) }
    }
    expectError("does not name the axes") { try Tensor.einsum("ijk,jk", a, b) }
    expectError("does not name the axes") { try Tensor.einsum("i,jk", a, b) }
    expectError("a letter twice") { try Tensor.einsum("ij,jk->ii", a, b) }
    expectError("a letter twice") { try Tensor.einsum("ij,jk->iz", a, b) }
    expectError("one letter stands for") { try Tensor.einsum("ij,ik", a, b) }
    expectError("one letter and two extents") { try Tensor.einsum("ii", a) }
    expectError("operands") { try Tensor.einsum("ij", []) }
    expectError("does not fit") { try a.rmsNormalized(weight: zeros([2]), epsilon: 0) }
    expectError("does not fit") { try a.rmsNormalized(axes: 3, epsilon: 0) }
    expectError("more axes than") { try zeros([2]).standardizedWeight(epsilon: 0) }
    expectError("does not fit a weight") {
      try a.standardizedWeight(epsilon: 0, gain: zeros([3]))
    }
  }

  @Test func integers() throws {
    let x = try indices(1, 2, 3)
    expectError("divided by 0") { try x.combined(.floorDivide, indices(0)) }
    expectError("divided by 0") { try x.combined(.remainder, indices(0)) }
    expectError("negative exponent") { try x.combined(.power, indices(-1)) }
    expectError("no mean of int64") { try x.mean() }
    expectError("beyond 2⁵³", .unsupported) { try indices(.min).sum() }
    expectError("have no subtract") {
      try zeros([2], .bool).combined(.subtract, zeros([2], .bool))
    }
    // Int64.min / -1 is not there; PyTorch wraps.
    #expect(
      try indices(.min).combined(.floorDivide, indices(-1)).elements(as: Int64.self) == [.min])
  }
}
