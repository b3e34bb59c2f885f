import Testing
import WeighbridgeModels
import WeighbridgeModules

/// A published state dict, the architecture it belongs to, and what its shapes show.
struct Published: Sendable, CustomTestStringConvertible {
  var list: String
  var id: String
  var shown: [String: ConfigurationValue]

  init(_ list: String, _ id: String, _ shown: [String: ConfigurationValue] = [:]) {
    (self.list, self.id, self.shown) = (list, id, shown)
  }

  var testDescription: String { "\(list) → \(id)" }

  var architecture: AnyArchitecture {
    get throws { try ArchitectureRegistry.builtIn.architecture(id) }
  }
}

@Suite("Manifests against the published state dicts")
struct ManifestTests {
  static let published = [
    Published("stn_net", "stn"),
    Published("selayer_64_r16", "se_layer", ["channel": .integer(64), "reduction": .integer(16)]),
    Published(
      "se_bottleneck_256_64", "se_bottleneck",
      [
        "inplanes": .integer(256), "planes": .integer(64), "downsample": .boolean(false),
        "reduction": .integer(16),
      ]),
    Published("se_resnet18", "se_resnet18", ["num_classes": .integer(1000)]),
    Published("se_resnet34", "se_resnet34", ["num_classes": .integer(1000)]),
    Published("se_resnet50", "se_resnet50", ["num_classes": .integer(1000)]),
    Published("se_resnet101", "se_resnet101", ["num_classes": .integer(1000)]),
    Published("se_resnet152", "se_resnet152", ["num_classes": .integer(1000)]),
    Published(
      "se_inception3_aux_nc1000", "se_inception3",
      ["num_classes": .integer(1000), "aux_logits": .boolean(true)]),
    Published(
      "se_inception3_noaux_nc1000", "se_inception3",
      ["num_classes": .integer(1000), "aux_logits": .boolean(false)]),
    Published(
      "skconv_128", "sk_conv",
      [
        "in_channels": .integer(128), "out_channels": .integer(128), "M": .integer(2),
        "r": .integer(16), "L": .integer(32),
      ]),
    Published("sknet50", "sknet50", ["nums_class": .integer(1000)]),
    Published("sknet101", "sknet101", ["nums_class": .integer(1000)]),
    Published(
      "patch_embed_224_16_3_768", "patch_embed",
      [
        "patch_size": .integer(16), "in_chans": .integer(3), "embed_dim": .integer(768),
        "norm": .boolean(false),
      ]),
    Published(
      "swin_patch_embed_224_4_3_96_ln", "patch_embed",
      ["patch_size": .integer(4), "embed_dim": .integer(96), "norm": .boolean(true)]),
    Published("patch_merging_seed_dim1_c3", "patch_merging"),
    Published("patch_merging_dim96", "patch_merging"),
    Published(
      "vit_256_p32_d1024_L6_h8_mlp2048", "vit",
      [
        "num_classes": .integer(1000), "dim": .integer(1024), "depth": .integer(6),
        "mlp_dim": .integer(2048), "head": .text("mlp"), "image_size": .integer(256),
      ]),
    Published(
      "vit_v040_dimhead64", "vit",
      ["num_classes": .integer(1000), "mlp_dim": .integer(2048), "head": .text("linear")]),
    Published("lvcblock_32_32_64", "lvc_block", ["c1": .integer(32)]),
    Published(
      "evcblock_32_32", "evc_block", ["in_channels": .integer(32), "out_channels": .integer(32)]),
    Published(
      "evcblock_256_256", "evc_block",
      ["in_channels": .integer(256), "out_channels": .integer(256)]),
    Published("evcblock_512_512", "evc_block", ["in_channels": .integer(512)]),
    Published(
      "detr_inputproj_encoder_d256_h8_L6_ff2048", "detr_encoder",
      [
        "in_channels": .integer(2048), "hidden_dim": .integer(256),
        "num_encoder_layers": .integer(6), "dim_feedforward": .integer(2048),
      ]),
    Published("glimpse_h128_g8_k1_s2_c1", "glimpse_network", ["h_g": .integer(128)]),
    Published("glimpse_h128_g8_k2_s2_c1", "glimpse_network", ["h_l": .integer(128)]),
    Published("glimpse_h128_g8_k3_s2_c1", "glimpse_network"),
    Published("glimpse_h128_g8_k3_s2_c3", "glimpse_network"),
    Published(
      "ram_default_g8_k1_s1", "recurrent_attention",
      ["hidden_size": .integer(256), "num_classes": .integer(10)]),
    Published("ram_g8_k3_s2", "recurrent_attention", ["h_g": .integer(128)]),
  ]

  @Test("every name, shape, dtype and kind, in order", arguments: published)
  func manifest(_ published: Published) throws {
    let list = try KeyList(published.list)
    let architecture = try published.architecture
    let configuration = try architecture.configuration(list.shapes)
    let ledger = try WeightScope.describe(source: list.source) {
      try architecture.build($0, configuration)
    }
    let wanted = KeyList(ledger).entries
    #expect(Set(wanted).symmetricDifference(list.entries) == [])
    #expect(wanted == list.entries, "in the same order")
  }

  @Test("shapes determine the configuration", arguments: published)
  func inference(_ published: Published) throws {
    let configuration = try published.architecture.configuration(KeyList(published.list).shapes)
    for (name, value) in published.shown {
      #expect(configuration.entries[name]?.value == value, "\(name)")
      #expect(configuration.entries[name]?.origin == .inferred, "\(name)")
    }
    #expect(
      Set(published.shown.keys)
        .isSubset(of: try published.architecture.keys.filter(\.isInferred).map(\.name)))
  }

  @Test("one architecture recognises a state dict, and no other", arguments: published)
  func recognition(_ published: Published) throws {
    let found = ArchitectureRegistry.builtIn.recognize(try KeyList(published.list).shapes)
    #expect(found.map { $0.id } == [published.id])
  }

  @Test("recognition finds at most one architecture for any published state dict")
  func exclusive() throws {
    for name in try KeyList.names() {
      let found = ArchitectureRegistry.builtIn.recognize(try KeyList(name).shapes)
      #expect(found.count <= 1, "\(name): \(found.map { $0.id })")
    }
  }

  @Test(
    "parameter counts",
    arguments: [
      ("stn", [:], 27_360),
      ("se_layer", ["channel": .integer(64)], 512),
      ("se_bottleneck", ["inplanes": .integer(256), "planes": .integer(64)], 78_592),
      ("se_resnet50", [:], 28_071_976),
      ("se_resnet101", [:], 49_292_328),
      ("se_resnet152", [:], 66_770_984),
      ("se_inception3", [:], 28_366_256),
      ("se_inception3", ["aux_logits": .boolean(false)], 24_965_832),
      ("sk_conv", ["in_channels": .integer(128), "out_channels": .integer(128)], 22_080),
      ("sknet50", [:], 27_479_784),
      ("sknet101", [:], 48_736_040),
      ("patch_embed", [:], 590_592),
      ("patch_merging", [:], 96),
      ("vit", [:], 57_745_384),
      ("detr_encoder", [:], 8_414_976),
      ("lvc_block", ["c1": .integer(32)], 6_656),
      ("evc_block", ["in_channels": .integer(32), "out_channels": .integer(32)], 69_760),
      ("evc_block", ["in_channels": .integer(256), "out_channels": .integer(256)], 4_287_680),
      ("evc_block", ["in_channels": .integer(512), "out_channels": .integer(512)], 17_103_040),
      ("encoding", ["in_channels": .integer(32)], 2_112),
      ("glimpse_network", [:], 91_136),
      ("recurrent_attention", [:], 242_317),
      ("retina", ["g": .integer(8), "k": .integer(3), "s": .number(2)], 0),
      ("scaled_dot_product_attention", [:], 0),
    ] as [(String, [String: ConfigurationValue], Int)])
  func parameterCount(id: String, given: [String: ConfigurationValue], count: Int) throws {
    let architecture = try ArchitectureRegistry.builtIn.architecture(id)
    #expect(try architecture.ledger(given).parameterCount == count)
  }

  @Test("ids are unique, and every key has a summary")
  func registry() {
    let architectures = ArchitectureRegistry.builtIn.architectures
    #expect(Set(architectures.map { $0.id }).count == architectures.count)
    for architecture in architectures {
      #expect(!architecture.summary.isEmpty)
      #expect(architecture.keys.allSatisfy { !$0.summary.isEmpty }, "\(architecture.id)")
    }
  }
}
