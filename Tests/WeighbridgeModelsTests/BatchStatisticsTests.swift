import TestSupport
import Testing
import WeighbridgeModules

/// Batch norm without running statistics: each batch's own, as PyTorch's `track_running_stats=False`.
@Suite struct BatchStatisticsTests {
  struct Net: Module {
    let path: ModulePath
    let conv: Conv2d, norm: BatchNorm, relu: ReLU

    init(_ w: WeightScope) throws {
      path = w.path
      conv = try Conv2d(w / "conv", in: 2, out: 3, kernel: 3, padding: 1)
      norm = try BatchNorm(w / "norm", channels: 3, trackRunningStats: false)
      relu = ReLU(w / "relu")
    }

    func forward(_ x: Tensor) throws -> Tensor { try relu(norm(conv(x))) }
  }

  @Test func asksForNoStatisticsAndSaysSo() throws {
    let ledger = try WeightScope.describe { try Net($0) }
    #expect(
      ledger.requests.map(\.name) == ["conv.weight", "conv.bias", "norm.weight", "norm.bias"])
    #expect(ledger.remarks.count == 1 && ledger.remarks[0].contains("norm normalises with each"))
  }

  /// (x − mean)/√(biased variance + eps)·γ + β over batch and positions, on both engines; folded into
  /// no convolution.
  @Test(arguments: [DType.float32, .float64]) func theBatchsOwn(_ dtype: DType) throws {
    let weights = MadeWeights()
    let net = try WeightScope.bind(weights, dtype: dtype) { try Net($0) }
    for seed in ["one", "another"] {
      let x = try Numbers.tensor([2, 2, 5, 4], seed: seed, dtype: dtype)
      let y = try net.conv(x).elements(as: Double.self)
      let (gamma, beta) = try (
        net.norm.weight.elements(as: Double.self), net.norm.bias.elements(as: Double.self)
      )
      var expected = y
      for channel in 0..<3 {
        let places = y.indices.filter { $0 / 20 % 3 == channel }
        let mean = places.reduce(0) { $0 + y[$1] } / 40
        let variance = places.reduce(0) { $0 + (y[$1] - mean) * (y[$1] - mean) } / 40
        for place in places {
          let normal = (y[place] - mean) / (variance + 1e-5).squareRoot()
          expected[place] = max(0, normal * gamma[channel] + beta[channel])
        }
      }
      let limit = dtype == .float64 ? 1e-13 : 2e-6
      let want = try Tensor(expected, shape: [2, 3, 5, 4])
      let both = try net.bothRuns([x])
      #expect(try distance(both.probed[0], want) < limit)
      #expect(try distance(both.fused[0], want) < limit)
    }
  }

  @Test func oneValueHasNoStatistics() throws {
    let norm = try WeightScope.bind(MadeWeights()) {
      try BatchNorm($0, channels: 3, trackRunningStats: false)
    }
    let error = try weighbridgeError {
      try norm(Tensor([1, 2, 3] as [Float], shape: [1, 3, 1, 1]))
    }
    #expect(error.code == .shape && error.message.contains("more than one value per channel"))
  }
}
