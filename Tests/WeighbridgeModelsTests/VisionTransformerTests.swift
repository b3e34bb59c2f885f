import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

@Suite("Vision transformer")
struct VisionTransformerTests {
  static let small: [String: ConfigurationValue] = [
    "image_size": .integer(12), "patch_size": .integer(4), "dim": .integer(10),
    "depth": .integer(2), "heads": .integer(5), "mlp_dim": .integer(7), "channels": .integer(2),
    "num_classes": .integer(3),
  ]

  static func small(_ changes: [String: ConfigurationValue]) -> [String: ConfigurationValue] {
    small.merging(changes) { $1 }
  }

  @Test("every module that PyTorch's hooks see is called, under its path")
  func paths() throws {
    let model = try VisionTransformer.seeded(Self.small(["depth": .integer(1)]))
    let (probe, _, _) = try model.bothRuns([Numbers.tensor([1, 2, 12, 12])])
    let layer = "transformer.layers.0"
    #expect(
      Set(probe.calls) == [
        "", "patch_to_embedding", "dropout", "transformer", "to_cls_token", "mlp_head",
        "mlp_head.0", "mlp_head.1", "mlp_head.2", "mlp_head.3", "mlp_head.4",
        "\(layer).0", "\(layer).0.fn", "\(layer).0.fn.norm", "\(layer).0.fn.fn",
        "\(layer).0.fn.fn.to_qkv", "\(layer).0.fn.fn.to_out", "\(layer).0.fn.fn.to_out.0",
        "\(layer).0.fn.fn.to_out.1", "\(layer).1", "\(layer).1.fn", "\(layer).1.fn.norm",
        "\(layer).1.fn.fn", "\(layer).1.fn.fn.net", "\(layer).1.fn.fn.net.0",
        "\(layer).1.fn.fn.net.1", "\(layer).1.fn.fn.net.2", "\(layer).1.fn.fn.net.3",
        "\(layer).1.fn.fn.net.4",
      ])
  }

  @Test(
    "a fused run gives what a probed one does",
    arguments: [
      small, small(["head": .text("linear")]), small(["dim_head": .integer(3)]),
      small(["dim_head": .integer(3), "scale": .text("dim_head")]), small(["depth": .integer(0)]),
    ])
  func fusion(_ given: [String: ConfigurationValue]) throws {
    let model = try VisionTransformer.seeded(given)
    let inputs = [
      try Numbers.tensor([3, 2, 12, 12]),
      try Tensor((0..<27).map { UInt8($0 * 5 % 7 < 4 ? 1 : 0) }, shape: [3, 9]),
    ]
    for inputs in [inputs, [inputs[0]]] {
      let (_, probed, fused) = try model.bothRuns(inputs)
      #expect(try distance(probed[0], fused[0]) < 1e-12)
    }
  }

  @Test("patches are flattened as (row, column, channel)")
  func patchOrder() throws {
    // With a weight that selects feature 5 = row 0, column 2, channel 1 of a 4×4 patch of 2 channels.
    var weight = [Double](repeating: 0, count: 10 * 32)
    weight[5] = 1
    let weights = MadeWeights(given: [
      "patch_to_embedding.weight": try Tensor(weight, shape: [10, 32]),
      "patch_to_embedding.bias": try Tensor(repeating: 0.0, shape: [10]),
    ])
    let model = try VisionTransformer.seeded(Self.small, weights: weights)
    let image = try Numbers.tensor([1, 2, 12, 12])
    let (probe, _, _) = try model.bothRuns([image])
    let embedded = try #require(probe.outputs["patch_to_embedding"]?.first)
    // Patch 5 is in the second row of patches, third column.
    let pixel = try image.elements(as: Double.self)[144 + 4 * 12 + 8 + 2]
    #expect(try embedded.elements(as: Double.self)[5 * 10] == pixel)
  }

  @Test("a smaller image takes the first positions, a larger one is an error")
  func imageSizes() throws {
    let model = try VisionTransformer.seeded(Self.small)
    var positions = try Numbers.tensor([1, 10, 10], seed: "positions").elements(as: Double.self)
    func output() throws -> Tensor {
      let weights = MadeWeights(given: [
        "pos_embedding": try Tensor(positions, shape: [1, 10, 10])
      ])
      return try VisionTransformer.seeded(Self.small, weights: weights)
        .run([Numbers.tensor([1, 2, 4, 8])])[0]
    }
    let before = try output()
    positions[30] += 1  // position 3: the class token and two patches take 0, 1, 2
    #expect(try distance(before, output()) == 0)
    positions[29] += 1
    #expect(try distance(before, output()) > 0)
    let larger = try weighbridgeError { try model.run([Numbers.tensor([1, 2, 16, 12])]) }
    #expect(larger.code == .shape && larger.message.contains("16×12"))
    let uneven = try weighbridgeError { try model.run([Numbers.tensor([1, 2, 10, 12])]) }
    #expect(uneven.message.contains("patch_size=4 must divide"))
    let grey = try weighbridgeError { try model.run([Numbers.tensor([1, 1, 12, 12])]) }
    #expect(grey.message.contains("[B, 2, H, W]"))
    #expect(try weighbridgeError { try model.run([]) }.code == .shape)
  }

  @Test("each image has its own mask, whatever the batch", arguments: [1, 2, 5, 8])
  func masks(batch: Int) throws {
    let model = try VisionTransformer.seeded(Self.small)
    let images = try Numbers.tensor([batch, 2, 12, 12])
    let bits = try Numbers.tensor([batch, 9], seed: "bits \(batch)").elements(as: Double.self)
      .map { UInt8($0 > 0 ? 1 : 0) }
    let mask = try Tensor(bits, shape: [batch, 9])
    let together = try model.run([images, mask])[0]
    for index in 0..<batch {
      let alone = try model.run([
        images.narrowed(0, start: index, length: 1), mask.narrowed(0, start: index, length: 1),
      ])[0]
      #expect(try distance(alone, together.narrowed(0, start: index, length: 1)) < 1e-12)
    }
    #expect(try distance(together, model.run([images])[0]) > 1e-3)
    let map = try mask.reshaped([batch, 3, 3])
    #expect(try distance(together, model.run([images, map])[0]) == 0)
    let everything = try Tensor([Float](repeating: 1, count: batch * 9), shape: [batch, 9])
    #expect(try distance(model.run([images])[0], model.run([images, everything])[0]) < 1e-12)
  }

  @Test("a masked patch changes nothing but its own token")
  func maskedPatch() throws {
    let model = try VisionTransformer.seeded(Self.small)
    let image = try Numbers.tensor([1, 2, 12, 12])
    var pixels = try image.elements(as: Double.self)
    for row in 8..<12 { pixels[row * 12 + 9] += 3 }  // in patch 8
    let changed = try Tensor(pixels, shape: image.shape)
    let mask = try Tensor([1, 1, 1, 1, 1, 1, 1, 1, 0] as [UInt8], shape: [1, 9])
    #expect(try distance(model.run([image, mask])[0], model.run([changed, mask])[0]) == 0)
    #expect(try distance(model.run([image])[0], model.run([changed])[0]) > 1e-6)
  }

  @Test(
    "a mask of another shape is an error", arguments: [[1, 8], [2, 9], [1, 10], [9], [1, 3, 2]])
  func wrongMask(_ shape: [Int]) throws {
    let model = try VisionTransformer.seeded(Self.small)
    let error = try weighbridgeError {
      try model.run([Numbers.tensor([1, 2, 12, 12]), Numbers.tensor(Shape(shape))])
    }
    #expect(error.code == .shape && error.message.contains("\(shape)"))
  }

  @Test("a mask of other values than 0 and 1 is an error", arguments: [2, -.infinity, .nan, 0.5])
  func additiveMask(_ value: Float) throws {
    let model = try VisionTransformer.seeded(Self.small)
    let mask = try Tensor([0, 0, 0, 0, value, 0, 0, 0, 1], shape: [1, 9])
    let error = try weighbridgeError { try model.run([Numbers.tensor([1, 2, 12, 12]), mask]) }
    #expect(error.code == .shape && error.message.contains("holds \(Double(value))"), "\(error)")
  }

  @Test("the scale is dim^−½ unless dim_head is chosen")
  func scale() throws {
    let inputs = [try Numbers.tensor([1, 2, 12, 12])]
    func output(_ changes: [String: ConfigurationValue]) throws -> Tensor {
      try VisionTransformer.seeded(Self.small(changes)).run(inputs)[0]
    }
    let standard = try output([:])
    #expect(try distance(standard, output(["scale": .text("dim_head")])) > 1e-3)
    // With one head as wide as a token the two are the same.
    let one: [String: ConfigurationValue] = ["heads": .integer(1)]
    let same = one.merging(["scale": .text("dim_head")]) { $1 }
    #expect(try distance(output(one), output(same)) == 0)
  }

  @Test(
    "configurations that cannot be",
    arguments: [
      (["heads": .integer(3)], "3 does not divide 10"),
      (["patch_size": .integer(5)], "5 does not divide 12"),
      (["heads": .integer(0)], "heads=0"), (["depth": .integer(-1)], "depth=-1"),
      (["dim_head": .integer(0)], "dim_head=0"), (["dim": .integer(1 << 40)], "dim="),
      (["num_classes": .integer(0)], "num_classes=0"),
    ] as [([String: ConfigurationValue], String)])
  func rules(changes: [String: ConfigurationValue], says: String) throws {
    let error = try weighbridgeError { try VisionTransformer.seeded(Self.small(changes)) }
    #expect(error.code == .usage && error.message.contains(says), "\(error)")
  }
}

@Suite("Vision transformer: what shapes determine")
struct VisionTransformerInferenceTests {
  /// The shapes of a configuration.
  private func shapes(_ given: [String: ConfigurationValue]) throws -> StateDictShapes {
    let ledger = try VisionTransformer.ledger(given)
    return StateDictShapes(
      Dictionary(ledger.requests.map { ($0.name, $0.shape) }, uniquingKeysWith: { a, _ in a }))
  }

  private let digits: [String: ConfigurationValue] = VisionTransformerTests.small([
    "image_size": .integer(28), "patch_size": .integer(7), "channels": .integer(1),
    "heads": .integer(2),
  ])

  @Test("depth, widths, classes, head, image size")
  func everything() throws {
    let shapes = try shapes(digits)
    #expect(VisionTransformer.recognizes(shapes))
    let found = try VisionTransformer.configuration(shapes, ["heads": .integer(2)])
    for (key, value) in digits { #expect(found.entries[key]?.value == value, "\(key)") }
    #expect(found.entries["depth"]?.origin == .inferred)
    #expect(found.entries["patch_size"]?.origin == .assumed, "49 may be 1·7² or 49·1²")
    #expect(found.entries["dim_head"]?.value == ConfigurationValue.none)
  }

  @Test("channels given determine the patch size, and the other way round")
  func patches() throws {
    let shapes = try shapes(digits)
    let heads: [String: ConfigurationValue] = ["heads": .integer(2)]
    let a = try VisionTransformer.configuration(
      shapes, heads.merging(["channels": .integer(49)]) { $1 })
    #expect(a.entries["patch_size"]?.value == .integer(1))
    #expect(a.entries["patch_size"]?.origin == .inferred)
    let b = try VisionTransformer.configuration(
      shapes, heads.merging(["patch_size": .integer(7)]) { $1 })
    #expect(b.entries["channels"]?.value == .integer(1))
    #expect(b.entries["image_size"]?.value == .integer(28))
  }

  @Test(
    "contradictions name both values",
    arguments: [
      (["channels": .integer(2)], "channels=2"), (["patch_size": .integer(6)], "patch_size=6"),
      (["image_size": .integer(56)], "image_size=56"), (["depth": .integer(3)], "depth=3"),
      (["head": .text("linear")], "head=linear"), (["dim_head": .integer(4)], "dim_head=4"),
      (["num_classes": .integer(10)], "num_classes=10"), (["mlp_dim": .integer(8)], "mlp_dim=8"),
    ] as [([String: ConfigurationValue], String)])
  func contradictions(given: [String: ConfigurationValue], says: String) throws {
    let shapes = try shapes(digits)
    let error = try weighbridgeError { try VisionTransformer.configuration(shapes, given) }
    #expect(error.code == .mapping && error.message.contains(says), "\(error)")
  }

  @Test("the width of a head where heads·width is not dim")
  func headWidth() throws {
    let wide = VisionTransformerTests.small(["dim_head": .integer(64), "heads": .integer(3)])
    let assumed = try VisionTransformer.configuration(shapes(wide))
    #expect(assumed.entries["dim_head"]?.value == .integer(64))
    #expect(assumed.entries["heads"]?.value == .integer(3))
    #expect(assumed.entries["heads"]?.origin == .assumed)
    let byHeads = try VisionTransformer.configuration(shapes(wide), ["heads": .integer(6)])
    #expect(byHeads.entries["dim_head"]?.value == .integer(32))
    let byWidth = try VisionTransformer.configuration(shapes(wide), ["dim_head": .integer(16)])
    #expect(byWidth.entries["heads"]?.value == .integer(12))
    let error = try weighbridgeError {
      try VisionTransformer.configuration(shapes(wide), ["heads": .integer(5)])
    }
    #expect(error.code == .mapping && error.message.contains("heads=5"), "\(error)")
  }

  @Test("positions that are no square of patches")
  func uneven() throws {
    var shapes = try VisionTransformer.ledger(digits).requests.map { ($0.name, $0.shape) }
    shapes[0].1 = [1, 12, 10]
    let dictionary = StateDictShapes(Dictionary(shapes, uniquingKeysWith: { a, _ in a }))
    let error = try weighbridgeError { try VisionTransformer.configuration(dictionary) }
    #expect(error.code == .mapping && error.message.contains("11 patch positions"), "\(error)")
  }
}

@Suite("Attention")
struct AttentionTests {
  @Test("softmax(q·kᵀ·scale)·v by hand")
  func byHand() throws {
    let query = try Tensor([1.0, 0], shape: [1, 1, 2])
    let key = try Tensor([2.0, 5, 0, 7], shape: [1, 2, 2])
    let value = try Tensor([10.0, 20], shape: [1, 2, 1])
    for (scale, given) in [(1.0, ConfigurationValue.none), (0.5, .number(0.5))] {
      let model = try ScaledDotProductAttention.seeded(["scale": given])
      let weight = 1 / (1 + (-2 * scale).exponential)
      let got = try model.run([query, key, value])[0].elements(as: Double.self)
      #expect(abs(got[0] - (10 * weight + 20 * (1 - weight))) < 1e-13)
    }
  }

  @Test("with and without heads")
  func ranks() throws {
    let model = try ScaledDotProductAttention.seeded()
    let query = try Numbers.tensor([3, 2, 5, 4], seed: "q")
    let key = try Numbers.tensor([3, 2, 7, 4], seed: "k")
    let value = try Numbers.tensor([3, 2, 7, 6], seed: "v")
    let heads = try model.run([query, key, value])[0]
    #expect(heads.shape == [3, 2, 5, 6])
    let flat = try model.run([
      query.reshaped([6, 5, 4]), key.reshaped([6, 7, 4]), value.reshaped([6, 7, 6]),
    ])[0]
    #expect(try distance(flat, heads.reshaped([6, 5, 6])) < 1e-13)
  }

  @Test("inputs that do not fit")
  func errors() throws {
    let model = try ScaledDotProductAttention.seeded()
    let matrix = try Numbers.tensor([4, 3])
    #expect(try weighbridgeError { try model.run([matrix, matrix, matrix]) }.code == .shape)
    #expect(try weighbridgeError { try model.run([matrix]) }.code == .shape)
    let (a, b) = (try Numbers.tensor([1, 4, 3]), try Numbers.tensor([1, 4, 5]))
    #expect(try weighbridgeError { try model.run([a, b, b]) }.code == .shape)
    #expect(!ScaledDotProductAttention.recognizes(StateDictShapes([:])))
  }
}

extension Double {
  fileprivate var exponential: Double {
    (0..<40).reversed().reduce(0) { sum, n in 1 + self / Double(n + 1) * sum }
  }
}
