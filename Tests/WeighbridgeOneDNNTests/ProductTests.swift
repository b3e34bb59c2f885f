import TestSupport

#if OneDNN
  import Testing

  @testable import WeighbridgeEngine

  @Suite(.serialized) struct OneDNNProductTests {
    let engine = OneDNNEngine()
    let plain = PlainEngine()

    @Test(arguments: 0..<40)
    func linear(seed: Int) throws {
      var g = SplitMix(seed: UInt64(seed))
      let (inputs, outputs) = (g.pick(1, 3, 16, 100, 170), g.pick(1, 7, 10, 64, 90))
      let leading = g.pick([], [1], [8], [3, 65], [2, 1, 5])
      let x = try g.tensor(Shape(leading + [inputs]))
      let weight = try g.tensor([outputs, inputs])
      let bias = g.pick(true, false) ? try g.tensor([outputs]) : nil
      let residual = g.pick(true, false) ? try g.tensor(Shape(leading + [outputs])) : nil
      let activation = g.pick(nil, Activation.relu, .gelu)
      let cache = OperatorCache()
      let got = try engine.linear(
        x, weight: weight, bias: bias,
        epilogue: Epilogue(residual: residual, activation: activation), cache: cache)
      let want = try plain.linear(
        x.float64, weight: weight.float64, bias: bias?.float64,
        epilogue: Epilogue(residual: residual?.float64, activation: activation),
        cache: OperatorCache())
      let scale = try plain.linear(
        x.magnitude64, weight: weight.magnitude64, bias: bias?.magnitude64,
        epilogue: Epilogue(residual: residual?.magnitude64), cache: OperatorCache())
      try expectClose(
        got, want, scale: scale, ulps: 4 + 2 * Double(inputs).squareRoot(),
        "\(x.shape) · \(weight.shape)ᵀ")
      let moved = try engine.linear(
        x.unaligned(), weight: weight.unaligned(), bias: bias?.unaligned(),
        epilogue: Epilogue(residual: residual?.unaligned(), activation: activation),
        cache: OperatorCache())
      #expect(try moved.elements(as: Float.self) == got.elements(as: Float.self))
    }

    @Test(arguments: [(1, 1024, 200), (8, 512, 100), (1, 64, 4)])
    func everyFormOfALinearMap(rows: Int, inputs: Int, outputs: Int) throws {
      var g = SplitMix(seed: 11)
      let x = try g.tensor([rows, inputs])
      let weight = try g.tensor([outputs, inputs]).transposed().contiguous().transposed()
      let bias = try g.tensor([outputs])
      let cache = OperatorCache()
      let got = try engine.linear(x, weight: weight, bias: bias, epilogue: .none, cache: cache)
      let want = try plain.linear(
        x.float64, weight: weight.float64, bias: bias.float64, epilogue: .none,
        cache: OperatorCache())
      let scale = try plain.linear(
        x.magnitude64, weight: weight.magnitude64, bias: bias.magnitude64, epilogue: .none,
        cache: OperatorCache())
      try expectClose(
        got, want, scale: scale, ulps: 4 + 2 * Double(inputs).squareRoot(), "\(rows) rows")
    }

    @Test(arguments: 0..<30)
    func matmul(seed: Int) throws {
      var g = SplitMix(seed: UInt64(seed))
      let (m, k, n) = (g.pick(1, 5, 65, 17), g.pick(1, 8, 33), g.pick(1, 4, 65))
      let leading = g.pick([], [3], [2, 4])
      var a = try g.tensor(Shape(leading + [m, k]))
      var b = try g.tensor(Shape(leading + [k, n]))
      switch g.pick(0, 1, 2, 3) {
      case 1: b = try b.transposed().contiguous().transposed()
      case 2: a = try a.transposed().contiguous().transposed()
      case 3:
        b = try g.tensor([k, n]).expanded(to: Shape(leading + [k, n]))
      default: break
      }
      let got = try engine.matmul(a, b)
      let want = try plain.matmul(a.float64, b.float64)
      let scale = try plain.matmul(a.magnitude64, b.magnitude64)
      try expectClose(
        got, want, scale: scale, ulps: 4 + 2 * Double(k).squareRoot(),
        "\(a.shape) \(a.strides) · \(b.shape) \(b.strides)")
    }

    @Test("the stride of an axis of extent 1 tells nothing", arguments: [0, 1, 7, 1 << 20])
    func unitAxes(stride: Int) throws {
      var g = SplitMix(seed: 5)
      let (a, b) = (try g.tensor([1, 2, 5, 33]), try g.tensor([1, 2, 33, 20]))
      func strided(_ x: Tensor) -> Tensor {
        Tensor(
          dtype: x.dtype, shape: x.shape, strides: [stride] + x.strides.dropFirst(), offset: 0,
          storage: x.storage)
      }
      let got = try engine.matmul(strided(a), strided(b))
      #expect(try got.elements(as: Float.self) == engine.matmul(a, b).elements(as: Float.self))
    }

    @Test(arguments: [1, 3], [1, 5, 65])
    func attentionOfHeads(batch: Int, tokens: Int) throws {
      var g = SplitMix(seed: UInt64(batch * 100 + tokens))
      let (heads, depth) = (4, 24)
      let qkv = try g.tensor([batch, tokens, 3, heads, depth], scale: 3)
      let parts = try (0..<3).map { try qkv.selected(2, $0).permuted([0, 2, 1, 3]) }
      let mask = try g.tensor([1, 1, tokens, tokens])
      for bias in [nil, mask] {
        let got = try engine.attention(parts[0], parts[1], parts[2], scale: 0.3, bias: bias)
        let want = try plain.attention(
          parts[0].float64, parts[1].float64, parts[2].float64, scale: 0.3, bias: bias?.float64)
        let scale = try Tensor(repeating: 3.0, shape: got.shape)
        try expectClose(got, want, scale: scale, ulps: 60, "attention")
        #expect(try got.permuted([0, 2, 1, 3]).isContiguous)
      }
    }
  }
#endif
