import Foundation
import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

@Suite("Traps of the convolutional rows")
struct ConvolutionalTrapTests {
  private func close(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-12 * (1 + abs($1)) }
  }

  @Test("Inception's SELayers and auxiliary head are loaded, dead and named")
  func deadParameters() throws {
    let dead = try SEInception3.ledger().requests.filter { $0.deadReason != nil }
    let gates = dead.filter { $0.name.contains(".SELayer.") }
    #expect(gates.count == 24)
    #expect(gates.reduce(0) { $0 + $1.shape.elementCount } == 1_204_992)
    #expect(gates.allSatisfy { $0.deadReason?.contains("never called") == true })
    let head = dead.filter { $0.name.hasPrefix("model.AuxLogits.") && !gates.contains($0) }
    #expect(head.allSatisfy { $0.deadReason?.contains("training only") == true })
    #expect(dead.count == gates.count + head.count)
    let all = try SEInception3.ledger().requests.filter { $0.name.hasPrefix("model.AuxLogits.") }
    #expect(all.allSatisfy { $0.deadReason != nil })
  }

  @Test("a checkpoint without num_batches_tracked is complete")
  func absentCounters() throws {
    let weights = MadeWeights(isAbsent: { $0.hasSuffix("num_batches_tracked") })
    let model = try SKConv.bound(
      ["in_channels": .integer(32), "out_channels": .integer(32)], to: weights)
    #expect(try model(wave([1, 32, 5, 5])).shape == [1, 32, 5, 5])
  }

  @Test(
    "squeeze-and-excitation with the biases of old checkpoints, and without",
    arguments: [
      true, false,
    ])
  func biases(hasBias: Bool) throws {
    let weights = MadeWeights(isAbsent: { $0.hasSuffix("bias") && !hasBias })
    let given: [String: ConfigurationValue] = ["channel": .integer(6), "reduction": .integer(2)]
    let names = try SELayer.ledger(given, source: weights).requests.map(\.name)
    let biases = ["fc.0.bias", "fc.2.bias"]
    #expect(biases.allSatisfy(names.contains) == hasBias)
    let x = try wave([2, 6, 3, 4])
    let gate = try reference(x, weights: weights, hasBias: hasBias)
    let expected = try x.elements(as: Double.self).enumerated().map { $1 * gate[$0 / 12] }
    let model = try SELayer.bound(given, to: weights)
    #expect(try close(model(x).elements(as: Double.self), expected))
    let recorder = ActivationRecorder()
    let probed = try ProbeRun.with(recorder) { try model(x) }
    #expect(try close(probed.elements(as: Double.self), expected))
  }

  /// sigmoid(W₂·relu(W₁·mean + b₁) + b₂) for x [2, 6, 3, 4] and W₁ [3, 6], element by element.
  private func reference(_ x: Tensor, weights: MadeWeights, hasBias: Bool) throws -> [Double] {
    func values(_ name: String, _ shape: Shape) throws -> [Double] {
      try weights.tensor(for: ParameterRequest(name: name, role: .vector, shape: shape))
        .elements(as: Double.self)
    }
    let (w1, w2) = (try values("fc.0.weight", [3, 6]), try values("fc.2.weight", [6, 3]))
    let b1 = hasBias ? try values("fc.0.bias", [3]) : [0, 0, 0]
    let b2 = hasBias ? try values("fc.2.bias", [6]) : [Double](repeating: 0, count: 6)
    let cells = try x.elements(as: Double.self)
    var gates: [Double] = []
    for n in 0..<2 {
      var means: [Double] = []
      for c in 0..<6 {
        let start = (n * 6 + c) * 12
        means.append(cells[start..<(start + 12)].reduce(0, +) / 12)
      }
      var hidden: [Double] = []
      for h in 0..<3 {
        var sum = b1[h]
        for c in 0..<6 { sum += w1[h * 6 + c] * means[c] }
        hidden.append(max(0, sum))
      }
      for c in 0..<6 {
        var sum = b2[c]
        for h in 0..<3 { sum += w2[c * 3 + h] * hidden[h] }
        gates.append(1 / (1 + exp(-sum)))
      }
    }
    return gates
  }

  @Test(
    "selective kernels weigh branch-major: scores i·C + c belong to branch i", arguments: [2, 3])
  func branchMajor(count: Int) throws {
    let model = try SKConv.bound(
      ["in_channels": .integer(32), "out_channels": .integer(64), "M": .integer(count)],
      to: MadeWeights())
    let x = try wave([2, 32, 6, 5])
    let recorder = ActivationRecorder()
    let output = try ProbeRun.with(recorder) { try model(x) }.elements(as: Double.self)
    let seen = recorder.values.withLock { $0 }
    #expect(seen["activations/softmax"]?.shape == [2, count, 64, 1], "four axes, as the original")
    let scores = try #require(seen["activations/fc2"]).elements(as: Double.self)
    let branches = try (0..<count).map {
      try #require(seen["activations/conv.\($0)"]).elements(as: Double.self)
    }
    var expected: [Double] = []
    for index in 0..<(2 * 64 * 30) {
      let (n, c) = (index / (64 * 30), index / 30 % 64)
      var (sum, weighed) = (0.0, 0.0)
      for branch in 0..<count {
        let power = exp(scores[(n * count + branch) * 64 + c])
        sum += power
        weighed += power * branches[branch][index]
      }
      expected.append(weighed / sum)
    }
    #expect(close(output, expected))
    #expect(try close(model(x).elements(as: Double.self), expected), "unprobed")
  }

  @Test("patches read as channel, row, column")
  func patchOrder() throws {
    let model = try PatchEmbed.bound(
      [
        "img_size": .integer(4), "patch_size": .integer(2), "in_chans": .integer(2),
        "embed_dim": .integer(3),
      ], to: MadeWeights())
    let x = try wave([1, 2, 4, 4])
    let (cells, weights) = (
      try x.elements(as: Double.self),
      try MadeWeights().tensor(
        for: ParameterRequest(name: "proj.weight", role: .vector, shape: [3, 8])
      ).elements(as: Double.self)
    )
    let bias = try MadeWeights().tensor(
      for: ParameterRequest(name: "proj.bias", role: .vector, shape: [3])
    ).elements(as: Double.self)
    var expected: [Double] = []
    for patch in 0..<4 {
      for feature in 0..<3 {
        var sum = bias[feature]
        for i in 0..<8 {
          let (c, row, column) = (i / 4, i / 2 % 2 + patch / 2 * 2, i % 2 + patch % 2 * 2)
          sum += weights[feature * 8 + i] * cells[c * 16 + row * 4 + column]
        }
        expected.append(sum)
      }
    }
    #expect(try close(model(x).elements(as: Double.self), expected))
  }

  @Test("patch merging takes the offsets (0,0), (1,0), (0,1), (1,1)")
  func mergeOrder() throws {
    let model = try PatchMerging.bound(["dim": .integer(2), "c": .integer(1)], to: MadeWeights())
    let x = try wave([2, 16, 2])
    let recorder = ActivationRecorder()
    _ = try ProbeRun.with(recorder) { try model(x) }
    let normed = try #require(recorder.values.withLock { $0["activations/norm"] })
    #expect(normed.shape == [2, 4, 8])
    let cells = try x.elements(as: Double.self)
    var gathered: [Double] = []
    for n in 0..<2 {
      for (row, column) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
        for (down, right) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
          let token: Int = (row + down) * 4 + column + right
          let start: Int = n * 32 + token * 2
          gathered.append(contentsOf: cells[start..<(start + 2)])
        }
      }
    }
    let norm = try ["norm.weight", "norm.bias"].map {
      try MadeWeights().tensor(for: ParameterRequest(name: $0, role: .vector, shape: [8]))
    }
    let expected = try Tensor(gathered, shape: [2, 4, 8]).layerNormalized(
      weight: norm[0], bias: norm[1], epsilon: 1e-5)
    #expect(try close(normed.elements(as: Double.self), expected.elements(as: Double.self)))
  }

  @Test("a spatial transformer without a warp is the same under both align_corners")
  func identityWarp() throws {
    let theta: [Double] = [1, 0, 0, 0, 1, 0]
    let outputs = try bothCorners(theta)
    #expect(close(outputs.0, outputs.1))
  }

  @Test("a spatial transformer with a warp is not")
  func alignCorners() throws {
    let outputs = try bothCorners([0.7, 0.1, 0.05, -0.1, 0.8, 0.1])
    #expect(!close(outputs.0, outputs.1))
  }

  /// The outputs with align_corners false and true when the localisation says `theta` for anything.
  private func bothCorners(_ theta: [Double]) throws -> ([Double], [Double]) {
    let weights = try MadeWeights(given: [
      "fc_loc.2.weight": Tensor(repeating: 0.0, shape: [6, 32]),
      "fc_loc.2.bias": Tensor(theta, shape: [6]),
    ])
    let x = try wave([1, 1, 28, 29])
    let outputs = try [false, true].map { value in
      try SpatialTransformer.bound(["align_corners": .boolean(value)], to: weights)(x)
        .elements(as: Double.self)
    }
    return (outputs[0], outputs[1])
  }
}
