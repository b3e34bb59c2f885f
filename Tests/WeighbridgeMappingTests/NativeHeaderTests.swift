import Foundation
import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeMapping

/// A native file's header decides which model its weights become.
@Suite struct NativeHeaderTests {
  private let loader = Loader(ArchitectureRegistry([ToyNet.self]))

  /// Whichever bit of the header is another one: the file is refused, or is the same model.
  @Test func everyFlippedBitIsRefusedOrHarmless() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("toy.safetensors")
    try Checkpoints.write(folder.path("toy.npz"), format: .npz, tensors: toyTensors())
    let plan = try loader.plan(
      Checkpoints.open(folder.path("toy.npz")), overrides: [("heads", "4")])
    try Export(plan).write(to: path, as: .native)
    let bytes = try Data(contentsOf: URL(filePath: path))
    let end = 8 + Int(bytes.prefix(8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
    let other = folder.path("other.safetensors")
    for position in 0..<end {
      // Every bit of the metadata; of the rest, one of each byte.
      for bit in position % 3 == 0 ? Array(0..<8) : [position % 8] {
        var damaged = bytes
        damaged[position] ^= 1 << UInt8(bit)
        try damaged.write(to: URL(filePath: other))
        guard let found = try? loader.plan(Checkpoints.open(other)),
          found.report.isOneToOne
        else { continue }
        let heads = try found.configuration.integer("heads")
        #expect(heads == 4, "bit \(bit) of byte \(position)")
        #expect(found.configuration.entries["heads"]?.origin == .metadata)
        #expect(found.report.notes.contains("toy, by the file's metadata"))
      }
    }
  }

  @Test func unknownArchitectureIsNotGuessed() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("toy.safetensors")
    try NativeWeights.write(
      path, manifest: NativeManifest(architecture: "tox", configuration: "{}"),
      tensors: toyTensors())
    let checkpoint = try Checkpoints.open(path)
    let error = #expect(throws: WeighbridgeError.self) { try loader.plan(checkpoint) }
    #expect(error?.code == .mapping && error?.file == path)
    #expect(error?.message.contains("the architecture 'tox', which is not known") == true)
    #expect(error?.remedy?.contains("`model:`") == true)
    let named = try loader.plan(checkpoint, model: "toy")
    #expect(named.report.notes.contains("the file says it is tox; toy was asked for"))
  }

  /// What led to the names is kept, so that they can be held against their source.
  @Test func rulesAndRootAreKept() throws {
    let folder = try TemporaryDirectory()
    let source = folder.path("toy.npz")
    let tensors = toyTensors().map { (name: "ema.x." + $0.name, tensor: $0.tensor) }
    try Checkpoints.write(source, format: .npz, tensors: tensors)
    let rules = try Rules(yaml: "- rename: {prefix: ema.x., to: ema.}", file: "r")
    let native = folder.path("toy.safetensors")
    let plan = try loader.plan(Checkpoints.open(source), rules: rules, root: "ema")
    try Export(plan, dtype: .float16).write(to: native, as: .native)
    let again = folder.path("again.safetensors")
    try Export(loader.plan(Checkpoints.open(native))).write(to: again, as: .native)
    for path in [native, again] {
      let found = try SourceComparison(Checkpoints.open(path), with: Checkpoints.open(source))
      #expect(found.holds && found.equalCount == tensors.count && found.convertedCount > 0)
      #expect(found.root == "ema" && found.isRecordedSource == true)
    }
    // Without the rules nothing is found.
    let bare = try SourceComparison(
      Checkpoints.open(native), with: Checkpoints.open(source), rules: Rules())
    #expect(!bare.holds && bare.mismatched.count == tensors.count)
  }
}
