import Testing
import WeighbridgeEngine

/// Operators against values worked out by hand.
@Suite struct DefinitionTests {
  private func tensor(_ values: [Double], _ shape: Shape, _ engine: TestedEngine) throws -> Tensor {
    try Tensor(values, shape: shape).converted(to: engine.dtype)
  }

  private func expect(
    _ result: Tensor, _ shape: Shape, _ values: [Double],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(result.shape == shape, sourceLocation: sourceLocation)
    #expect(
      try result.elements(as: Double.self) == values, sourceLocation: sourceLocation)
  }

  @Test(arguments: TestedEngine.allCases)
  func convolutionSlidesAndDoesNotFlip(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3], engine)
      let w = try tensor([1, 10, 100, 1000], [1, 1, 2, 2], engine)
      // 1·1 + 2·10 + 4·100 + 5·1000 at the first place.
      try expect(x.convolved(weight: w), [1, 1, 2, 2], [5421, 6532, 8754, 9865])
      // One row of zeros above, one column to the right.
      let padded = ConvolutionGeometry(padding: Padding(top: 1, bottom: 0, left: 0, right: 1))
      try expect(
        x.convolved(weight: w, bias: tensor([0.5], [1], engine), geometry: padded), [1, 1, 3, 3],
        [2100.5, 3200.5, 300.5, 5421.5, 6532.5, 603.5, 8754.5, 9865.5, 906.5])
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func groupsSeeTheirOwnChannels(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor([1, 2, 3, 4], [1, 4, 1, 1], engine)
      let w = try tensor([1, 10, 100, 1000], [2, 2, 1, 1], engine)
      try expect(
        x.convolved(weight: w, geometry: .init(groups: 2)), [1, 2, 1, 1], [21, 4300])
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func epilogueAddsThenActivates(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor([1, -2], [1, 2], engine)
      let w = try tensor([1, 0, 0, 1], [2, 2], engine)
      let epilogue = Epilogue(residual: try tensor([-3, 4], [1, 2], engine), activation: .relu)
      try expect(x.linear(weight: w, epilogue: epilogue), [1, 2], [0, 2])
      let image = try tensor([1, -2], [1, 2, 1, 1], engine)
      let pixels = Epilogue(
        residual: try tensor([-3, 4], [1, 2, 1, 1], engine), activation: .relu)
      try expect(
        image.convolved(weight: tensor([1, 0, 0, 1], [2, 2, 1, 1], engine), epilogue: pixels),
        [1, 2, 1, 1], [0, 2])
      let one = try tensor([1, 1], [2], engine)
      let zero = try tensor([0, 0], [2], engine)
      try expect(
        image.batchNormalized(
          mean: zero, variance: one, weight: nil, bias: nil, epsilon: 0, epilogue: pixels),
        [1, 2, 1, 1], [0, 2])
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func averagesDivideByWhatPyTorchCounts(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3], engine)
      func mean(_ include: Bool, ceil: Bool = false, _ stride: Int = 2) throws -> Tensor {
        try x.pooled(
          PoolingGeometry(
            .average(countIncludePad: include), kernel: 2, stride: Pair(stride), padding: 1,
            ceilMode: ceil))
      }
      try expect(mean(true), [1, 1, 2, 2], [0.25, 1.25, 2.75, 7])
      try expect(mean(false), [1, 1, 2, 2], [1, 2.5, 5.5, 7])
      // A window that reaches beyond the image divides by its part inside image and padding.
      let beyond = try x.pooled(
        PoolingGeometry(.average(countIncludePad: true), kernel: 2, stride: 2, ceilMode: true))
      try expect(beyond, [1, 1, 2, 2], [3, 4.5, 7.5, 9])
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func adaptiveWindowsOverlap(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor([1, 2, 3, 4, 5], [1, 1, 1, 5], engine)
      // 0..<2, 1..<4, 3..<5.
      try expect(
        x.adaptiveAveragePooled(to: Pair(1, 3)), [1, 1, 1, 3], [1.5, 3, 4.5])
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func identityWarpReturnsTheImage(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor((0..<16).map { Double($0) }, [1, 1, 4, 4], engine)
      let theta = try tensor([1, 0, 0, 0, 1, 0], [1, 2, 3], engine)
      let grid = try theta.affineGrid(size: 4, alignCorners: false)
      // PyTorch's own float32 result for −0.25, from its `linspace` with fused multiply-adds.
      let inner = engine.dtype == .float64 ? -0.25 : -0.2499999850988388
      #expect(try grid.elements(as: Double.self).prefix(4) == [-0.75, -0.75, inner, -0.75])
      try expect(
        x.gridSampled(grid, alignCorners: false), [1, 1, 4, 4], (0..<16).map { Double($0) })
      // Half of the corner's weight lies outside and counts as zero.
      let edge = try tensor([-1, -0.75], [1, 1, 1, 2], engine)
      try expect(
        x.narrowed(2, start: 0, length: 4).gridSampled(edge, alignCorners: false), [1, 1, 1, 1],
        [0])
      let right = try tensor([1, -0.75], [1, 1, 1, 2], engine)
      try expect(x.gridSampled(right, alignCorners: false), [1, 1, 1, 1], [1.5])
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func attentionAveragesValues(_ engine: TestedEngine) throws {
    try engine.run {
      let q = try tensor([0, 0], [1, 2], engine)
      let k = try tensor([1, 2, 3, 4], [2, 2], engine)
      let v = try tensor([10, 20, 30, 40], [2, 2], engine)
      // Equal scores: the mean of the values. A mask leaves one.
      try expect(q.attention(keys: k, values: v), [1, 2], [20, 30])
      let mask = try tensor([-.infinity, 0], [1, 2], engine)
      try expect(q.attention(keys: k, values: v, bias: mask), [1, 2], [30, 40])
    }
  }

  @Test(arguments: TestedEngine.allCases, TestedLayout.allCases)
  func channelScaleIsOnePassOfItsParts(_ engine: TestedEngine, _ layout: TestedLayout) throws {
    try engine.run {
      for shape: Shape in [[2, 5, 3, 4], [2, 7], [1, 3, 1, 1], [3, 2, 5]] {
        let values = (0..<shape.elementCount).map { Double($0 % 11) - 5 }
        let x = try layout.arrange(tensor(values, shape, engine))
        let residual = try tensor(values.map { 2 - $0 / 2 }, shape, engine)
        let scale = try tensor(
          (0..<(shape[0] * shape[1])).map { 0.5 * Double($0) - 1 }, [shape[0], shape[1]], engine)
        for added in [nil, residual] {
          for activation in [nil, Activation.relu, .hardSwish] {
            var expected = try x * scale.expanded(toRank: x.rank)
            if let added { expected = try expected + added }
            if let activation { expected = try expected.activated(activation) }
            let epilogue = Epilogue(residual: added, activation: activation)
            try expect(
              x.scaledByChannel(scale, epilogue: epilogue), shape,
              expected.elements(as: Double.self))
          }
        }
      }
    }
  }

  /// Added one after the other, so many float32 tenths are off by 0.25 %. In blocks the error
  /// stays below block length plus number of blocks, in roundings, whatever the signs.
  @Test func longSumsRunInBlocks() throws {
    try TestedEngine.plainFloat32.run {
      let count = 1 << 18
      let x = try Tensor(repeating: Float(0.1), shape: [count, 1]).contiguous()
      let exact = Double(count) * Double(Float(0.1))
      let ones = try Tensor(repeating: Float(1), shape: [1, count]).contiguous()
      let rows = 512 / 8 + 8 + count / 512
      let products = 256 + count / 256
      let sums: [(Tensor, roundings: Int)] = [
        (try x.sum(axes: [0]), rows), (try x.reshaped([1, count]).sum(axes: [1]), rows),
        (try x.reshaped([count / 2, 2]).sum(axes: [0]).sum(axes: [0]), 64 + count / 2 / 64),
        (try ones.matmul(x).squeezed(0), products),
        (try ones.linear(weight: x.transposed()).squeezed(0), products),
      ]
      for (index, sum) in sums.enumerated() {
        let got = try sum.0.elements(as: Double.self)[0]
        let limit = Double(sum.roundings) * TestedEngine.plainFloat32.roundoff
        #expect(abs(got / exact - 1) <= limit, "sum \(index): \(got), exact \(exact)")
      }
    }
  }

  @Test(arguments: TestedEngine.allCases)
  func emptyTensorsStayEmpty(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try tensor([], [0, 3, 4, 4], engine)
      let w = try tensor([Double](repeating: 1, count: 12), [4, 3, 1, 1], engine)
      #expect(try x.convolved(weight: w).shape == [0, 4, 4, 4])
      #expect(try x.activated(.gelu).shape == x.shape)
      #expect(try x.pooled(.init(.maximum, kernel: 2)).shape == [0, 3, 2, 2])
      #expect(try x.softmax(axis: 1).shape == x.shape)
      #expect(try x.mean(axes: [2, 3]).shape == [0, 3])
      #expect(try (x + x).shape == x.shape)
      let rows = try tensor([], [0, 3], engine)
      #expect(try rows.linear(weight: tensor([1, 2, 3], [1, 3], engine)).shape == [0, 1])
      #expect(try rows.matmul(tensor([1, 2, 3], [3, 1], engine)).shape == [0, 1])
      #expect(try rows.layerNormalized(weight: nil, bias: nil, epsilon: 1e-5).shape == [0, 3])
      try expect(x.sum(axes: [0]).sum(axes: [1, 2]), [3], [0, 0, 0])
    }
  }
}
