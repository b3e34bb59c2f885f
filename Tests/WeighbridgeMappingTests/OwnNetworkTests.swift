import Foundation
import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModels
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeWeights

@testable import WeighbridgeMapping

/// What your own network meets: errors that say everything, and its own native file.
@Suite struct OwnNetworkTests {
  /// Two linear maps, the second of which PyTorch may know by two names.
  private struct Pair: Module {
    let path: ModulePath
    let first: Linear, second: Linear
    init(_ w: WeightScope) throws {
      path = w.path
      first = try Linear(w / "first", in: 3, out: 4)
      second = try Linear(w / "second", in: 4, out: 2, bias: .absent)
    }
    func forward(_ x: Tensor) throws -> Tensor { try second(first(x)) }
  }

  private func tensors() throws -> [(name: String, tensor: Tensor)] {
    [
      ("first.weight", try Tensor((0..<12).map { Float($0) }, shape: [4, 3])),
      ("first.bias", try Tensor([1, 2, 3, 4] as [Float], shape: [4])),
      ("second.weight", try Tensor((0..<8).map { Float($0) / 8 }, shape: [2, 4])),
    ]
  }

  private func load(_ tensors: [(name: String, tensor: Tensor)]) throws -> Pair {
    try Weights.load(MemoryCheckpoint(tensors, path: "pair.npz")) { try Pair($0) }
  }

  @Test func theErrorListsEverythingThatDoesNotFit() throws {
    var wrong = try tensors()
    wrong[0].tensor = try wrong[0].tensor.transposed().contiguous()
    wrong[1].tensor = Tensor(describing: .float32, shape: [5])
    wrong[2].name = "third.weight"
    let error = try #require(failure { try load(wrong) })
    #expect(error.code == .mapping)
    for part in [
      "first.weight: expects [4, 3], found [3, 4]", "first.bias: expects [4], found [5]",
      "1 missing (second.weight)", "1 unexpected (third.weight)",
      "- transpose: {tensor: first.weight, axes: [-2, -1]}",
    ] {
      #expect(error.description.contains(part), "\(error)")
    }
    // The command's `map` knows built-in architectures only.
    #expect(!error.description.contains("weighbridge map"))
  }

  @Test func aLongListEndsAfterTwenty() throws {
    let extra = try (0..<25).map { index in
      (name: "more.\(index)", tensor: try Tensor([Float(index)], shape: [1]))
    }
    let error = try #require(failure { try load(tensors() + extra) })
    #expect(error.message.contains("25 unexpected (more.0, more.1,"))
    #expect(error.message.contains("more.19, …)") && !error.message.contains("more.20"))
    #expect(error.remedy?.contains("report.lines()") == true)
  }

  @Test func aModuleUnderTwoNamesIsSaidToBeOne() throws {
    var shared = try tensors()
    shared.append(("again.weight", shared[2].tensor))
    let error = try #require(failure { try load(shared) })
    let rule = "- drop: {tensor: again.weight, reason: 'the same tensor as second.weight'}"
    #expect(error.remedy?.contains(rule) == true, "\(error)")
    _ = try Weights.load(
      MemoryCheckpoint(shared, path: "pair.npz"), rules: Rules(yaml: rule)
    ) { try Pair($0) }
    // Another tensor of the same name and shape is no copy.
    shared[3].tensor = try shared[3].tensor.flipped(0)
    #expect(failure { try load(shared) }?.description.contains("drop") == false)
  }

  @Test func aNativeFileWithoutAnArchitecture() throws {
    let folder = try TemporaryDirectory()
    let (source, native) = (folder.path("pair.npz"), folder.path("pair.safetensors"))
    try Checkpoints.write(source, format: .npz, tensors: tensors(), metadata: [:])
    try Export(source, named: "pair") { try Pair($0) }.write(to: native, as: .native)
    let net = try NativeWeights.load(native) { try Pair($0) }
    let x = try Tensor([1, -1, 2] as [Float], shape: [1, 3])
    #expect(
      try net(x).elements(as: Float.self) == load(tensors())(x).elements(as: Float.self))
    #expect(try NativeWeights.open(native).manifest.architecture == "pair")
    // A plain file is none, and the error says who makes one.
    let plain = folder.path("plain.safetensors")
    try Checkpoints.write(plain, format: .safetensors, tensors: tensors(), metadata: [:])
    let error = failure { try NativeWeights.load(plain) { try Pair($0) } }
    #expect(error?.remedy?.contains("`Export`") == true)
  }

  @Test func aShapeErrorNamesTheInnermostModule() throws {
    let net = try load(tensors())
    let error = failure { try net(Tensor([1, 2] as [Float], shape: [1, 2])) }
    #expect(error?.code == .shape && error?.entry == "first")
  }

  @Test func aReferenceIsNoCheckpointForItEither() throws {
    let reference = MemoryCheckpoint([
      "inputs/0": .blank([1, 3]), "activations/first": .blank([1, 4]), "outputs/0": .blank([1, 2]),
    ])
    let error = failure { try Weights.load(reference) { try Pair($0) } }
    #expect(error?.message.contains("is a reference of recorded activations") == true)
    let named = failure { try Loader(.builtIn).plan(reference, model: "stn") }
    #expect(named?.message == error?.message)
  }
}

/// One tensor of another layout must not decide what a model is, nor hide which it is.
@Suite struct MisshapenTests {
  private func checkpoint(
    _ file: String, _ change: (String, Shape) -> Shape
  ) throws -> MemoryCheckpoint {
    let list = try #require(KeyList.all.first { $0.file == file })
    return MemoryCheckpoint(
      try list.checkpoint().entries.map {
        ($0.name, Tensor.blank(change($0.name, $0.shape), $0.dtype))
      }, path: file)
  }

  @Test(arguments: [
    ("vit_v040_dimhead64", "transformer.layers.0.1.fn.fn.net.0.weight"),
    ("detr_inputproj_encoder_d256_h8_L6_ff2048", "encoder.layers.0.linear1.weight"),
    ("se_resnet18", "fc.weight"),
  ])
  func aTransposedWeightIsTheOnlyMismatch(_ file: String, _ name: String) throws {
    let checkpoint = try checkpoint(file) { entry, shape in
      entry == name ? [shape[1], shape[0]] : shape
    }
    let report = try Loader(.builtIn).plan(checkpoint).report
    #expect(report.mismatched.map(\.parameter) == [name])
    #expect(report.suggestions.map(\.reason) == ["transposed"])
  }

  @Test func allNamesIdentifyWhenShapesDoNot() throws {
    let checkpoint = try checkpoint("se_resnet18") { _, shape in
      shape.rank == 4 ? [shape[2], shape[3], shape[1], shape[0]] : shape
    }
    let plan = try Loader(.builtIn).plan(checkpoint)
    #expect(plan.architecture.id == "se_resnet18")
    #expect(plan.report.mismatched.count == 20 && plan.report.suggestions.count == 20)
    #expect(plan.report.notes.contains("se_resnet18, by names alone: shapes differ"))
  }
}

/// What was only assumed when a native file was written stays so.
@Suite struct AssumptionTests {
  @Test func aNativeFileKeepsWhatWasAssumed() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("toy.safetensors")
    let loader = Loader(ArchitectureRegistry([ToyNet.self]))
    let source = folder.path("toy.npz")
    try Checkpoints.write(source, format: .npz, tensors: toyTensors(), metadata: [:])
    try Export(loader.plan(Checkpoints.open(source))).write(to: path, as: .native)
    let native = try Checkpoints.open(path)
    #expect(try loader.plan(native).configuration.entries["heads"]?.origin == .assumed)
    // Whoever knows is believed, and what the file will do by itself is said.
    let metadata = try RecordedMetadata(json: #"{"model": "toy", "config": {"heads": 4}}"#)
    let plan = try loader.plan(native, reference: metadata)
    #expect(try plan.configuration.integer("heads") == 4)
    #expect(!plan.report.notes.contains { $0.contains("own file counts") })
    #expect(plan.report.notes.contains { $0.contains("convert it again with heads=4") })
    let same = try RecordedMetadata(json: #"{"model": "toy", "config": {"heads": 8}}"#)
    #expect(
      try loader.plan(native, reference: same).report.notes.allSatisfy {
        !$0.contains("convert it again")
      })
    // What was said stays said.
    try Export(loader.plan(Checkpoints.open(source), overrides: [("heads", "2")]))
      .write(to: path, as: .native)
    let said = try loader.plan(Checkpoints.open(path), reference: metadata)
    #expect(try said.configuration.integer("heads") == 2)
  }
}
