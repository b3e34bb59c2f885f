import TestSupport
import Testing
import WeighbridgeMapping
import WeighbridgeNetwork
import WeighbridgeParity

/// Recorded networks run as PyTorch ran them, without any Swift of theirs.
struct RecordedNetworkTests {
  @Test(arguments: ["resnet", "vit", "unet", "assembled", "staged", "sequences"])
  func everyLayerIsPyTorchs(_ name: String) throws {
    let fixture = RecordedFixture(name: name)
    let result = try fixture.validate()
    #expect(result.passes, "\(result)")
    #expect(result.uncovered.isEmpty && result.unreferenced.isEmpty)
    let reference = try Reference(path: fixture.reference)
    #expect(result.layers.filter { $0.status == .ok }.count == reference.keys.count)
    #expect(result.production.allSatisfy { $0.status == .ok })
  }

  @Test func everyFunctionIsPyTorchs() throws {
    let result = try RecordedFixture(name: "functions").validate()
    #expect(result.passes, "\(result)")
    #expect(result.uncovered.isEmpty && result.unreferenced.isEmpty)
  }

  @Test(
    "another batch and another size are computed, not remembered",
    arguments: [
      "resnet", "vit", "unet", "assembled", "staged", "sequences",
    ])
  func otherInputs(_ name: String) throws {
    let fixture = RecordedFixture(name: name)
    let other = Repository.fixture("networks/\(name)_other.npz")
    let result = try fixture.validate(against: other)
    #expect(result.passes, "\(result)")
  }

  @Test(arguments: [
    ("resnet", "layer2.0.downsample.1.running_var", "layer2.0.downsample.1"),
    ("resnet", "layer1.1.conv2.weight", "layer1.1.conv2"),
    ("vit", "blocks.1.attn.proj.bias", "blocks.1.attn.proj"),
    ("vit", "pos_embed", "blocks.0.norm1"),
    ("unet", "up.0.up.weight", "up.0.up"), ("unet", "inc.1.bias", "inc.1"),
  ])
  func aWrongWeightIsFoundWhereItIs(_ name: String, _ weight: String, _ path: String) throws {
    let fixture = RecordedFixture(name: name)
    let changed = try fixture.weights(changing: weight) { try $0.affine(scale: 1.01, shift: 0.01) }
    let result = try fixture.validate(changed)
    #expect(!result.passes)
    #expect(result.firstDivergence?.path == ModulePath(path))
  }

  @Test("a module that this package has is that layer, and its causes are found")
  func layersAreTheirOwn() throws {
    let fixture = RecordedFixture(name: "resnet")
    let changed = try fixture.weights(changing: "layer1.0.conv1.weight") { try $0.transposed(2, 3) }
    let result = try fixture.validate(changed)
    #expect(result.layers.first { $0.path == "fc" }?.kind == "Linear")
    #expect(result.layers.first { $0.path == "layer1.0" }?.kind == "BasicBlock")
    #expect(result.diagnoses.contains { $0.path == "layer1.0.conv1" }, "\(result)")
  }

  @Test func namesMapOneToOne() throws {
    let fixture = RecordedFixture(name: "resnet")
    #expect(try fixture.plan().report.isOneToOne)
    let renamed = try fixture.weights(changing: "") { $0 }
    let lacking = MemoryCheckpoint(
      try renamed.entries.filter { $0.name != "fc.bias" }.map {
        (name: $0.name, tensor: try renamed.tensor($0.rawPath))
      }, path: "lacking")
    let report = try fixture.plan(lacking).report
    #expect(report.missing.map(\.parameter) == ["fc.bias"])
  }

  @Test("a probed run and a run of a program differ by rounding alone")
  func fusedRun() throws {
    let fixture = RecordedFixture(name: "resnet")
    let model = try fixture.plan().bind(dtype: .float64)
    let input = try Reference(path: fixture.reference).inputs(as: .float64)
    let probed = try ProbeRun.with(RecordingProbe()) { try model.run(input) }
    let direct = try model.run(input)
    for (a, b) in zip(
      try probed[0].elements(as: Double.self), try direct[0].elements(as: Double.self))
    {
      #expect(abs(a - b) < 1e-12)
    }
  }

  @Test func whatCannotRunIsRefusedByName() throws {
    let error = try failure { try RecordedFixture(name: "limited").plan() }
    #expect(error.code == .unsupported)
    #expect(error.entry == "spectrum")
    #expect(error.message.contains("torch._C._fft.fft_rfft2"))
    #expect(error.message.contains("weighbridge_lab/small_networks.py:212"))
  }

  @Test func aNetworkKnowsItsLimits() throws {
    let network = try RecordedFixture(name: "limited").network()
    #expect(network.limits.map(\.kind) == ["random", "function", "control-flow", "in-place"])
    #expect(network.limits[0].summary.hasPrefix("chance: dropout gives another result each time"))
  }

  @Test func countsOfInputsAreChecked() throws {
    let fixture = RecordedFixture(name: "vit")
    let model = try fixture.plan().bind()
    let error = try failure { try model.run([]) }
    #expect(error.message == "VisionTransformer takes 1 inputs, got 0")
    let other = try Tensor(repeating: 0 as Float, shape: [2, 3, 18, 18])
    let refused = try failure { try model.run([other]) }
    #expect(refused.message.contains("small_networks.py"), "\(refused)")
  }
}
