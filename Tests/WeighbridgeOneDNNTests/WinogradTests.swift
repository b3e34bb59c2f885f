import TestSupport

#if OneDNN
  import Foundation
  import Testing

  @testable import WeighbridgeEngine

  @Suite("Convolutions in Winograd's form", .serialized) struct WinogradTests {
    typealias Tiling = WinogradPlan.Tiling

    private struct Case: CustomStringConvertible {
      var input: Shape
      var outputs: Int
      var padding: Padding
      var layout = "channels-last"
      var activation: Activation?
      var addsResidual = false
      var hasBias = true

      var geometry: ConvolutionGeometry { ConvolutionGeometry(padding: padding) }
      var weightShape: Shape { [outputs, input[1], 3, 3] }
      var description: String {
        "\(input) to \(outputs) channels, \(padding), \(layout), residual \(addsResidual), "
          + (activation.map { "\($0)" } ?? "-")
      }
    }

    private func tiling(_ weight: Tensor, _ geometry: ConvolutionGeometry, _ input: Shape) throws
      -> Tiling?
    {
      try Tiling(
        LayerWeight(weight), geometry: geometry, input: input,
        output: geometry.outputShape(input: input, weight: weight.shape))
    }

    /// Odd sizes, tiles that hang over the edge, one and several slices of tiles, against float64.
    @Test(arguments: 0..<24) func sameAsTheSumOverWindows(seed: Int) throws {
      var g = SplitMix(seed: UInt64(seed))
      let sides = g.pick((7, 7), (13, 22), (14, 14), (35, 17), (8, 61), (6, 40))
      let c = Case(
        input: [g.pick(4, 5, 9), g.pick(32, 48, 80), sides.0, sides.1],
        outputs: g.pick(32, 48, 96),
        padding: Padding(
          top: g.pick(0, 1, 2), bottom: g.pick(0, 1, 2), left: g.pick(0, 1), right: g.pick(1, 3)),
        layout: g.pick("nchw", "channels-last", "view", "unaligned"),
        activation: g.pick(nil, .relu, .silu), addsResidual: g.pick(true, false),
        hasBias: g.pick(true, false))
      let suite = OneDNNConvolutionTests()
      let x = try suite.laidOut(g.tensor(c.input), c.layout)
      let weight = try suite.laidOut(g.tensor(c.weightShape), c.layout == "view" ? "" : c.layout)
      let bias = c.hasBias ? try g.tensor([c.outputs]) : nil
      let output = try c.geometry.outputShape(input: c.input, weight: c.weightShape)
      let residual = c.addsResidual ? try suite.laidOut(g.tensor(output), c.layout) : nil
      let isTiled = try tiling(weight, c.geometry, c.input) != nil
      #expect(isTiled, "\(c)")
      let cells = try ConvolutionCells(x, weight, bias, residual, c.geometry, output)
      let cache = OperatorCache()
      for _ in 0..<2 {  // planned, then kept
        let got = try WinogradPlan.$isWanted.withValue(true) {
          try suite.engine.convolution(
            x, weight: weight, bias: bias, geometry: c.geometry, output: output,
            epilogue: Epilogue(residual: residual, activation: c.activation), cache: cache)
        }
        #expect(got.isDense(.channelsLast))
        let values: [Float] = try got.elements()
        var largest = 0.0
        var worst = 0.0
        for index in stride(from: g.pick(0, 1, 2, 3), to: values.count, by: 1 + values.count / 400)
        {
          let (sum, magnitude, _) = cells.sum(at: index)
          let want =
            switch c.activation {
            case .relu: max(sum, 0)
            case .silu: sum / (1 + exp(-sum))
            default: sum
            }
          largest = max(largest, magnitude)
          worst = max(worst, abs(Double(values[index]) - want))
        }
        // A cell's error comes from all cells of its tile, at an edge of more than its own sum has.
        #expect(worst <= 8 * 0x1p-24 * largest, "\(c): \(worst / largest / 0x1p-24)")
      }
    }

    /// What is not finite stays where the windows' sums put it, and so do sums beyond float32.
    @Test(arguments: [Float.nan, .infinity, -.infinity, 3e38], [nil, Activation.relu])
    func whatIsNotFiniteKeepsToItsCells(value: Float, activation: Activation?) throws {
      var g = SplitMix(seed: 9)
      let weight = try g.tensor([32, 32, 3, 3])
      let (input, output): (Shape, Shape) = ([2, 32, 14, 11], [2, 32, 14, 11])
      for isInResidual in [false, true] {
        var (image, residual) = (try g.tensor(input), try g.tensor(output))
        func spoiled(_ x: Tensor) throws -> Tensor {
          var values: [Float] = try x.elements()
          values[values.count / 3] = value
          return try Tensor(values, shape: x.shape)
        }
        if isInResidual { residual = try spoiled(residual) } else { image = try spoiled(image) }
        let geometry = ConvolutionGeometry(padding: 1)
        let isTiled = try tiling(weight, geometry, input) != nil
        #expect(isTiled)
        let epilogue = Epilogue(residual: residual, activation: activation)
        let (got, want) = try (
          WinogradPlan.$isWanted.withValue(true) {
            try OneDNNEngine().convolution(
              image, weight: weight, bias: nil, geometry: geometry, output: output,
              epilogue: epilogue, cache: OperatorCache())
          },
          PlainEngine().convolution(
            image, weight: weight, bias: nil, geometry: geometry, output: output,
            epilogue: epilogue, cache: OperatorCache())
        )
        let (a, b): ([Float], [Float]) = try (got.elements(), want.elements())
        #expect(a.map(\.isNaN) == b.map(\.isNaN))
        #expect(a.map(\.isInfinite) == b.map(\.isInfinite))
      }
    }

    /// Every weight, also of infinity, comes to the cells that it belongs to.
    @Test func infiniteWeights() throws {
      var g = SplitMix(seed: 3)
      var values: [Float] = try g.tensor([32, 32, 3, 3]).elements()
      values[5] = .infinity
      let weight = try Tensor(values, shape: [32, 32, 3, 3])
      let x = try g.tensor([1, 32, 16, 16])
      let geometry = ConvolutionGeometry(padding: 1)
      let got: [Float] = try WinogradPlan.$isWanted.withValue(true) {
        try OneDNNEngine().convolution(
          x, weight: weight, bias: nil, geometry: geometry, output: x.shape, epilogue: .none,
          cache: OperatorCache()
        ).elements()
      }
      // The last column of the first window: no output of the first channel's last column reads it.
      #expect(got[15].isFinite && !got[14].isFinite)
      let others = got.dropFirst(256).allSatisfy { $0.isFinite }
      #expect(others)
    }

    @Test func whatTakesThisForm() throws {
      func takes(
        _ input: Shape, _ weight: Shape, _ geometry: ConvolutionGeometry, _ dtype: DType = .float32
      ) throws -> Bool {
        var g = SplitMix(seed: 1)
        return try tiling(g.tensor(weight).converted(to: dtype), geometry, input) != nil
      }
      let same = ConvolutionGeometry(padding: 1)
      #expect(try takes([1, 64, 14, 14], [64, 64, 3, 3], same))
      #expect(try !takes([1, 64, 7, 7], [64, 64, 3, 3], same), "four tiles are not worth it")
      #expect(try takes([4, 64, 7, 7], [64, 64, 3, 3], same))
      #expect(try !takes([64, 64, 1, 1], [64, 64, 3, 3], same), "a tile for each cell")
      #expect(try !takes([1, 40, 14, 14], [64, 40, 3, 3], same))
      #expect(try !takes([1, 64, 14, 14], [16, 64, 3, 3], same))
      #expect(try !takes([1, 64, 14, 14], [64, 64, 3, 1], same))
      #expect(try !takes([1, 64, 14, 14], [64, 32, 3, 3], .init(padding: 1, groups: 2)))
      #expect(try !takes([1, 64, 29, 29], [64, 64, 3, 3], .init(stride: 2, padding: 1)))
      #expect(try !takes([1, 64, 14, 14], [64, 64, 3, 3], .init(padding: 2, dilation: 2)))
      #expect(try !takes([1, 64, 14, 14], [64, 64, 3, 3], same, .bfloat16), "kept in 16 bits")
    }

    /// Slices cover all tiles, the last one perhaps with fewer.
    @Test(arguments: [16, 191, 192, 193, 385, 1000]) func slices(tiles: Int) throws {
      var g = SplitMix(seed: 1)
      let weight = try g.tensor([32, 32, 3, 3])
      let found = try #require(
        try tiling(weight, .init(padding: 1), [tiles, 32, 4, 4]))
      #expect(found.tiles == tiles)
      #expect((1...192).contains(found.slice))
      #expect((1...found.slice).contains(found.lastSlice))
      #expect((tiles - found.lastSlice) % found.slice == 0)
    }
  }
#endif
