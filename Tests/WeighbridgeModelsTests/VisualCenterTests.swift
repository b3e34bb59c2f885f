import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

@Suite("Encoding")
struct EncodingTests {
  /// The definition, one number after the other.
  private func definition(
    _ x: [Double], _ codewords: [Double], _ scale: [Double], batch: Int, points: Int, channels: Int
  ) -> [Double] {
    let codes = scale.count
    var result = [Double](repeating: 0, count: batch * codes * channels)
    for image in 0..<batch {
      for n in 0..<points {
        let point = Array(x[((image * points + n) * channels)...].prefix(channels))
        let logits = (0..<codes).map { k in
          scale[k]
            * zip(point, codewords[(k * channels)...]).reduce(0) {
              $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
            }
        }
        let shares = softmax(logits)
        for k in 0..<codes {
          for c in 0..<channels {
            result[(image * codes + k) * channels + c] +=
              shares[k] * (point[c] - codewords[k * channels + c])
          }
        }
      }
    }
    return result
  }

  private func softmax(_ logits: [Double]) -> [Double] {
    let last = logits.max() ?? 0
    let tensor = try? Tensor(logits.map { $0 - last }, shape: [logits.count])
      .mapped(.exponential).elements(as: Double.self)
    let powers = tensor ?? []
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
  }

  @Test(
    "the definition, with any number of points and channels",
    arguments: [
      (1, 1, 1), (2, 45, 13), (1, 130, 32), (3, 64, 8), (2, 7, 20),
    ])
  func definition(batch: Int, points: Int, channels: Int) throws {
    let model = try Encoding.seeded(["in_channels": .integer(channels)])
    let x = try Numbers.tensor([batch, points, channels])
    let expected = try definition(
      x.elements(as: Double.self), model.codewords.elements(as: Double.self),
      model.scale.elements(as: Double.self), batch: batch, points: points, channels: channels)
    let reference = try Tensor(expected, shape: [batch, 64, channels])
    #expect(try distance(model.run([x])[0], reference) < 1e-12)
    let single = try Encoding.seeded(["in_channels": .integer(channels)], dtype: .float32)
    let rough = try single.run([x.converted(to: .float32)])[0]
    #expect(try distance(rough, reference) < 1e-5)
  }

  @Test(
    "a number of codewords that is no multiple of the kernel's tile", arguments: [1, 2, 3, 5, 7])
  func oddCodes(codes: Int) throws {
    let x = try Numbers.tensor([2, 70, 9])
    let codewords = try Numbers.tensor([codes, 9], seed: "c")
    let scale = try Numbers.tensor([codes], seed: "s")
    let expected = try definition(
      x.elements(as: Double.self), codewords.elements(as: Double.self),
      scale.elements(as: Double.self), batch: 2, points: 70, channels: 9)
    let got = try x.encoded(codewords: codewords, scale: scale)
    #expect(try distance(got, Tensor(expected, shape: [2, codes, 9])) < 1e-12)
  }

  @Test("a map is its cells, in either layout")
  func maps() throws {
    let model = try Encoding.seeded(["in_channels": .integer(5)])
    let map = try Numbers.tensor([2, 5, 3, 7])
    let points = try map.flattened(from: 2).transposed(1, 2)
    let expected = try model.run([points])[0]
    #expect(try distance(model.run([map])[0], expected) == 0)
    #expect(try distance(model.run([map.contiguous(.channelsLast)])[0], expected) == 0)
    #expect(expected.shape == [2, 64, 5])
  }

  @Test("distances do not cancel far from the origin")
  func cancellation() throws {
    // Codewords near 1000 and points near them: ‖x‖² − 2x·c + ‖c‖² in float32 would lose every digit
    // of distances of about 1.
    let near = try Numbers.tensor([64, 16], seed: "c").affine(shift: 1000)
    let points = try Numbers.tensor([1, 30, 16]).affine(shift: 1000)
    let weights = MadeWeights(given: ["codewords": near])
    let given: [String: ConfigurationValue] = ["in_channels": .integer(16)]
    let rounded = try Encoding.seeded(given, weights: weights, dtype: .float32)
    let exact = try WeightScope.bind(
      MadeWeights(given: [
        "codewords": rounded.codewords.converted(to: .float64),
        "scale": rounded.scale.converted(to: .float64),
      ]), dtype: .float64
    ) { try Encoding($0, channels: 16) }
    let single = try points.converted(to: .float32)
    let expected = try exact.run([single.converted(to: .float64)])[0]
    #expect(try distance(rounded.run([single])[0], expected) < 1e-5)
  }

  @Test("there are 64 codewords whatever num_codes says")
  func codewordCount() throws {
    let ledger = try Encoding.ledger(["in_channels": .integer(9), "num_codes": .integer(16)])
    #expect(ledger.requests.map(\.shape) == [[64, 9], [64]])
    let block = try LVCBlock.ledger(["c1": .integer(8), "num_codes": .integer(16)])
    #expect(block.requests.first { $0.name == "LVC.3.codewords" }?.shape == [64, 8])
  }

  @Test("inputs and configurations that cannot be")
  func errors() throws {
    let model = try Encoding.seeded(["in_channels": .integer(5)])
    for shape in [[2, 5], [2, 4, 3, 3], [2, 3, 4], [1, 1, 1, 1, 5]] {
      let error = try weighbridgeError { try model.run([Numbers.tensor(Shape(shape))]) }
      #expect(error.code == .shape && error.message.contains("5"), "\(error)")
    }
    #expect(try weighbridgeError { try Encoding.ledger() }.message.contains("in_channels"))
    #expect(
      try weighbridgeError { try Encoding.ledger(["in_channels": .integer(0)]) }.code == .usage)
  }
}

@Suite("Visual centres")
struct VisualCenterTests {
  static let block: [String: ConfigurationValue] = ["c1": .integer(9)]
  static let centre: [String: ConfigurationValue] = [
    "in_channels": .integer(6), "out_channels": .integer(6),
  ]
  static let convBlock = [
    "conv1", "bn1", "act1", "conv2", "bn2", "act2", "conv3", "bn3", "act3",
    "residual_conv", "residual_bn",
  ]

  @Test("every module that PyTorch's hooks see is called, under its path")
  func paths() throws {
    let (probe, _, _) = try LVCBlock.seeded(Self.block)
      .bothRuns([Numbers.tensor([1, 9, 3, 4])])
    var lvc = ["conv_1", "LVC", "fc", "fc.0", "fc.1"]
    lvc += Self.convBlock.map { "conv_1." + $0 }
    lvc += (0..<7).map { "LVC.\($0)" }
    #expect(Set(probe.calls) == Set([""] + lvc))
    let (centre, _, _) = try EVCBlock.seeded(Self.centre)
      .bothRuns([Numbers.tensor([1, 6, 3, 4])])
    let mlp = [
      "dw", "dw.dconv", "dw.dconv.conv", "dw.dconv.bn", "dw.dconv.act", "dw.pconv",
      "dw.pconv.conv", "dw.pconv.bn", "dw.pconv.act", "norm1", "norm2", "mlp", "mlp.fc1",
      "mlp.act", "mlp.fc2", "mlp.drop", "mlp.drop#1", "drop_path", "drop_path#1",
    ]
    var wanted: Set<String> = ["", "conv1", "bn1", "relu1", "maxpool", "lvc", "l_MLP", "cnv1"]
    wanted.formUnion(lvc.map { "lvc." + $0 })
    wanted.formUnion(mlp.map { "l_MLP." + $0 })
    #expect(Set(centre.calls) == wanted)
  }

  @Test("a fused run gives what a probed one does", arguments: [nil, 0.001])
  func fusion(epsilon: Double?) throws {
    let value = epsilon.map { ConfigurationValue.number($0) } ?? .none
    let block = try LVCBlock.seeded(Self.block.merging(["bn_eps": value]) { $1 })
    let (_, probed, fused) = try block.bothRuns([Numbers.tensor([3, 9, 5, 4])])
    #expect(try distance(probed[0], fused[0]) < 1e-12)
    let centre = try EVCBlock.seeded(Self.centre.merging(["bn_eps": value]) { $1 })
    let (_, merged, joined) = try centre.bothRuns([Numbers.tensor([3, 6, 5, 4])])
    #expect(try distance(merged[0], joined[0]) < 1e-12)
  }

  @Test("each BatchNorm's eps, and the override of every BatchNorm2d")
  func epsilons() throws {
    // A statistic of variance 0 divides by √eps alone: 1e-6 → 1000, 1e-5 → 316.2…, 1e-3 → 31.6….
    func gain(_ path: String, _ given: [String: ConfigurationValue]) throws -> Double {
      let channels = path == "LVC.4" ? 64 : path.contains("residual") ? 9 : path == "LVC.1" ? 9 : 2
      let shape: Shape = [channels]
      let weights = MadeWeights(given: [
        "\(path).running_var": try Tensor(repeating: 0.0, shape: shape),
        "\(path).running_mean": try Tensor(repeating: 0.0, shape: shape),
        "\(path).weight": try Tensor(repeating: 1.0, shape: shape),
        "\(path).bias": try Tensor(repeating: 0.0, shape: shape),
      ])
      let model = try LVCBlock.seeded(Self.block.merging(given) { $1 }, weights: weights)
      let (probe, _, _) = try model.bothRuns([Numbers.tensor([1, 9, 3, 4])])
      let before = [
        "conv_1.bn1": "conv_1.conv1", "conv_1.residual_bn": "conv_1.residual_conv",
        "LVC.1": "LVC.0", "LVC.4": "LVC.3",
      ]
      let input = try #require(before[path].flatMap { probe.outputs[$0] }?.first)
      let output = try #require(probe.outputs[path]?.first)
      let (x, y) = (try input.elements(as: Double.self), try output.elements(as: Double.self))
      let index = try #require(x.indices.first { abs(x[$0]) > 1e-3 })
      return y[index] / x[index]
    }
    let override: [String: ConfigurationValue] = ["bn_eps": .number(1e-3)]
    for (path, standard) in [
      ("conv_1.bn1", 1e6), ("conv_1.residual_bn", 1e6), ("LVC.1", 1e5), ("LVC.4", 1e5),
    ] {
      #expect(abs(try gain(path, [:]) / standard.squareRoot() - 1) < 1e-9, "\(path)")
      let other = path == "LVC.4" ? 1e5 : 1e3  // a BatchNorm1d keeps its own
      #expect(abs(try gain(path, override) / other.squareRoot() - 1) < 1e-9, "\(path)")
    }
  }

  @Test("l_MLP.linear is dead, and may be absent")
  func deadLinear() throws {
    let ledger = try EVCBlock.ledger(Self.centre)
    let dead = ledger.requests.filter { $0.deadReason != nil }
    #expect(dead.map(\.name) == ["l_MLP.linear.weight", "l_MLP.linear.bias"])
    #expect(dead.allSatisfy { $0.isOptional })
    let newer = MadeWeights(absent: ["l_MLP.linear.weight", "l_MLP.linear.bias"])
    let without = try EVCBlock.ledger(Self.centre, source: newer)
    #expect(without.requests.count == ledger.requests.count - 2)
    let input = [try Numbers.tensor([1, 6, 4, 4])]
    #expect(
      try distance(
        EVCBlock.seeded(Self.centre).run(input)[0],
        EVCBlock.seeded(Self.centre, weights: newer).run(input)[0]) == 0)
  }

  @Test("very old checkpoints without num_batches_tracked")
  func counters() throws {
    let counters = try LVCBlock.ledger(Self.block).requests.filter { $0.role == .counter }
    #expect(counters.count == 6)
    #expect(counters.allSatisfy { $0.isOptional && $0.isBuffer && $0.shape == [] })
    _ = try LVCBlock.seeded(
      Self.block, weights: MadeWeights(absent: Set(counters.map(\.name))))
  }

  @Test(
    "configurations that cannot be",
    arguments: [
      ("lvc_block", ["c1": .integer(3)], "c1 must be at least 4"),
      ("lvc_block", ["c1": .integer(8), "bn_eps": .number(-1)], "bn_eps"),
      ("evc_block", ["in_channels": .integer(8), "out_channels": .integer(9)], "out_channels=9"),
      ("evc_block", ["in_channels": .integer(2), "out_channels": .integer(2)], "at least 4"),
      ("evc_block", ["in_channels": .integer(8)], "out_channels"),
    ] as [(String, [String: ConfigurationValue], String)])
  func rules(id: String, given: [String: ConfigurationValue], says: String) throws {
    let architecture = try ArchitectureRegistry.builtIn.architecture(id)
    let error = try weighbridgeError { try architecture.ledger(given) }
    #expect(error.code == .usage && error.message.contains(says), "\(error)")
  }
}
