import Testing
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// A verdict says how much it saw, and is no pass where that is too little.
@Suite struct CoverageTests {
  private func verdict(
    allowsPartial: Bool = false, _ change: (inout RecordedEntries) throws -> Void
  ) throws -> Verdict {
    var entries = try RecordedEntries.toy()
    try change(&entries)
    return try Verdict(
      model: "toy", result: validate(against: entries) { $0.allowsPartial = allowsPartial })
  }

  @Test func wholeReferencesSayWhatTheySaw() throws {
    let verdict = try verdict { _ in }
    #expect(verdict.passes)
    #expect(Headline.line(verdict).hasSuffix("compared all 10 activations, 1 output"))
    #expect(verdict.json.text().contains("\"coverage\":{\"compared\":10,\"recorded\":10"))
  }

  /// Each is a pass only where that is asked for.
  @Test(arguments: ["without outputs", "outputs as integers", "under another model's names"])
  func tooLittleIsNoPass(_ kind: String) throws {
    for allowsPartial in [false, true] {
      let verdict = try verdict(allowsPartial: allowsPartial) { entries in
        switch kind {
        case "without outputs": entries["outputs/0"] = nil
        case "outputs as integers":
          let output = try #require(entries["outputs/0"])
          entries["outputs/0"] = try Tensor(
            output.elements(as: Float.self).map { Int64($0) }, shape: output.shape)
        default:
          for index in entries.tensors.indices.dropFirst(2).prefix(6) {
            entries.tensors[index].name = entries.tensors[index].name
              .replacing("activations/", with: "activations/other.")
          }
        }
      }
      #expect(verdict.passes == allowsPartial)
      #expect(verdict.exitStatus == (allowsPartial ? 0 : 1))
      #expect(verdict.result?.hasFailedLayer == false)
      let text = verdict.description
      let gap = try #require(verdict.result?.coverage?.gaps.first).description
      #expect(Headline.line(verdict).contains(gap) == !allowsPartial)
      #expect(verdict.result?.notes.contains(gap) == allowsPartial)
      #expect(text.contains("`allowsPartial`") == !allowsPartial)
    }
  }

  /// Some modules recorded, and the outputs: the whole run is compared at its end.
  @Test func selectedModulesAndOutputsAreEnough() throws {
    let verdict = try verdict { entries in
      entries.tensors.removeAll {
        $0.name.hasPrefix("activations/") && $0.name != "activations/blocks.0.fc"
      }
    }
    #expect(verdict.passes)
    #expect(
      Headline.line(verdict).hasSuffix(
        "compared 1 of 1 activations of 10 modules' results, 1 output"))
  }
}
