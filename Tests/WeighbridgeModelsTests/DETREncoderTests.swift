import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("DETR's encoder")
struct DETREncoderTests {
  static let small: [String: ConfigurationValue] = [
    "in_channels": .integer(5), "hidden_dim": .integer(12), "nheads": .integer(3),
    "num_encoder_layers": .integer(2), "dim_feedforward": .integer(7),
  ]

  static func small(_ changes: [String: ConfigurationValue]) -> [String: ConfigurationValue] {
    small.merging(changes) { $1 }
  }

  @Test("every module that PyTorch's hooks see is called, under its path")
  func paths() throws {
    let model = try DETREncoder.seeded(Self.small(["num_encoder_layers": .integer(1)]))
    let (probe, _, _) = try model.bothRuns([Numbers.tensor([1, 5, 2, 3])])
    let layer = "encoder.layers.0"
    #expect(
      probe.calls == [
        "input_proj", "position_embedding", "\(layer).self_attn", "\(layer).dropout1",
        "\(layer).norm1", "\(layer).linear1", "\(layer).dropout", "\(layer).linear2",
        "\(layer).dropout2", "\(layer).norm2", layer, "encoder", "",
      ])
  }

  /// Rows of the position embedding at (row, column), 12 channels.
  private func embedding(
    _ given: [String: ConfigurationValue], _ inputs: [Tensor]
  ) throws -> (Int, Int, Int) throws -> [Double] {
    let (probe, _, _) = try DETREncoder.seeded(given).bothRuns(inputs)
    let map = try #require(probe.outputs["position_embedding"]?.first)
    return { image, row, column in
      try map.selected(0, image).selected(1, row).selected(1, column).elements(as: Double.self)
    }
  }

  private func expected(_ position: Double, channels: Int) -> [Double] {
    (0..<channels).map { i in
      let phase = position / pow(10_000, Double(2 * (i / 2)) / Double(channels))
      return i % 2 == 0 ? sin(phase) : cos(phase)
    }
  }

  private func near(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-13 }
  }

  @Test("positions: the row's half, then the column's, counted from 1 and normalised to 2π")
  func positions() throws {
    let at = try embedding(Self.small, [Numbers.tensor([2, 5, 3, 4])])
    for (row, column) in [(0, 0), (2, 1), (1, 3)] {
      let y = Double(row + 1) / (3 + 1e-6) * 2 * .pi
      let x = Double(column + 1) / (4 + 1e-6) * 2 * .pi
      let wanted = expected(y, channels: 6) + expected(x, channels: 6)
      #expect(try near(at(0, row, column), wanted))
      #expect(try near(at(1, row, column), wanted))
    }
  }

  @Test("padding is not counted")
  func paddedPositions() throws {
    // The second image fills 2×3 of 3×4 cells.
    let mask = try Tensor(
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1] as [UInt8],
      shape: [2, 3, 4])
    let at = try embedding(Self.small, [Numbers.tensor([2, 5, 3, 4]), mask])
    let y = 2 / (2 + 1e-6) * 2 * Double.pi
    let x = 3 / (3 + 1e-6) * 2 * Double.pi
    #expect(near(try at(1, 1, 2), expected(y, channels: 6) + expected(x, channels: 6)))
    // A padded cell keeps the count so far; a column of padding alone has 0/(0 + 1e-6).
    #expect(near(try at(1, 2, 0), expected(y, channels: 6) + expected(0, channels: 6)))
  }

  @Test("the 1-D encoding numbers the cells from 1, as they are")
  func flatPositions() throws {
    let at = try embedding(
      Self.small(["position": .text("sine1d")]), [Numbers.tensor([1, 5, 3, 4])])
    #expect(near(try at(0, 0, 0), expected(1, channels: 12)))
    #expect(near(try at(0, 2, 1), expected(10, channels: 12)))
  }

  @Test(
    "a fused run gives what a probed one does",
    arguments: [
      small, small(["nheads": .integer(1)]), small(["position": .text("sine1d")]),
      small(["num_encoder_layers": .integer(0)]),
    ])
  func fusion(_ given: [String: ConfigurationValue]) throws {
    let model = try DETREncoder.seeded(given)
    let (_, probed, fused) = try model.bothRuns([Numbers.tensor([3, 5, 3, 4])])
    #expect(probed[0].shape == [12, 3, 12], "sequence first")
    #expect(try distance(probed[0], fused[0]) < 1e-12)
  }

  @Test("padding changes nothing but itself")
  func padding() throws {
    let model = try DETREncoder.seeded(Self.small)
    let small = try Numbers.tensor([1, 5, 2, 3])
    let framed = try small.padded([(0, 1), (0, 1)]).affine(shift: 0)
    let noisy = try Tensor.concatenated(
      [framed, try framed + Numbers.tensor([1, 5, 3, 4], seed: "noise")], axis: 0)
    let mask = try Tensor(
      [0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] as [Float],
      shape: [2, 3, 4])
    let alone = try model.run([small])[0]
    let together = try model.run([noisy, mask])[0]
    for (cell, (row, column)) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)].enumerated() {
      let here = try together.selected(0, row * 4 + column).selected(0, 0)
      #expect(try distance(here, alone.selected(0, cell).selected(0, 0)) < 1e-12)
    }
    let unmasked = try model.run([noisy])[0]
    #expect(
      try distance(unmasked.selected(1, 1), together.selected(1, 1)) < 1e-12, "no padding there")
    #expect(try distance(unmasked.selected(1, 0), together.selected(1, 0)) > 1e-3)
  }

  @Test("position is added to queries and keys, not to values")
  func attention() throws {
    // With keys and queries of weight 0 every cell gets the mean of the values, whatever positions.
    var weight = try Numbers.tensor([36, 12], seed: "in").elements(as: Double.self)
    for index in 0..<(24 * 12) { weight[index] = 0 }
    let weights = MadeWeights(given: [
      "encoder.layers.0.self_attn.in_proj_weight": try Tensor(weight, shape: [36, 12])
    ])
    let layer: [String: ConfigurationValue] = Self.small(["num_encoder_layers": .integer(1)])
    let flat = Self.small([
      "num_encoder_layers": .integer(1), "position": .text("sine1d"),
    ])
    let input = [try Numbers.tensor([1, 5, 3, 4])]
    let a = try DETREncoder.seeded(layer, weights: weights).run(input)[0]
    let b = try DETREncoder.seeded(flat, weights: weights).run(input)[0]
    #expect(try distance(a, b) < 1e-12)
  }

  @Test("the encoder of a whole DETR")
  func wholeDETR() throws {
    let ledger = try DETREncoder.ledger(Self.small)
    let names = ledger.requests.map { request in
      (
        request.name.hasPrefix("encoder.") ? "transformer." + request.name : request.name,
        request.shape
      )
    }
    let shapes = StateDictShapes(Dictionary(names, uniquingKeysWith: { a, _ in a }))
    #expect(DETREncoder.recognizes(shapes))
    let found = try DETREncoder.configuration(shapes, ["nheads": .integer(3)])
    #expect(found.entries["num_encoder_layers"]?.value == .integer(2))
    #expect(found.entries["dim_feedforward"]?.value == .integer(7))
    let source = MadeWeights(
      absent: Set(ledger.requests.map(\.name).filter { $0.hasPrefix("e") }))
    let wanted = try DETREncoder.ledger(Self.small, source: source)
    #expect(wanted.requests.map(\.name) == names.map(\.0))
  }

  @Test("in an image of padding alone attention adds its output's bias alone, as in PyTorch")
  func paddingAlone() throws {
    let weights = MadeWeights()
    let features = try Numbers.tensor([2, 5, 3, 4])
    let mask = try Tensor(
      [Float](repeating: 1, count: 12) + [Float](repeating: 0, count: 12), shape: [2, 3, 4])
    for dtype in [DType.float64, .float32] {
      let model = try DETREncoder.seeded(Self.small, weights: weights, dtype: dtype)
      let probe = PathProbe()
      let input = try features.converted(to: dtype)
      let memory = try ProbeRun.with(probe) { try model.run([input, mask]) }[0]
      let name = "encoder.layers.0.self_attn"
      let attended = try #require(probe.outputs[name]?.first).selected(1, 0)
      let bias = try weights.tensor(
        for: ParameterRequest(name: "\(name).out_proj.bias", role: .vector, shape: [12]))
      for cell in 0..<12 {
        #expect(try distance(attended.selected(0, cell).converted(to: .float64), bias) < 1e-7)
      }
      #expect(try memory.elements(as: Double.self).allSatisfy(\.isFinite))
      let alone = try model.run([input.narrowed(0, start: 1, length: 1)])[0]
      #expect(try distance(memory.narrowed(1, start: 1, length: 1), alone) < 1e-5)
    }
  }

  @Test("masks that do not fit")
  func masks() throws {
    let model = try DETREncoder.seeded(Self.small)
    let features = try Numbers.tensor([2, 5, 3, 4])
    for shape in [[2, 12], [2, 4, 3], [1, 3, 4]] as [Shape] {
      let error = try weighbridgeError { try model.run([features, Numbers.tensor(shape)]) }
      #expect(error.code == .shape && error.message.contains("\(shape)"), "\(error)")
    }
    let additive = try Tensor([Float](repeating: -.infinity, count: 24), shape: [2, 3, 4])
    let other = try weighbridgeError { try model.run([features, additive]) }
    #expect(other.code == .shape && other.message.contains("the padding mask holds -inf"))
    #expect(try weighbridgeError { try model.run([]) }.code == .shape)
    #expect(try weighbridgeError { try model.run([Numbers.tensor([2, 4, 3, 4])]) }.code == .shape)
  }

  @Test(
    "configurations that cannot be",
    arguments: [
      (["nheads": .integer(5)], "5 does not divide 12"), (["nheads": .integer(0)], "nheads=0"),
      (["hidden_dim": .integer(6)], "divide by 4"),
      (["hidden_dim": .integer(3), "position": .text("sine1d")], "divide by 2"),
      (["num_encoder_layers": .integer(-1)], "num_encoder_layers=-1"),
    ] as [([String: ConfigurationValue], String)])
  func rules(changes: [String: ConfigurationValue], says: String) throws {
    let error = try weighbridgeError { try DETREncoder.ledger(Self.small(changes)) }
    #expect(error.code == .usage && error.message.contains(says), "\(error)")
  }
}
