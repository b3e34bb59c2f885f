import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

@testable import WeighbridgeMapping

/// What travels beside the tensors tells what shapes cannot, and nothing else.
@Suite struct CarriedConfigurationTests {
  private func heads(_ metadata: [String: String], _ overrides: [(String, String)] = []) throws
    -> (value: Int, notes: [String])
  {
    let plan = try Loader(ArchitectureRegistry([ToyNet.self])).plan(
      MemoryCheckpoint(toyTensors(), metadata: metadata),
      overrides: overrides.map { (key: $0.0, text: $0.1) })
    return (try plan.configuration.integer("heads"), plan.report.notes)
  }

  @Test(
    arguments: [
      ([:], 8), (["heads": "2"], 2), (["args.heads": "2"], 2),
      (["config.num_attention_heads": "4", "config.hidden_size": "9"], 4),
      (["config.heads": "many"], 8), (["args.heads": "2.0"], 2), (["args.heads": "2.5"], 8),
      (["args.heads": "2", "config.heads": "2"], 2), (["args.heads": "2", "config.heads": "4"], 8),
      (["width": "77", "classes": "5"], 8),
    ] as [([String: String], Int)])
  func headsAreTold(_ metadata: [String: String], _ expected: Int) throws {
    let found = try heads(metadata)
    #expect(found.value == expected, "\(found)")
    #expect(found.notes.contains { $0.hasPrefix("heads=") } == (expected != 8))
  }

  @Test func theUserWins() throws {
    #expect(try heads(["args.heads": "2"], [("heads", "16")]).value == 16)
  }

  /// A hub's `config.json` counts beside a hub's file, and only there; one that is damaged says nothing.
  @Test func aHubsConfigurationStandsBesideItsFile() throws {
    let folder = try TemporaryDirectory()
    let json = #"{"num_attention_heads": 4, "nested": {"eps": 1e-6}, "labels": ["a", "b"]}"#
    _ = try folder.text("config.json", json)
    func metadata(_ name: String) throws -> [String: String] {
      let path = folder.path(name)
      let format = try #require(CheckpointFormat(pathExtension: name))
      try Checkpoints.write(path, format: format, tensors: toyTensors())
      return try Checkpoints.open(path).metadata
    }
    let expected = [
      "config.num_attention_heads": "4", "config.nested.eps": "1e-06",
      "config.labels": #"["a","b"]"#,
    ]
    #expect(try metadata("model.safetensors") == expected)
    #expect(try metadata("pytorch_model.pth") == expected)
    #expect(try metadata("other.safetensors").isEmpty)
    let plan = try Loader(ArchitectureRegistry([ToyNet.self])).plan(
      Checkpoints.open(folder.path("model.safetensors")))
    #expect(try plan.configuration.integer("heads") == 4)
    for damage in ["{", "[1]", String(repeating: "[", count: 5000)] {
      _ = try folder.text("config.json", damage)
      #expect(try metadata("model.safetensors")["config.num_attention_heads"] == nil)
    }
  }
}
