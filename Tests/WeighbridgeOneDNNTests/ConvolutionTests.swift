import TestSupport

#if OneDNN
  import Testing

  @testable import WeighbridgeEngine

  @Suite(.serialized) struct OneDNNConvolutionTests {
    let engine = OneDNNEngine()
    let plain = PlainEngine()

    struct Case: CustomStringConvertible {
      var input: Shape
      var weight: Shape
      var geometry: ConvolutionGeometry
      var hasBias: Bool
      var addsResidual: Bool
      var activation: Activation?
      var layout: String

      var description: String {
        "\(input) ⋆ \(weight) \(geometry) bias \(hasBias) residual \(addsResidual) "
          + "\(activation.map { "\($0)" } ?? "-") \(layout)"
      }
    }

    /// The same elements under another order of memory.
    func laidOut(_ x: Tensor, _ layout: String) throws -> Tensor {
      switch layout {
      case "unaligned": return try x.unaligned()
      case "channels-last": return try x.contiguous(.channelsLast)
      case "view":  // every other column of a wider image
        let wide = try Tensor.stacked([x, x], axis: 4).reshaped([
          x.shape[0], x.shape[1], x.shape[2], x.shape[3] * 2,
        ])
        return try wide.strided(3, start: 0, step: 2)
      default: return x
      }
    }

    func check(_ c: Case, _ generator: inout SplitMix) throws {
      let x = try laidOut(generator.tensor(c.input), c.layout)
      let isUnaligned = c.layout == "unaligned"
      let learned = { (x: Tensor) in isUnaligned ? try x.unaligned() : x }
      let weight = try learned(generator.tensor(c.weight))
      let bias = c.hasBias ? try learned(generator.tensor([c.weight[0]])) : nil
      let output = try c.geometry.outputShape(input: c.input, weight: c.weight)
      let residual = c.addsResidual ? try laidOut(generator.tensor(output), c.layout) : nil
      let cache = OperatorCache()
      let want = try plain.convolution(
        x.float64, weight: weight.float64, bias: bias?.float64, geometry: c.geometry,
        output: output,
        epilogue: Epilogue(residual: residual?.float64, activation: c.activation),
        cache: OperatorCache())
      let scale = try plain.convolution(
        x.magnitude64, weight: weight.magnitude64, bias: bias?.magnitude64, geometry: c.geometry,
        output: output, epilogue: Epilogue(residual: residual?.magnitude64),
        cache: OperatorCache())
      let length = Double(c.weight[1] * c.weight[2] * c.weight[3])
      for _ in 0..<2 {  // compiled, then kept
        let got = try engine.convolution(
          x, weight: weight, bias: bias, geometry: c.geometry, output: output,
          epilogue: Epilogue(residual: residual, activation: c.activation), cache: cache)
        #expect(got.isDense(.channelsLast))
        try expectClose(got, want, scale: scale, ulps: 4 + 2 * length.squareRoot(), "\(c)")
      }
    }

    @Test(arguments: 0..<60)
    func randomGeometries(seed: Int) throws {
      var g = SplitMix(seed: UInt64(seed))
      let groups = g.pick(1, 1, 1, 2, 4, 32)
      let (inputs, outputs) = (g.pick(1, 3, 4, 8, 5), g.pick(1, 2, 4, 7, 16))
      let kernel = (g.pick(1, 1, 3, 5, 7), g.pick(1, 3, 3, 2))
      let geometry = ConvolutionGeometry(
        stride: Pair(g.pick(1, 2, 3), g.pick(1, 2)),
        padding: Padding(
          top: g.pick(0, 1, 3), bottom: g.pick(0, 1, 2), left: g.pick(0, 1), right: g.pick(0, 2)),
        dilation: Pair(g.pick(1, 1, 2), g.pick(1, 3)), groups: groups)
      let input: Shape = [g.pick(1, 3, 8), inputs * groups, g.pick(13, 14, 20), g.pick(9, 16)]
      try check(
        Case(
          input: input, weight: [outputs * groups, inputs, kernel.0, kernel.1], geometry: geometry,
          hasBias: g.pick(true, false), addsResidual: g.pick(true, false),
          activation: g.pick(nil, .relu, .silu),
          layout: g.pick("nchw", "channels-last", "view", "unaligned")),
        &g)
    }

    @Test(arguments: [8, 32, 40]) func depthwise(channels: Int) throws {
      var g = SplitMix(seed: 7)
      try check(
        Case(
          input: [2, channels, 9, 11], weight: [channels, 1, 3, 3],
          geometry: ConvolutionGeometry(padding: 1, groups: channels), hasBias: true,
          addsResidual: true, activation: .relu, layout: "nchw"), &g)
    }

    @Test func joinedGroups() throws {
      let merging = GroupMerging(groups: 32, inputs: 4, outputs: 4, lanes: 16)
      #expect(merging.factor == 4)
      #expect(merging.mergedGroups == 8)
      let weight = try Tensor([Float]([1, 2, 3, 4]), shape: [4, 1, 1, 1])
      let joined = try GroupMerging(groups: 4, inputs: 1, outputs: 1, lanes: 2).merged(weight)
      #expect(joined.shape == [4, 1, 1, 1], "depthwise stays")
      let pairs = try GroupMerging(groups: 2, inputs: 1, outputs: 2, lanes: 2).merged(weight)
      #expect(try pairs.elements() as [Float] == [1, 0, 2, 0, 0, 3, 0, 4])
    }

    @Test func aNaNWeightSurvivesTheRectifier() throws {
      let x = try Tensor([Float](repeating: 1, count: 16), shape: [1, 1, 4, 4])
      let weight = try Tensor([Float.nan], shape: [1, 1, 1, 1])
      let y = try engine.convolution(
        x, weight: weight, bias: nil, geometry: .init(), output: [1, 1, 4, 4],
        epilogue: Epilogue(activation: .relu), cache: OperatorCache())
      #expect(try (y.elements() as [Float]).allSatisfy(\.isNaN))
    }

    /// NaN from the input or the residual, and infinities that meet in a sum, stay NaN as in PyTorch.
    @Test(arguments: [Float.nan, .infinity, -.infinity], [false, true])
    func nonFiniteInputsSurviveTheRectifier(value: Float, inResidual: Bool) throws {
      var g = SplitMix(seed: 9)
      let weight = try g.tensor([5, 3, 3, 3])
      var (image, residual) = (try g.tensor([2, 3, 7, 6]), try g.tensor([2, 5, 7, 6]))
      func spoiled(_ x: Tensor) throws -> Tensor {
        var values: [Float] = try x.elements()
        values[values.count / 3] = value
        return try Tensor(values, shape: x.shape)
      }
      if inResidual { residual = try spoiled(residual) } else { image = try spoiled(image) }
      let (got, want) = try (
        engine.convolution(
          image, weight: weight, bias: nil, geometry: .init(padding: 1), output: [2, 5, 7, 6],
          epilogue: Epilogue(residual: residual, activation: .relu), cache: OperatorCache()),
        PlainEngine().convolution(
          image, weight: weight, bias: nil, geometry: .init(padding: 1), output: [2, 5, 7, 6],
          epilogue: Epilogue(residual: residual, activation: .relu), cache: OperatorCache())
      )
      let (a, b): ([Float], [Float]) = try (got.elements(), want.elements())
      #expect(a.map(\.isNaN) == b.map(\.isNaN))
      #expect(a.map(\.isInfinite) == b.map(\.isInfinite))
      #expect(value.isNaN == b.contains { $0.isNaN })
    }

    @Test func concurrentCallsOfOneLayer() async throws {
      var g = SplitMix(seed: 3)
      let weight = try g.tensor([16, 8, 3, 3])
      let inputs = try (0..<8).map { _ in try g.tensor([1, 8, 12, 12]) }
      let cache = OperatorCache()
      let geometry = ConvolutionGeometry(padding: 1)
      let engine = engine
      @Sendable func run(_ x: Tensor) throws -> [Float] {
        try engine.convolution(
          x, weight: weight, bias: nil, geometry: geometry, output: [1, 16, 12, 12],
          epilogue: .none, cache: cache
        ).elements()
      }
      let alone = try inputs.map(run)
      try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
        for round in 0..<40 {
          let index = round % inputs.count
          let x = inputs[index]
          group.addTask { (index, try run(x)) }
        }
        for try await (index, got) in group { #expect(got == alone[index]) }
      }
    }
  }
#endif
