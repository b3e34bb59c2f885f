import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

@Suite("Rules of the convolutional rows")
struct ConvolutionalRuleTests {
  /// An id, values, and what the error must name.
  typealias Impossible = (id: String, given: [String: ConfigurationValue], named: [String])

  static let impossible: [Impossible] = [
    ("se_layer", [:], ["channel"]),
    ("se_layer", ["channel": .integer(8)], ["channels=8", "reduction=16"]),
    ("se_layer", ["channel": .integer(8), "reduction": .integer(0)], ["reduction=0"]),
    ("se_bottleneck", ["inplanes": .integer(64)], ["planes"]),
    (
      "se_bottleneck", ["inplanes": .integer(32), "planes": .integer(16)],
      ["downsample", "32 in", "64 out"]
    ),
    (
      "se_bottleneck",
      ["inplanes": .integer(64), "planes": .integer(16), "stride": .integer(2)],
      ["downsample", "stride=2"]
    ),
    ("se_resnet50", ["num_classes": .integer(0)], ["num_classes=0"]),
    ("se_resnet50", ["num_classes": .integer(.max)], ["num_classes=\(Int.max)"]),
    ("se_resnet18", ["reduction": .integer(65)], ["channels=64", "reduction=65"]),
    ("se_inception3", ["num_classes": .integer(-1)], ["num_classes=-1"]),
    (
      "sk_conv", ["in_channels": .integer(48), "out_channels": .integer(64)],
      ["in_channels=48", "32"]
    ),
    (
      "sk_conv", ["in_channels": .integer(64), "out_channels": .integer(33)],
      ["out_channels=33", "32"]
    ),
    (
      "sk_conv",
      ["in_channels": .integer(64), "out_channels": .integer(64), "M": .integer(0)], ["M=0"]
    ),
    (
      "sk_conv",
      ["in_channels": .integer(64), "out_channels": .integer(64), "stride": .integer(0)],
      ["stride=0"]
    ),
    ("sk_block", ["inplanes": .integer(96), "planes": .integer(48)], ["planes=48", "32"]),
    ("sk_block", ["inplanes": .integer(32), "planes": .integer(32)], ["32 in", "64 out"]),
    ("sknet50", ["nums_class": .integer(0)], ["nums_class=0"]),
    (
      "patch_embed", ["img_size": .integer(8), "patch_size": .integer(16)],
      ["patch_size=16", "img_size=8"]
    ),
    ("patch_embed", ["embed_dim": .integer(0)], ["embed_dim=0"]),
    ("patch_merging", ["dim": .integer(0)], ["dim=0"]),
    ("patch_merging", ["dim": .integer(.max), "c": .integer(.max)], ["dim=\(Int.max)"]),
  ]

  @Test("a configuration that cannot be names the rule and the values", arguments: impossible)
  func impossibleConfiguration(
    id: String, given: [String: ConfigurationValue], named: [String]
  ) throws {
    let architecture = try ArchitectureRegistry.builtIn.architecture(id)
    let error = try weighbridgeError {
      try architecture.configuration(StateDictShapes([:]), given)
    }
    #expect(error.code == .usage)
    for word in named { #expect(error.message.contains(word), "\(error)") }
  }

  /// A published state dict, its architecture, a value that contradicts it, and the right one.
  typealias Contradiction = (list: String, id: String, key: String, said: Int, shown: Int)

  static let contradictions: [Contradiction] = [
    ("selayer_64_r16", "se_layer", "channel", 65, 64),
    ("selayer_64_r16", "se_layer", "reduction", 8, 16),
    ("se_bottleneck_256_64", "se_bottleneck", "planes", 65, 64),
    ("se_resnet50", "se_resnet50", "num_classes", 7, 1000),
    ("se_resnet18", "se_resnet18", "reduction", 8, 16),
    ("se_inception3_aux_nc1000", "se_inception3", "num_classes", 7, 1000),
    ("skconv_128", "sk_conv", "M", 3, 2),
    ("skconv_128", "sk_conv", "L", 33, 32),
    ("skconv_128", "sk_conv", "in_channels", 64, 128),
    ("sknet50", "sknet50", "nums_class", 7, 1000),
    ("patch_embed_224_16_3_768", "patch_embed", "patch_size", 8, 16),
    ("patch_embed_224_16_3_768", "patch_embed", "embed_dim", 8, 768),
  ]

  @Test("a value that the shapes contradict is an error with both", arguments: contradictions)
  func contradiction(list: String, id: String, key: String, said: Int, shown: Int) throws {
    let architecture = try ArchitectureRegistry.builtIn.architecture(id)
    let shapes = try KeyList(list).shapes
    let error = try weighbridgeError {
      try architecture.configuration(shapes, [key: .integer(said)])
    }
    #expect(error.code == .mapping)
    #expect(error.message.contains("\(key)=\(said)"), "\(error)")
    #expect(error.message.contains("\(key)=\(shown)"), "\(error)")
  }

  @Test("an auxiliary head that is said to be there and is not, is an error")
  func auxiliaryContradiction() throws {
    let shapes = try KeyList("se_inception3_noaux_nc1000").shapes
    let error = try weighbridgeError {
      try SEInception3.configuration(shapes, ["aux_logits": .boolean(true)])
    }
    #expect(error.message.contains("aux_logits=true"))
    #expect(error.message.contains("aux_logits=false"))
  }

  /// An id, its configuration, an input that does not fit, and what the error must name.
  typealias Misfit = (
    id: String, given: [String: ConfigurationValue], input: Shape, named: [String]
  )

  static let misfits: [Misfit] = [
    ("stn", [:], [1, 1, 30, 28], ["28 or 29", "[1, 1, 30, 28]"]),
    ("stn", [:], [1, 1, 28, 27], ["28 or 29", "[1, 1, 28, 27]"]),
    ("stn", [:], [1, 2, 28, 28], ["[N, 1, H, W]", "[1, 2, 28, 28]"]),
    ("stn", [:], [28, 28], ["[28, 28]"]),
    ("se_inception3", [:], [1, 3, 300, 300], ["299", "[1, 3, 300, 300]"]),
    ("se_inception3", [:], [1, 1, 299, 299], ["[1, 1, 299, 299]"]),
    ("patch_embed", [:], [1, 3, 225, 224], ["224", "[1, 3, 225, 224]"]),
    ("patch_merging", [:], [1, 9, 3], ["square of an even side", "9"]),
    ("patch_merging", [:], [1, 8, 3], ["square of an even side", "8"]),
    ("patch_merging", [:], [1, 0, 3], ["square of an even side", "0"]),
    ("patch_merging", [:], [1, 4, 4], ["[N, L, 3]", "[1, 4, 4]"]),
    ("se_layer", ["channel": .integer(32)], [1, 31, 4, 4], ["31"]),
    (
      "sk_conv", ["in_channels": .integer(32), "out_channels": .integer(32)], [1, 64, 4, 4], ["64"]
    ),
  ]

  @Test("an input that does not fit is an error that names the rule", arguments: misfits)
  func misfit(
    id: String, given: [String: ConfigurationValue], input: Shape, named: [String]
  ) throws {
    let architecture = try ArchitectureRegistry.builtIn.architecture(id)
    let model = try architecture.bound(given, to: ZeroWeights(), dtype: .float32)
    let error = try weighbridgeError {
      try model.run([Tensor(repeating: 0 as Float, shape: input)])
    }
    #expect(error.code == .shape)
    for word in named { #expect(error.message.contains(word), "\(error)") }
  }
}

@Suite("What shapes do not say alone")
struct AmbiguousShapeTests {
  /// The shapes of an sk_conv with this hidden width.
  private func selectiveKernels(inputs: Int, width: Int) -> StateDictShapes {
    StateDictShapes([
      "conv.0.0.weight": [64, inputs / 32, 3, 3], "conv.1.0.weight": [64, inputs / 32, 3, 3],
      "fc1.0.weight": [width, 64, 1, 1],
    ])
  }

  @Test(
    "the hidden width of selective kernels gives an r and an L that produce it",
    arguments: [
      (64, 32, [:], 16, 32),
      (64, 16, [:], 16, 16),
      (64, 16, ["r": .integer(4)], 4, 16),
      (64, 16, ["L": .integer(8)], 4, 8),
      (1024, 64, [:], 16, 32),
      (1024, 40, [:], 25, 32),
      (1024, 50, ["L": .integer(50)], 21, 50),
    ] as [(Int, Int, [String: ConfigurationValue], Int, Int)])
  func hiddenWidth(
    inputs: Int, width: Int, given: [String: ConfigurationValue], r: Int, l: Int
  ) throws {
    let shapes = selectiveKernels(inputs: inputs, width: width)
    let configuration = try SKConv.configuration(shapes, given)
    #expect(try configuration.integer("r") == r)
    #expect(try configuration.integer("L") == l)
    #expect(max(inputs / r, l) == width)
  }

  @Test(
    "a reduction that does not divide the channels is found",
    arguments: [
      (100, 12), (33, 5), (64, 64), (17, 1), (52, 3),
    ])
  func unevenReduction(channel: Int, reduction: Int) throws {
    let width = channel / reduction
    let shapes = StateDictShapes([
      "fc.0.weight": [width, channel], "fc.2.weight": [channel, width],
    ])
    #expect(SELayer.recognizes(shapes))
    let found = try SELayer.configuration(shapes).integer("reduction")
    #expect(channel / found == width)
    let kept = try SELayer.configuration(shapes, ["reduction": .integer(reduction)])
    #expect(try kept.integer("reduction") == reduction)
  }

  @Test(
    "shapes show only the product of patch merging's dim and c",
    arguments: [
      (3, [:], 1, 3), (96, [:], 32, 3), (10, [:], 10, 1), (96, ["c": .integer(1)], 96, 1),
      (96, ["dim": .integer(48)], 48, 2),
    ] as [(Int, [String: ConfigurationValue], Int, Int)])
  func mergedWidth(
    width: Int, given: [String: ConfigurationValue], dim: Int, c: Int
  ) throws {
    let shapes = StateDictShapes([
      "reduction.weight": [2 * width, 4 * width], "norm.weight": [4 * width],
      "norm.bias": [4 * width],
    ])
    #expect(PatchMerging.recognizes(shapes))
    let configuration = try PatchMerging.configuration(shapes, given)
    #expect(try configuration.integer("dim") == dim)
    #expect(try configuration.integer("c") == c)
  }

  @Test("patch merging refuses factors that cannot give the product")
  func impossibleProduct() throws {
    let shapes = StateDictShapes(["reduction.weight": [20, 40], "norm.weight": [40]])
    let error = try weighbridgeError {
      try PatchMerging.configuration(shapes, ["c": .integer(3)])
    }
    #expect(error.code == .mapping)
    #expect(error.message.contains("c=3") && error.message.contains("10"), "\(error)")
  }

  @Test("shapes of other extents than expected are no crash")
  func emptyShapes() throws {
    let names = try KeyList.names().flatMap { try KeyList($0).entries.map(\.name) }
    for shape: Shape in [[], [0], [0, 0], [0, 0, 0, 0], [1, 1]] {
      let shapes = StateDictShapes(
        Dictionary(names.map { ($0, shape) }, uniquingKeysWith: { a, _ in a }))
      for architecture in ArchitectureRegistry.builtIn.architectures {
        _ = architecture.recognizes(shapes)
        _ = try? architecture.configuration(shapes)
      }
    }
  }
}
