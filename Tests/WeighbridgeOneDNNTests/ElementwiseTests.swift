import TestSupport

#if OneDNN
  import Testing

  @testable import WeighbridgeEngine

  @Suite(.serialized) struct OneDNNElementwiseTests {
    let engine = OneDNNEngine()
    let plain = PlainEngine()

    static let activations: [Activation] = [
      .relu, .relu6, .leakyReLU(slope: 0.01), .gelu, .geluTanh, .geluQuick, .silu, .sigmoid,
      .hardSigmoid, .hardSwish, .tanh, .elu(alpha: 1), .softplus,
    ]

    /// RMS error over RMS value, in units of 2⁻²⁴. PyTorch's own are between 0.3 and 1.5.
    @Test(arguments: activations, [0.01, 1, 6, 30])
    func activationsAreAsAccurateAsFloat32Allows(activation: Activation, range: Float) throws {
      var g = SplitMix(seed: 5)
      let x = try g.tensor([1, 3, 41, 67], scale: range)
      let got: [Double] = try engine.activate(x, activation).elements()
      let want: [Double] = try plain.activate(x.float64, activation).elements()
      var (error, square) = (0.0, 0.0)
      for (a, b) in zip(got, want) {
        error += (a - b) * (a - b)
        square += b * b
      }
      #expect((error / square).squareRoot() * 0x1p24 <= 1.2, "\(activation) up to \(range)")
    }

    @Test(arguments: activations)
    func activationsOfSpecialValues(activation: Activation) throws {
      let values: [Float] = [
        .infinity, -.infinity, .nan, 0, -0.0, 100, -100, .leastNonzeroMagnitude,
        -.leastNormalMagnitude, 3e38, -3e38,
      ]
      let x = try Tensor(values, shape: [11])
      let got: [Double] = try engine.activate(x, activation).elements()
      let want: [Double] = try plain.activate(x, activation).elements()
      for index in values.indices where want[index].isNaN || got[index].isNaN {
        // The vector forms find the limits where the formula has 0·∞.
        let isLimit = values[index] == -.infinity && abs(got[index]) == 0
        #expect(
          isLimit || got[index].isNaN == want[index].isNaN, "\(activation) of \(values[index])")
      }
      for index in values.indices where want[index].isFinite && got[index].isFinite {
        #expect(
          abs(got[index] - want[index]) <= 4e-7 * abs(want[index]) + 1e-37,
          "\(activation) of \(values[index]): \(got[index]), not \(want[index])")
      }
    }

    @Test(arguments: [1, 3, 8, 13, 400])
    func softmaxOfRows(length: Int) throws {
      var g = SplitMix(seed: UInt64(length))
      let x = try g.tensor([5, 7, length], scale: 20)
      let got = try engine.softmax(x, axis: 2, logarithm: false)
      let want = try plain.softmax(x.float64, axis: 2, logarithm: false)
      // x − max goes down to −40, where it rounds by up to 2⁻¹⁹, and eˣ turns that into a relative
      // error: 32 units of 2⁻²⁴, and a few for eˣ itself and the sum.
      try expectClose(got, want, scale: want, ulps: 40, "softmax of \(length)")
    }

    @Test func softmaxWithMasks() throws {
      let x = try Tensor(
        [0, -.infinity, 0, -.infinity, -.infinity, -.infinity, 1, .nan, 0] as [Float],
        shape: [3, 3])
      let got: [Float] = try engine.softmax(x, axis: 1, logarithm: false).elements()
      #expect(got[0..<3] == [0.5, 0, 0.5])
      #expect(got[3...].filter(\.isNaN).count == 6)
    }

    @Test(arguments: [(3, 5), (1, 64), (2, 19)], [nil, Activation.relu, .silu])
    func scaledChannels(size: (batch: Int, channels: Int), activation: Activation?) throws {
      var g = SplitMix(seed: 1)
      let shape: Shape = [size.batch, size.channels, 7, 9]
      let x = try g.tensor(shape).contiguous(.channelsLast)
      let gate = try g.tensor([size.batch, size.channels, 1, 1])
      let residual = try g.tensor(shape)
      for addend in [nil, residual] {
        let got = try engine.scaleChannels(
          x, by: gate, epilogue: Epilogue(residual: addend, activation: activation))
        let want = try plain.scaleChannels(
          x.float64, by: gate.float64,
          epilogue: Epilogue(residual: addend?.float64, activation: activation))
        let scale = try Tensor(repeating: 2.0, shape: shape)
        try expectClose(got, want, scale: scale, ulps: 3, "gate")
      }
    }
  }
#endif
