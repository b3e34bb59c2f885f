import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// Files that Keras 3 wrote, and one in the form of Keras 2, by `tools/make-framework-fixtures`.
@Suite struct KerasTests {
  static let expected =
    (try? Fixtures.load("keras/expected.json", as: [String: [String: Fixtures.Expected]].self))
    ?? [:]
  static let names = expected.keys.sorted()

  @Test func fixturesAreThere() { #expect(Self.names.count == 7) }

  /// By layer and variable, whatever the file calls them, and every value as Keras has it.
  @Test(arguments: names) func holdsWhatKerasSaw(_ name: String) throws {
    let expected = try #require(Self.expected[name])
    let checkpoint = try Checkpoints.open(Fixtures.path("keras/\(name)"))
    #expect(checkpoint.format == .keras)
    let tensors = try Fixtures.readAll(Fixtures.path("keras/\(name)"))
    #expect(Set(tensors.keys) == Set(expected.keys))
    for (entry, tensor) in tensors {
      if let expected = expected[entry] { try tensor.expect(expected, entry) }
    }
  }

  @Test func theArchiveIsUsedInPlaceAndTellsItsNetwork() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("keras/net.keras"))
    #expect(checkpoint.entries.allSatisfy { $0.storage == .inPlace })
    #expect(checkpoint.metadata["keras_version"]?.hasPrefix("3.") == true)
    #expect(checkpoint.metadata["config"]?.contains("\"Conv2D\"") == true)
    #expect(checkpoint.remarks.isEmpty)
  }

  /// What each variable is in PyTorch: by role, and for a dense layer after an image by how many
  /// channels that has, where the file tells.
  @Test(arguments: ["net.keras", "net.h5"]) func formsAreOfTheRole(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("keras/\(name)"))
    let forms = Dictionary(
      uniqueKeysWithValues: checkpoint.entries.map { ($0.name, $0.form) })
    #expect(forms["conv1.kernel"] == .parameter("conv1.weight", [.permute([3, 2, 0, 1])]))
    #expect(forms["bn1.moving_variance"] == .parameter("bn1.running_var", []))
    #expect(
      forms["block_dw.kernel"]
        == .parameter("block_dw.weight", [.permute([2, 3, 0, 1]), .reshape([8, 1, 3, 3])]))
    #expect(
      forms["fc1.kernel"]
        == .parameter(
          "fc1.weight", [.reshape([18, 5, 6]), .permute([2, 1, 0]), .reshape([6, 90])]))
    #expect(forms["fc2.kernel"] == .parameter("fc2.weight", [.permute([1, 0])]))
    let beside = checkpoint.entries.filter { $0.name.hasPrefix("optimizer") }
    #expect(!beside.isEmpty)
    #expect(beside.allSatisfy { $0.form == .beside("the optimizer's state") })
  }

  /// Without a configuration the class shows in the file's own name of a layer, and in a bias.
  @Test(arguments: ["net.weights.h5", "net-weights.h5", "keras2.h5"])
  func depthwiseIsKnownWithoutAConfiguration(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("keras/\(name)"))
    let kernel = try #require(
      checkpoint.entry("block_dw.kernel") ?? checkpoint.entry("block_dw.depthwise_kernel"))
    #expect(
      kernel.form
        == .parameter("block_dw.weight", [.permute([2, 3, 0, 1]), .reshape([8, 1, 3, 3])]))
    guard case .undecided("fc1.weight", let ways, _)? = checkpoint.entry("fc1.kernel")?.form else {
      Issue.record("a flattened image may come to fc1")
      return
    }
    #expect(ways.first == [.permute([1, 0])])
    #expect(ways.contains([.reshape([18, 5, 6]), .permute([2, 1, 0]), .reshape([6, 90])]))
    #expect(checkpoint.entry("fc2.kernel")?.form == .parameter("fc2.weight", [.permute([1, 0])]))
  }

  @Test func modelsInModelsAndNormsWithoutScale() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("keras/nested.keras"))
    func form(_ name: String) -> EntryForm? { checkpoint.entry(name)?.form }
    #expect(form("inner.a.kernel") == .parameter("inner.a.weight", [.permute([1, 0])]))
    #expect(form("bn.beta") == .parameter("bn.bias", []))
    #expect(form("up.kernel") == .parameter("up.weight", [.permute([3, 2, 0, 1])]))
    #expect(
      form("sep.pointwise_kernel") == .parameter("sep.pointwise.weight", [.permute([3, 2, 0, 1])]))
    #expect(form("sep.bias") == .parameter("sep.pointwise.bias", []))
  }

  @Test(arguments: [
    ("Conv2D", "conv2d"), ("BatchNormalization", "batch_normalization"), ("Dense", "dense"),
    ("Conv2DTranspose", "conv2d_transpose"), ("DepthwiseConv2D", "depthwise_conv2d"),
    ("ReLU", "re_lu"), ("LSTM", "lstm"), ("GlobalAveragePooling2D", "global_average_pooling2d"),
    ("PReLU", "p_re_lu"), ("ELU", "elu"), ("InputLayer", "input_layer"),
    ("MyV2Layer", "my_v2_layer"),
  ])
  func classesAreNamedAsKerasDoes(_ type: String, _ name: String) {
    #expect(KerasNetwork.snakeCase(type) == name)
  }

  /// Configurations that are none, or lead in circles, or are of a million layers.
  @Test(arguments: [
    "", "[]", "{\"config\": 3}", "{\"config\": {\"layers\": [1, null, {}]}}",
    "{\"config\": {\"layers\": [{\"class_name\": \"Dense\", \"config\": {\"name\": \"a\"}, "
      + "\"inbound_nodes\": [[[\"a\", 0, 0, {}]]]}]}}",
    String(repeating: "{\"config\":{\"layers\":[", count: 90),
  ])
  func configurationsThatAreNone(_ text: String) {
    let network = KerasNetwork(json: text)
    #expect(network?.layers.count ?? 0 <= 1)
    for position in network?.layers.indices ?? 0..<0 {
      #expect(network?.flattening(before: position) == KerasNetwork.Flattening.none)
    }
  }

  /// A configuration that is damaged or hidden leaves the weights; what it told is asked.
  @Test func weightsAreReadWithoutTheirConfiguration() throws {
    let directory = try TemporaryDirectory()
    let weights = try Data(contentsOf: URL(filePath: Fixtures.path("keras/net.weights.h5")))
    for (json, isSkipped) in [
      (CraftedZip.Entry("config.json", Array("{".utf8)), false),
      (CraftedZip.Entry("config.json", [0xff]), true),
      (CraftedZip.Entry("config.json", Array("{}".utf8)) { $0.flags = 1 }, true),
      (CraftedZip.Entry("config.json", Array("{}".utf8)) { $0.offset = 7 }, true),
    ] {
      let archive = CraftedZip(json, .init("model.weights.h5", Array(weights)))
      let checkpoint = try directory.open(archive.bytes)
      #expect(checkpoint.format == .keras)
      #expect(checkpoint.entry("conv1.kernel")?.shape == [3, 2, 3, 4])
      #expect(checkpoint.skipped.map(\.name) == (isSkipped ? ["config.json"] : []))
    }
    let cut = CraftedZip(
      .init("config.json", []), .init("model.weights.h5", Array(weights.prefix(90))))
    let error = #expect(throws: WeighbridgeError.self) { try directory.open(cut.bytes) }
    #expect(
      error?.code.exitStatus == 3 && error?.entry == "model.weights.h5",
      "\(String(describing: error))")
  }

  @Test(arguments: names) func damageIsSurvived(_ name: String) throws {
    try DamageSweep("keras/\(name)", count: 120).run()
  }
}
