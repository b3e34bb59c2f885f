import Testing
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeReports

@Suite struct RecordingConditionsTests {
  private func reference(_ metadata: String) throws -> Reference {
    var entries = try RecordedEntries.toy()
    entries.metadata["metadata"] = metadata
    return try entries.reference()
  }

  @Test func metadataIsRead() throws {
    let found = try reference(
      #"""
      {"dtypes": {"activations/tail": "torch.bfloat16", "outputs/0": "float16", "activations/x": "e2"},
       "autocast": "bfloat16", "not_repeatable": ["tail#1", "outputs/0"],
       "classes": {"": "net.Toy", "tail": "torch.nn.modules.activation.ReLU"}}
      """#
    ).conditions
    #expect(found.dtypes == ["activations/tail": .bfloat16, "outputs/0": .float16])
    #expect(found.autocast == .bfloat16)
    #expect(found.notRepeatable == ["tail#1", "outputs/0"])
    #expect(found.className(of: "tail") == "ReLU")
    #expect(found.classes[""] == "net.Toy")
    #expect(found.unknownDTypes == ["activations/x (e2)"])
  }

  @Test(arguments: [
    #"{"dtypes": []}"#, #"{"dtypes": {"a": 3}}"#, #"{"autocast": 16}"#, #"{"classes": "x"}"#,
    #"{"not_repeatable": {"a": 1}}"#, #"{"not_repeatable": [1]}"#,
  ])
  func otherTypesAreMalformed(_ metadata: String) throws {
    let error = failure { try reference(metadata) }
    #expect(error?.code == .malformed)
    #expect(error?.entry == "metadata")
    #expect(error?.file == "reference.npz")
  }
}
