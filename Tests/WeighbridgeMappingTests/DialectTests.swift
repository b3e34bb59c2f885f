import Testing
import WeighbridgeModels
import WeighbridgeModules

@testable import WeighbridgeMapping

@Suite struct DialectTests {
  @Test(arguments: Dialect.all) func rulesAreRead(_ dialect: Dialect) throws {
    let rules = try dialect.rules(lead: "")
    #expect(!rules.isEmpty)
    #expect(rules.rules.allSatisfy { $0.isOptional })
    #expect(try dialect.rules(lead: "model.").rules.count == rules.rules.count + 1)
    for model in dialect.models {
      let architecture = try ArchitectureRegistry.builtIn.architecture(model)
      for (name, text) in dialect.configuration {
        let key = try #require(architecture.keys.first { $0.name == name })
        _ = try key.parse(text)
      }
    }
  }

  @Test(arguments: Dialect.all) func markersNameTheDialect(_ dialect: Dialect) throws {
    #expect(Dialect.recognized(dialect.markers, model: nil)?.dialect == dialect)
    let led = dialect.markers.map { "module." + $0 }
    let found = Dialect.recognized(led, model: dialect.models[0])
    #expect(found?.dialect == dialect)
    #expect(found?.lead == "module.")
    #expect(Dialect.recognized(Array(dialect.markers.dropLast()), model: nil)?.dialect != dialect)
    #expect(Dialect.recognized(dialect.markers, model: "stn") == nil)
  }

  /// Our own names are no dialect.
  @Test func ownNamesAreNone() throws {
    for id in ["vit", "se_resnet50", "se_inception3", "detr_encoder"] {
      let architecture = try ArchitectureRegistry.builtIn.architecture(id)
      let names = try architecture.ledger(architecture.defaults).requests.map(\.name)
      #expect(Dialect.recognized(names, model: nil) == nil)
    }
  }

  /// timm's patches are a kernel [D, C, p, p]; ours are flattened (row, column, channel).
  @Test func timmsPatchesAreReordered() throws {
    let plan = try Loader(.builtIn).plan(timm())
    #expect(plan.report.isOneToOne)
    #expect(plan.architecture.id == "vit")
    #expect(plan.configuration.entries["scale"]?.value == .text("dim_head"))
    #expect(plan.configuration.entries["heads"]?.value == .integer(1))
    #expect(plan.configuration.entries["head"]?.value == .text("linear"))
    #expect(plan.report.notes.contains { $0.contains("timm-vit") })
    let kernel = try timm().tensor("patch_embed.proj.weight").elements(as: Float.self)
    let matrix = try plan.source.tensor("patch_to_embedding.weight")
    #expect(matrix.shape == [64, 12])
    let values = try matrix.elements(as: Float.self)
    for (out, row, column, channel) in [(0, 0, 0, 0), (5, 1, 0, 2), (63, 1, 1, 1)] {
      #expect(
        values[out * 12 + (row * 2 + column) * 3 + channel]
          == kernel[((out * 3 + channel) * 2 + row) * 2 + column])
    }
  }

  @Test func rulesOfTheUserComeInstead() throws {
    let plan = try Loader(.builtIn).plan(
      timm(), model: "vit", rules: Rules([Rule(.rename(.exact("norm.weight"), to: "x"))]))
    #expect(!plan.report.isOneToOne)
  }

  /// `reshape` with 0 leaves an extent.
  @Test func zeroLeavesAnExtent() throws {
    let file = MemoryCheckpoint(["a": try Tensor.zeros([2, 3, 4]), "b": try Tensor.zeros([0, 3])])
    let applied = try Rules([
      Rule(.reshape(.exact("a"), shape: [0, -1])), Rule(.reshape(.exact("b"), shape: [3, 0])),
    ]).apply(to: StateDict(file))
    #expect(applied.stateDict.tensors.map(\.shape) == [[2, 12], [3, 0]])
    let back = try applied.inverse.apply(to: applied.stateDict)
    #expect(back.stateDict.tensors.map(\.shape) == [[2, 3, 4], [0, 3]])
  }

  /// One block of width 64, patches of 2, an image of 4.
  private func timm() throws -> MemoryCheckpoint {
    let shapes: KeyValuePairs<String, Shape> = [
      "cls_token": [1, 1, 64], "pos_embed": [1, 5, 64], "patch_embed.proj.weight": [64, 3, 2, 2],
      "patch_embed.proj.bias": [64], "blocks.0.norm1.weight": [64], "blocks.0.norm1.bias": [64],
      "blocks.0.attn.qkv.weight": [192, 64], "blocks.0.attn.qkv.bias": [192],
      "blocks.0.attn.proj.weight": [64, 64], "blocks.0.attn.proj.bias": [64],
      "blocks.0.norm2.weight": [64], "blocks.0.norm2.bias": [64],
      "blocks.0.mlp.fc1.weight": [80, 64], "blocks.0.mlp.fc1.bias": [80],
      "blocks.0.mlp.fc2.weight": [64, 80], "blocks.0.mlp.fc2.bias": [64],
      "norm.weight": [64], "norm.bias": [64], "head.weight": [7, 64], "head.bias": [7],
    ]
    return MemoryCheckpoint(
      try shapes.map { name, shape in
        (name, try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape))
      })
  }
}
