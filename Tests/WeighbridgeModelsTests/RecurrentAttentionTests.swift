import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

@Suite("Retina")
struct RetinaTests {
  private func retina(g: Int, k: Int, s: Double) throws -> Retina {
    try Retina.seeded(["g": .integer(g), "k": .integer(k), "s": .number(s)])
  }

  /// An image of `size` whose value at (row, column) is 100·row + column + 1, so that no cell is 0.
  private func image(_ height: Int, _ width: Int, dtype: DType = .float64) throws -> Tensor {
    let values = (0..<height).flatMap { row in (0..<width).map { Double(100 * row + $0 + 1) } }
    return try Tensor(values, shape: [1, 1, height, width]).converted(to: dtype)
  }

  @Test("the centre of an image, by hand")
  func centre() throws {
    // 6×6, l = 0: start 3 in the image padded by 1 on each side, which is 2 in the image.
    let got = try retina(g: 2, k: 1, s: 1)
      .run([image(6, 6), Tensor([0.0, 0], shape: [1, 2])])[0]
    #expect(try got.elements(as: Double.self) == [203, 204, 303, 304])
    // l = (x, y): x moves columns.
    let right = try retina(g: 2, k: 1, s: 1)
      .run([image(6, 6), Tensor([0.5, 0], shape: [1, 2])])[0]
    #expect(try right.elements(as: Double.self) == [204, 205, 304, 305])
  }

  @Test("patches after the first are averages, patch by patch, channel by channel")
  func patches() throws {
    let plane = try image(6, 6)
    let both = try Tensor.concatenated([plane, plane.affine(scale: -1)], axis: 1)
    let got = try retina(g: 2, k: 2, s: 2).run([both, Tensor([0.0, 0], shape: [1, 2])])[0]
    // The 4×4 crop starts at 3 in the image padded by 2: rows and columns 1…4.
    let second = [152.5 + 0, 154.5, 352.5, 354.5]
    let first = [203.0, 204, 303, 304]
    #expect(
      try got.elements(as: Double.self)
        == first + first.map { -$0 } + second + second.map { -$0 })
  }

  @Test("zeros beyond the image's corners")
  func corners() throws {
    let low = try retina(g: 4, k: 1, s: 1).run([image(6, 6), Tensor([-1.0, -1], shape: [1, 2])])[0]
    #expect(
      try low.elements(as: Double.self) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 101, 102])
    let high = try retina(g: 4, k: 1, s: 1).run([image(6, 6), Tensor([1.0, 1], shape: [1, 2])])[0]
    #expect(
      try high.elements(as: Double.self)
        == [405, 406, 0, 0, 505, 506, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    // A crop that is larger than the image.
    let wide = try retina(g: 8, k: 1, s: 1).run([image(2, 2), Tensor([0.0, 0], shape: [1, 2])])[0]
    let cells = try wide.elements(as: Double.self)
    #expect(cells.reduce(0, +) == 206)
    #expect(cells[3 * 8 + 3] == 1 && cells[4 * 8 + 4] == 102)
  }

  @Test("the start is computed in float32 also when the model runs in float64")
  func float32Index() throws {
    // Just below 1/14, ½·((l + 1)·28) rounds to 15 in float32 and stays below in float64.
    let location: Float = 0.071428567
    #expect(0.5 * ((location + 1) * 28) == 15)
    #expect(0.5 * ((Double(location) + 1) * 28) < 15)
    let place = try Tensor([Double(location), Double(location)], shape: [1, 2])
    let wide = try retina(g: 2, k: 1, s: 1).run([image(28, 28), place])[0]
    let narrow = try Retina.seeded(
      ["g": .integer(2), "k": .integer(1), "s": .number(1)], dtype: .float32
    ).run([image(28, 28, dtype: .float32), place.converted(to: .float32)])[0]
    #expect(try wide.elements(as: Double.self).first == 1415)
    #expect(try distance(wide, narrow) == 0)
  }

  @Test(
    "locations outside −1…1", arguments: [1.001, -1.001, .nan, .infinity, -.infinity, 1e30])
  func outside(value: Double) throws {
    for place in [[value, 0], [0, value]] {
      let error = try weighbridgeError {
        try retina(g: 2, k: 1, s: 1).run([image(6, 6), Tensor(place, shape: [1, 2])])
      }
      #expect(error.code == .shape && error.message.contains("within −1…1"), "\(error)")
    }
  }

  @Test("an odd size at l = 1 leaves the padded image; an even one does not")
  func oddSize() throws {
    let edge = try Tensor([1.0, 0], shape: [1, 2])
    let error = try weighbridgeError { try retina(g: 3, k: 1, s: 1).run([image(6, 6), edge]) }
    #expect(error.code == .shape && error.message.contains("column 6"), "\(error)")
    _ = try retina(g: 4, k: 1, s: 1).run([image(6, 6), edge])
    let inside = try Tensor([0.99, 0], shape: [1, 2])
    _ = try retina(g: 3, k: 1, s: 1).run([image(6, 6), inside])
  }

  @Test("H counts for x too, so a narrow image can be left")
  func narrowImage() throws {
    let error = try weighbridgeError {
      try retina(g: 2, k: 1, s: 1).run([image(12, 6), Tensor([0.9, 0], shape: [1, 2])])
    }
    #expect(error.code == .shape && error.message.contains("column 11"), "\(error)")
    // In a wide image the location reaches the left half only: start ½·(0.5 + 1)·6 = 4, less 1.
    let wide = try retina(g: 2, k: 1, s: 1).run([image(6, 12), Tensor([0.5, 0], shape: [1, 2])])
    #expect(try wide[0].elements(as: Double.self).first == 204)
  }

  @Test(
    "sizes that cannot be pooled to g",
    arguments: [(8, 2, 1.8), (8, 3, 1.5), (4, 2, 0.5), (4, 2, .infinity), (4, 2, -1)])
  func pooling(g: Int, k: Int, s: Double) throws {
    let error = try weighbridgeError { try retina(g: g, k: k, s: s) }
    #expect(error.code == .usage && error.message.contains("g=\(g)"), "\(error)")
  }

  @Test("sizes are rounded down: 5, ⌊1.3·5⌋ = 6, ⌊1.3·6⌋ = 7, all pooled with factor 1")
  func fractionalFactor() throws {
    let error = try weighbridgeError { try retina(g: 5, k: 2, s: 1.3) }
    #expect(error.message.contains("crop of 6"))
    let got = try retina(g: 5, k: 3, s: 1.1)
      .run([image(9, 9), Tensor([0.0, 0], shape: [1, 2])])[0]
    #expect(got.shape == [1, 75])
  }

  @Test("inputs that do not fit")
  func inputs() throws {
    let model = try retina(g: 2, k: 1, s: 1)
    for place in [[1, 3], [2, 2], [2]] as [Shape] {
      let error = try weighbridgeError { try model.run([image(6, 6), Numbers.tensor(place)]) }
      #expect(error.code == .shape)
    }
    #expect(try weighbridgeError { try model.run([image(6, 6)]) }.code == .shape)
    #expect(try weighbridgeError { try Retina.seeded() }.message.contains("configuration key"))
    #expect(!Retina.recognizes(StateDictShapes([:])))
  }
}

@Suite("Recurrent attention")
struct RecurrentAttentionTests {
  static let small: [String: ConfigurationValue] = [
    "g": .integer(4), "k": .integer(2), "s": .number(2), "c": .integer(2), "h_g": .integer(5),
    "h_l": .integer(3), "hidden_size": .integer(8), "num_classes": .integer(4),
    "std": .number(0.2),
  ]

  private func inputs(batch: Int, noise: Bool = true) throws -> [Tensor] {
    let inputs = [
      try Numbers.tensor([batch, 2, 10, 10]),
      try Numbers.tensor([batch, 2], seed: "l").affine(scale: 0.9),
      try Numbers.tensor([batch, 8], seed: "h"),
    ]
    return noise ? inputs + [try Numbers.tensor([batch, 2], seed: "ε").affine(scale: 2)] : inputs
  }

  @Test("every module that PyTorch's hooks see is called, under its path")
  func paths() throws {
    let (probe, _, _) = try RecurrentAttention.seeded(Self.small).bothRuns(inputs(batch: 1))
    #expect(
      probe.calls == [
        "sensor.retina", "sensor.fc1", "sensor.fc3", "sensor.fc2", "sensor.fc4", "sensor",
        "rnn.i2h", "rnn.h2h", "rnn", "locator.fc", "locator.fc_lt", "locator", "baseliner.fc",
        "baseliner", "classifier.fc", "classifier", "",
      ])
    #expect(probe.outputs["locator"]?.map(\.shape) == [[1], [1, 2]], "log π, then l")
  }

  @Test("outputs, their shapes and their rules", arguments: [1, 3, 8])
  func outputs(batch: Int) throws {
    let inputs = try inputs(batch: batch)
    let model = try RecurrentAttention.seeded(Self.small)
    let (probe, probed, fused) = try model.bothRuns(inputs)
    #expect(
      probed.map(\.shape) == [[batch, 8], [batch, 2], [batch, 1], [batch, 4], [batch]])
    for (a, b) in zip(probed, fused) { #expect(try distance(a, b) < 1e-12) }
    let features = try #require(probe.outputs["locator.fc_lt"]?.first)
    let mean = try features.activated(.tanh)
    let location = try mean + inputs[3].affine(scale: 0.2)
    #expect(try distance(location.clamped(-1, 1), probed[1]) < 1e-14)
    // Σ log N(μ + std·ε; μ, std) = −½Σε² − 2·log std − log 2π.
    let density = try inputs[3].mapped(.square).sum(axes: [1])
      .affine(scale: -0.5, shift: 2 * 1.6094379124341003 - 1.8378770664093453)
    #expect(try distance(density, probed[4]) < 1e-12)
    let probabilities = try probed[3].mapped(.exponential).sum(axes: [1])
    #expect(try distance(probabilities, Tensor(repeating: 1.0, shape: [batch])) < 1e-12)
  }

  @Test("ε is 0 unless it is given")
  func noNoise() throws {
    let model = try RecurrentAttention.seeded(Self.small)
    let three = try inputs(batch: 2, noise: false)
    let zero = try Tensor([Double](repeating: 0, count: 4), shape: [2, 2])
    for (a, b) in zip(try model.run(three), try model.run(three + [zero])) {
      #expect(try distance(a, b) == 0)
    }
  }

  @Test("several glimpses, each from where the one before pointed")
  func sequence() throws {
    let model = try RecurrentAttention.seeded(Self.small)
    let first = try inputs(batch: 2, noise: false)
    var step = RecurrentAttention.Input(image: first[0], location: first[1], state: first[2])
    var locations: [Tensor] = []
    for _ in 0..<4 {
      let output = try model(step)
      (step.location, step.state) = (output.location, output.state)
      locations.append(output.location)
    }
    #expect(try distance(locations[0], locations[1]) > 1e-6)
    #expect(locations.allSatisfy { $0.shape == [2, 2] })
  }

  @Test("older checkpoints have one layer in the locator")
  func olderLocator() throws {
    let older = MadeWeights(absent: ["locator.fc_lt.weight", "locator.fc_lt.bias"])
    let ledger = try RecurrentAttention.ledger(Self.small, source: older)
    let locator = ledger.requests.filter { $0.name.hasPrefix("locator") }
    #expect(locator.map(\.name) == ["locator.fc.weight", "locator.fc.bias"])
    #expect(locator.first?.shape == [2, 8])
    let model = try RecurrentAttention.seeded(Self.small, weights: older)
    let (probe, probed, _) = try model.bothRuns(inputs(batch: 2, noise: false))
    let features = try #require(probe.outputs["locator.fc"]?.first)
    #expect(try distance(features.activated(.tanh), probed[1]) == 0)
    // One of two names missing is a broken checkpoint, not an old one.
    let broken = MadeWeights(absent: ["locator.fc_lt.bias"])
    let wanted = try RecurrentAttention.ledger(Self.small, source: broken)
    #expect(wanted.requests.contains { $0.name == "locator.fc_lt.bias" })
  }

  @Test("what shapes determine, and what only their product shows")
  func inference() throws {
    let ledger = try RecurrentAttention.ledger(Self.small)
    let shapes = StateDictShapes(
      Dictionary(ledger.requests.map { ($0.name, $0.shape) }, uniquingKeysWith: { a, _ in a }))
    #expect(RecurrentAttention.recognizes(shapes) && !GlimpseNetwork.recognizes(shapes))
    // k·c·g² = 64 fits the defaults, so they stay, assumed; c and g given determine k.
    let bare = try RecurrentAttention.configuration(shapes)
    #expect(bare.entries["g"] == .init(value: .integer(8), origin: .assumed))
    #expect(bare.entries["h_g"] == .init(value: .integer(5), origin: .inferred))
    #expect(bare.entries["num_classes"]?.value == .integer(4))
    let known = try RecurrentAttention.configuration(
      shapes, ["g": .integer(4), "c": .integer(2), "s": .number(2)])
    #expect(known.entries["k"] == .init(value: .integer(2), origin: .inferred))
    for wrong in [["g": .integer(5)], ["c": .integer(3)], ["h_g": .integer(4)]]
      as [[String: ConfigurationValue]]
    {
      let error = try weighbridgeError { try RecurrentAttention.configuration(shapes, wrong) }
      #expect(error.code == .mapping, "\(error)")
    }
  }

  @Test(
    "configurations that cannot be",
    arguments: [
      (["hidden_size": .integer(9)], "9 is not 5 + 3"), (["std": .number(0)], "std=0"),
      (["k": .integer(0)], "k=0"), (["c": .integer(0)], "c=0"), (["s": .number(1.5)], "crop of 6"),
    ] as [([String: ConfigurationValue], String)])
  func rules(changes: [String: ConfigurationValue], says: String) throws {
    let error = try weighbridgeError {
      try RecurrentAttention.ledger(Self.small.merging(changes) { $1 })
    }
    #expect(error.code == .usage && error.message.contains(says), "\(error)")
  }

  @Test("inputs that do not fit")
  func inputErrors() throws {
    let model = try RecurrentAttention.seeded(Self.small)
    var inputs = try inputs(batch: 2)
    #expect(try weighbridgeError { try model.run(Array(inputs.prefix(2))) }.code == .shape)
    inputs[3] = try Numbers.tensor([2, 3])
    #expect(try weighbridgeError { try model.run(inputs) }.message.contains("ε must be [2, 2]"))
    inputs[2] = try Numbers.tensor([2, 7])
    #expect(try weighbridgeError { try model.run(inputs) }.message.contains("state must be [2, 8]"))
    inputs[0] = try Numbers.tensor([2, 1, 10, 10])
    #expect(try weighbridgeError { try model.run(inputs) }.message.contains("images of 1 channel"))
  }
}
