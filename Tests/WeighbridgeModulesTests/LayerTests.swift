import Testing
import WeighbridgeCauses
import WeighbridgeModules

/// Layers beside the operators that they are made of, their parameters, and what they refuse.
@Suite struct LayerTests {
  /// Parameters 0.1, 0.2, … by name and shape, so that each differs.
  private struct Counting: WeightSource {
    func contains(_ name: String) -> Bool { true }

    func tensor(for request: ParameterRequest) throws -> Tensor {
      let count = request.shape.elementCount
      return try Tensor((0..<count).map { Float($0 + 1) / 10 }, shape: request.shape)
    }
  }

  private func build<M: Module>(_ make: (WeightScope) throws -> M) throws -> (M, Ledger) {
    (try WeightScope.bind(Counting(), make), try WeightScope.describe(source: Counting(), make))
  }

  private func image(_ shape: Shape) throws -> Tensor {
    try Tensor(
      (0..<shape.elementCount).map { Float(($0 * 37) % 23) / 11 - 1 }, shape: shape)
  }

  private func expectSame(
    _ a: Tensor, _ b: Tensor, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(a.shape == b.shape, sourceLocation: sourceLocation)
    #expect(
      try a.elements(as: Float.self) == b.elements(as: Float.self), sourceLocation: sourceLocation)
  }

  private func expectUsage(
    sourceLocation: SourceLocation = #_sourceLocation, _ make: (WeightScope) throws -> Any
  ) {
    let error = #expect(throws: WeighbridgeError.self, sourceLocation: sourceLocation) {
      _ = try WeightScope.describe(make)
    }
    #expect(error?.code == .usage, sourceLocation: sourceLocation)
  }

  @Test func rolesTellTheLayout() throws {
    let (transposed, asked) = try build {
      try ConvTranspose2d($0, in: 4, out: 6, kernel: 2, groups: 2)
    }
    #expect(asked.requests[0].role == .transposedConvolutionWeight)
    #expect(asked.requests[0].shape == [4, 3, 2, 2])
    #expect(transposed.parameters.map(\.name) == ["weight", "bias"])
    let (_, sequence) = try build { try Conv1d($0, in: 4, out: 6, kernel: 3, groups: 2) }
    #expect(sequence.requests[0].role == .sequenceConvolutionWeight)
    #expect(sequence.requests[0].shape == [6, 2, 3])
    let (_, table) = try build { try Embedding($0, count: 5, features: 3) }
    #expect(table.requests[0].role == .table && table.requests[0].shape == [5, 3])
  }

  @Test func convolutions() throws {
    let x = try image([2, 4, 3, 5])
    let (up, _) = try build {
      try ConvTranspose2d($0, in: 4, out: 6, kernel: 3, stride: 2, padding: 1, outputPadding: 1)
    }
    #expect(try up(x).shape == [2, 6, 6, 10])
    let (row, _) = try build { try Conv1d($0, in: 4, out: 6, kernel: 3, stride: 2, padding: 1) }
    let line = try x.narrowed(2, start: 0, length: 1)
    let expected = try line.convolved(
      weight: row.weight.unsqueezed(2), bias: row.bias,
      geometry: ConvolutionGeometry(stride: Pair(1, 2), padding: Padding(0, 1)))
    try expectSame(row(line.squeezed(2)), expected.squeezed(2))
    let (standard, asked) = try build {
      try StandardizedConv2d($0, in: 4, out: 6, kernel: 3, gamma: 1.5)
    }
    #expect(asked.requests.map(\.name) == ["weight", "bias", "gain"])
    let weight = try standard.weight.standardizedWeight(
      epsilon: 1e-6, gain: #require(standard.gain).affine(scale: 1.5 / 6))
    try expectSame(standard(x), x.convolved(weight: weight, bias: standard.bias))
    expectUsage { try ConvTranspose2d($0, in: 4, out: 5, kernel: 2, groups: 2) }
    expectUsage { try Conv1d($0, in: 4, out: 5, kernel: 2, groups: 0) }
    expectUsage { try StandardizedConv2d($0, in: 4, out: 5, kernel: 2, groups: 2) }
  }

  @Test func norms() throws {
    let x = try image([2, 3, 4, 5])
    let (layer, _) = try build { try LayerNorm2d($0, channels: 3) }
    let last = try x.permuted([0, 2, 3, 1])
      .layerNormalized(weight: layer.weight, bias: layer.bias, epsilon: 1e-6)
    try expectSame(layer(x), last.permuted([0, 3, 1, 2]))
    let (instance, none) = try build { try InstanceNorm($0, channels: 3) }
    #expect(none.requests.isEmpty)
    try expectSame(
      instance(x), x.groupNormalized(groups: 3, weight: nil, bias: nil, epsilon: 1e-5))
    let (rms, _) = try build { try RMSNorm($0, features: 5) }
    try expectSame(
      rms(x), x.rmsNormalized(weight: rms.weight, epsilon: Double(Float.ulpOfOne)))
    #expect(try layer.alternatives(for: x).count == 7)
    #expect(throws: WeighbridgeError.self) { try layer(image([2, 3])) }
    #expect(throws: WeighbridgeError.self) { try instance(image([2, 4, 3])) }
    #expect(throws: WeighbridgeError.self) { try rms(image([2, 4])) }
  }

  @Test func withoutParameters() throws {
    let scope = try WeightScope.bind(Counting()) { $0 }
    let x = try image([2, 4, 6, 5])
    #expect(try Flatten(scope)(x).shape == [2, 120])
    #expect(try Flatten(scope, from: 2)(x).shape == [2, 4, 30])
    #expect(try Unflatten(scope, axis: 1, sizes: [2, -1])(x).shape == [2, 2, 2, 6, 5])
    try expectSame(Dropout(scope, kind: "DropPath")(x), x)
    #expect(Dropout(scope, kind: "DropPath").kind == "DropPath")
    try expectSame(PixelShuffle(scope, factor: 2)(x), x.pixelShuffled(2))
    #expect(try PixelUnshuffle(scope, factor: 1)(x).shape == x.shape)
    try expectSame(
      Upsample(scope, factor: 2, .bilinear, alignCorners: true)(x),
      x.interpolated(by: [2, 2], Interpolation(.bilinear, alignCorners: true)))
    try expectSame(
      Upsample(scope, to: .size([3]), Interpolation(.nearest))(x),
      x.interpolated(to: [3, 3], Interpolation(.nearest)))
    let sides = Padding(top: 1, bottom: 2, left: 0, right: 3)
    let amounts = [AxisPadding(1, 2), AxisPadding(0, 3)]
    try expectSame(ZeroPad2d(scope, sides)(x), x.padded(amounts, .constant(0)))
    try expectSame(ConstantPad2d(scope, sides, value: 2)(x), x.padded(amounts, .constant(2)))
    try expectSame(ReflectionPad2d(scope, sides)(x), x.padded(amounts, .reflect))
    try expectSame(ReplicationPad2d(scope, sides)(x), x.padded(amounts, .replicate))
    #expect(try ConstantPad1d(scope, before: 1, after: 1)(x).shape == [2, 4, 6, 7])
    try expectSame(AdaptiveMaxPool2d(scope, outputSize: 2)(x), x.adaptiveMaxPooled(to: 2))
    #expect(try AdaptiveAvgPool2d(scope, outputSize: Pair(-1, 1))(x).shape == [2, 4, 6, 1])
    let line = try x.selected(2, 1)
    #expect(try MaxPool1d(scope, kernel: 2)(line).shape == [2, 4, 2])
    #expect(try AvgPool1d(scope, kernel: 3, stride: 1, padding: 1)(line).shape == [2, 4, 5])
    try expectSame(
      AdaptiveAvgPool1d(scope, outputSize: 1)(line), line.mean(axes: [2], keepingAxes: true))
    #expect(throws: WeighbridgeError.self) { try MaxPool1d(scope, kernel: 2)(x) }
  }

  @Test func slopesAndTables() throws {
    let x = try Tensor([-2, 3, .nan, -.infinity, 1, -1] as [Float], shape: [1, 2, 3])
    let (one, _) = try build { try PReLU($0) }
    let (two, _) = try build { try PReLU($0, channels: 2) }
    let values = try two(x).elements(as: Float.self)
    #expect(values[0] == -2 * 0.1 && values[1] == 3 && values[2].isNaN)
    #expect(values[3] == -.infinity && values[4] == 1 && values[5] == -0.2)
    #expect(try one(x).elements(as: Float.self)[5] == -0.1)
    #expect(throws: WeighbridgeError.self) { try two(image([1, 3, 2])) }
    let (table, _) = try build { try Embedding($0, count: 4, features: 2) }
    let rows = try table(Tensor([3, 0] as [Int64], shape: [2, 1]))
    #expect(rows.shape == [2, 1, 2])
    #expect(try rows.elements(as: Float.self) == [0.7, 0.8, 0.1, 0.2])
    for wrong in [-1, 4] as [Int64] {
      #expect(throws: WeighbridgeError.self) { try table(Tensor([wrong], shape: [1])) }
    }
    #expect(throws: WeighbridgeError.self) { try table(image([1])) }
  }

  @Test func attentionAndRecurrenceRefuse() throws {
    expectUsage { try MultiheadAttention($0, width: 6, heads: 4) }
    expectUsage { try MultiheadAttention($0, width: 6, heads: 0) }
    expectUsage { try LSTM($0, in: 0, hidden: 2) }
    expectUsage { try GRU($0, in: 3, hidden: 2, layers: 0) }
    let (attention, _) = try build { try MultiheadAttention($0, width: 6, heads: 2) }
    let x = try image([3, 2, 6])
    for mask in [try image([3, 4]), try image([3]), try image([3, 3, 3])] {
      #expect(throws: WeighbridgeError.self) {
        try attention(MultiheadAttentionInput(query: x, key: x, value: x, attentionMask: mask))
      }
    }
    #expect(throws: WeighbridgeError.self) {
      try attention(
        MultiheadAttentionInput(query: x, key: x, value: x, keyPaddingMask: image([2, 2, 3])))
    }
    #expect(throws: WeighbridgeError.self) {
      try attention(MultiheadAttentionInput(image([3, 6])))
    }
    #expect(throws: WeighbridgeError.self) {
      try attention(MultiheadAttentionInput(image([3, 2, 5])))
    }
    let (lstm, _) = try build { try LSTM($0, in: 6, hidden: 2) }
    for state in [[try image([1, 2, 2])], [try image([1, 2, 3]), try image([1, 2, 3])]] {
      #expect(throws: WeighbridgeError.self) { try lstm(RecurrentInput(x, state: state)) }
    }
    #expect(throws: WeighbridgeError.self) { try lstm(RecurrentInput(image([6]))) }
    #expect(throws: WeighbridgeError.self) { try lstm(RecurrentInput(Tensor.zeros([0, 2, 6]))) }
  }

  /// Each other form computes something else, or is of another shape: none is mistaken for the layer.
  @Test func otherFormsDiffer() throws {
    let scope = try WeightScope.bind(Counting()) { $0 }
    let x = try image([1, 8, 6, 6])
    func expectOthers<M: Diagnosable>(_ module: M, _ least: Int) throws
    where M.Input == Tensor, M.Output == Tensor {
      let own = try module(x).elements(as: Float.self)
      let others = try module.alternatives(for: x)
      #expect(others.count >= least)
      for other in others {
        guard let values = try? other.compute(x).elements(as: Float.self) else { continue }
        #expect(values != own, "\(other.cause.text)")
      }
    }
    try expectOthers(Upsample(scope, to: .size([9, 4]), Interpolation(.bilinear)), 8)
    try expectOthers(ReflectionPad2d(scope, 1), 4)
    try expectOthers(PixelShuffle(scope, factor: 2), 1)
    try expectOthers(PixelUnshuffle(scope, factor: 2), 1)
    try expectOthers(AdaptiveMaxPool2d(scope, outputSize: 2), 1)
    let (up, _) = try build { try ConvTranspose2d($0, in: 8, out: 2, kernel: 3, stride: 2) }
    try expectOthers(up, 4)
  }
}
