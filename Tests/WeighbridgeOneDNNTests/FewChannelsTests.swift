import TestSupport

#if OneDNN
  import Foundation
  import Testing

  @testable import WeighbridgeEngine

  @Suite("Convolutions of few channels", .serialized) struct FewChannelsTests {
    private let suite = OneDNNConvolutionTests()

    /// The form for few channels, whatever this build takes by itself.
    private func convolution(
      _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ geometry: ConvolutionGeometry,
      _ epilogue: Epilogue, _ cache: OperatorCache = OperatorCache()
    ) throws -> Tensor {
      let output = try geometry.outputShape(input: x.shape, weight: weight.shape)
      #expect(FewChannelsPlan.suits(weight.shape, geometry, output: output))
      return try FewChannelsPlan.$isWanted.withValue(true) {
        try suite.engine.convolution(
          x, weight: weight, bias: bias, geometry: geometry, output: output, epilogue: epilogue,
          cache: cache)
      }
    }

    /// Every number of channels, windows that hang over every edge or are larger than the image, rows
    /// that no block of cells fills, against float64 with the bound of a sum in any order.
    @Test(arguments: 0..<48) func sameAsTheSumOverWindows(seed: Int) throws {
      var g = SplitMix(seed: UInt64(seed))
      let window = g.pick((3, 3), (5, 5), (7, 7), (1, 3), (5, 1), (4, 2))
      let stride = g.pick((1, 1), (2, 2), (1, 3), (4, 4))
      let sides = g.pick((9, 9), (14, 31), (5, 25), (28, 13), (3, 64))
      let input: Shape = [g.pick(1, 3), g.pick(1, 2, 3, 8, 15, 16), sides.0, sides.1]
      let outputs =
        input[0] == 1
        ? g.pick(1, 2, 7, 8, 10, 17, 20, 23, 24, 25, 31, 33, 40, 41, 47) : seed % 8 + 1
      let geometry = ConvolutionGeometry(
        stride: Pair(stride.0, stride.1),
        padding: Padding(
          top: g.pick(1, 2), bottom: g.pick(2, 3), left: g.pick(0, 1, 3), right: g.pick(1, 4)))
      let layout = g.pick("nchw", "channels-last", "view", "unaligned")
      let activation: Activation? = g.pick(nil, .relu, .silu)
      let x = try suite.laidOut(g.tensor(input), layout)
      let weight = try suite.laidOut(
        g.tensor([outputs, input[1], window.0, window.1]), layout == "view" ? "" : layout)
      let bias = g.pick(true, false) ? try g.tensor([outputs]) : nil
      let output = try geometry.outputShape(input: input, weight: weight.shape)
      let residual = g.pick(true, false) ? try suite.laidOut(g.tensor(output), layout) : nil
      let cells = try ConvolutionCells(x, weight, bias, residual, geometry, output)
      let cache = OperatorCache()
      for _ in 0..<2 {  // planned, then kept
        let got = try convolution(
          x, weight, bias, geometry, Epilogue(residual: residual, activation: activation), cache)
        #expect(got.isDense(.channelsLast))
        let values: [Float] = try got.elements()
        let wrong = values.indices.filter { index in
          let (sum, magnitude, terms) = cells.sum(at: index)
          let want =
            switch activation {
            case .relu: max(sum, 0)
            case .silu: sum / (1 + exp(-sum))
            default: sum
            }
          let bound = Double(terms + 4) * 0x1p-24 * magnitude + 0x1p-100
          return !(abs(Double(values[index]) - want) <= bound)
        }
        #expect(
          wrong.isEmpty,
          "\(input), \(window) to \(outputs), stride \(stride): \(wrong.count), first \(wrong.first ?? 0)"
        )
      }
    }

    /// What is not finite comes to the cells whose windows hold it, and to no others; a rectifier keeps it.
    @Test(arguments: [Float.nan, .infinity, -.infinity], [nil, Activation.relu])
    func whatIsNotFiniteKeepsToItsCells(value: Float, activation: Activation?) throws {
      var g = SplitMix(seed: 5)
      var image: [Float] = try g.tensor([1, 3, 9, 17]).elements()
      image[200] = value
      let x = try Tensor(image, shape: [1, 3, 9, 17])
      let weight = try g.tensor([10, 3, 3, 3])
      let geometry = ConvolutionGeometry(padding: 1)
      let epilogue = Epilogue(activation: activation)
      let got: [Float] = try convolution(x, weight, nil, geometry, epilogue).elements()
      let want: [Float] = try PlainEngine().convolution(
        x, weight: weight, bias: nil, geometry: geometry, output: [1, 10, 9, 17],
        epilogue: epilogue, cache: OperatorCache()
      ).elements()
      let differ = zip(got, want).contains { a, b in
        a.isNaN != b.isNaN || (!b.isFinite && !b.isNaN && a != b)
      }
      #expect(!differ)
    }

    /// Windows of one cell that step over others read an image of what they read.
    @Test(arguments: [(2, 2), (3, 1), (1, 4), (5, 5)], ["nchw", "channels-last", "view"])
    func windowsOfOneCellWithAStride(stride: (Int, Int), layout: String) throws {
      var g = SplitMix(seed: 3)
      let x = try suite.laidOut(g.tensor([2, 19, 13, 8]), layout)
      let weight = try g.tensor([5, 19, 1, 1])
      let geometry = ConvolutionGeometry(stride: Pair(stride.0, stride.1))
      let output = try geometry.outputShape(input: x.shape, weight: weight.shape)
      let cells = try ConvolutionCells(x, weight, nil, nil, geometry, output)
      let values: [Float] = try suite.engine.convolution(
        x, weight: weight, bias: nil, geometry: geometry, output: output, epilogue: .none,
        cache: OperatorCache()
      ).elements()
      let wrong = values.indices.filter { index in
        let (sum, magnitude, terms) = cells.sum(at: index)
        return !(abs(Double(values[index]) - sum) <= Double(terms) * 0x1p-24 * magnitude)
      }
      #expect(wrong.isEmpty)
    }
  }
#endif
