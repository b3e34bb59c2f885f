import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

@Suite struct ReferenceDiffTests {
  private func diff(
    _ a: RecordedEntries, _ b: RecordedEntries, tolerance: ElementwiseTolerance? = nil
  ) throws -> ReferenceDiff {
    try ReferenceDiff(a.reference(), b.reference(), tolerance: tolerance)
  }

  private func statuses(_ diff: ReferenceDiff) -> [String: LayerStatus] {
    diff.verdict.result?.statuses ?? [:]
  }

  @Test func theSameHolds() throws {
    let toy = try RecordedEntries.toy(noise: true)
    let result = try diff(toy, toy)
    #expect(result.holds)
    // One input, ten activations, one output.
    #expect(result.equalCount == 12)
    #expect(
      Headline.line(result.verdict) == "PASS references · 12 ok · largest error 0 of its limit")
  }

  /// The limit is that of noise: k · (n_a + n_b + floor), and just above it fails.
  @Test(arguments: [(0.9, true), (1.1, false)])
  func noiseOfBothIsTheLimit(_ share: Double, _ holds: Bool) throws {
    var (a, b) = (try RecordedEntries.toy(), try RecordedEntries.toy())
    let name = "blocks.0.fc"
    let reference = try #require(b["activations/\(name)"])
    let figures = try Comparison.figures(reference, reference)
    let noise = 1e-4
    for (entries, part) in [(0, 0.25), (1, 0.75)] {
      let pair = try Tensor([noise * part, 1.0], shape: [2])
      if entries == 0 { a["noise/\(name)"] = pair } else { b["noise/\(name)"] = pair }
    }
    let limit = Limits().noiseRatio * (noise + Limits().floor * 0x1p-24 * figures.referenceRMS)
    a["activations/\(name)"] = try reference.affine(shift: limit * share)
    let result = try diff(a, b)
    #expect(result.holds == holds)
    #expect(statuses(result)[name] == (holds ? .ok : .source))
  }

  @Test func onlyTheFirstIsACause() throws {
    var a = try RecordedEntries.toy()
    for name in ["blocks.0.fc", "blocks.0", "blocks.1.relu"] {
      a["activations/\(name)"] = try #require(a["activations/\(name)"]).affine(shift: 0.1)
    }
    let result = try diff(a, .toy())
    #expect(statuses(result)["blocks.0.fc"] == .source)
    #expect(statuses(result)["blocks.0"] == .inherited)
    #expect(result.verdict.result?.firstDivergence?.path == "blocks.0.fc")
    #expect(result.verdict.result?.details.first?.line == "blocks.0.fc")
    #expect(result.verdict.result?.notes.count == 1)
  }

  /// A dictionary's members keep their names.
  @Test func namedItemsAreNamed() throws {
    var (a, b) = (try RecordedEntries.toy(), try RecordedEntries.toy())
    let values = try #require(b["activations/blocks.0"])
    b["activations/blocks.0/aux"] = values
    a["activations/blocks.0/aux"] = try values.affine(shift: 0.1)
    b["activations/blocks.0/main"] = values
    let result = try diff(a, b)
    #expect(statuses(result)["blocks.0/aux"] == .glue)
    #expect(result.verdict.result?.uncovered == ["activations/blocks.0/main"])
  }

  @Test func otherInputsAreTheCause() throws {
    var a = try RecordedEntries.toy()
    a["inputs/0"] = try #require(a["inputs/0"]).affine(shift: 1)
    let line = Headline.line(try diff(a, .toy()).verdict)
    #expect(line.hasPrefix("FAIL references · first source inputs/0 · "))
  }

  @Test func namesAndShapesAreNamed() throws {
    var (a, b) = (try RecordedEntries.toy(), try RecordedEntries.toy())
    a["activations/tail"] = nil
    b["activations/tail#1"] = nil
    a["activations/blocks.1"] = try Tensor([Float](repeating: 0, count: 4), shape: [4])
    a["labels"] = try Tensor([Int64(1)], shape: [1])
    b["labels"] = try Tensor([Int64(2)], shape: [1])
    let result = try diff(a, b)
    #expect(!result.holds)
    let found = try #require(result.verdict.result)
    #expect(found.uncovered == ["activations/tail"])
    #expect(found.unreferenced == ["activations/tail#1"])
    #expect(found.differences.first?.hasPrefix("labels: max|Δ| 1") == true)
    #expect(found.layer("blocks.1")?.reason == "shape [4] in the first, [3, 6] in the second")
    let text = result.json.text()
    #expect(text.contains(#""only_in_a":["activations/tail#1"]"#))
    #expect(text.contains(#""only_in_b":["activations/tail"]"#))
    #expect(text.contains(#""identical":false"#))
    let terminal = TerminalReport(width: 80).text(result.verdict)
    #expect(terminal.contains("only in the second (1): activations/tail"))
    #expect(terminal.contains("different: labels"))
  }

  @Test func otherEntriesAloneDecideToo() throws {
    var a = try RecordedEntries.toy()
    a["labels"] = try Tensor([Int64(1)], shape: [1])
    #expect(try !diff(a, .toy()).holds)
    #expect(try diff(a, a).holds)
  }

  @Test func theUsersToleranceReplacesNoise() throws {
    var a = try RecordedEntries.toy(noise: true)
    a["activations/tail"] = try #require(a["activations/tail"]).affine(shift: 0.01)
    let b = try RecordedEntries.toy(noise: true)
    #expect(try !diff(a, b).holds)
    #expect(try diff(a, b, tolerance: .init(relative: 0, absolute: 0.02)).holds)
  }

  @Test func checkpointsAreNoReferences() throws {
    #expect(try !ReferenceDiff.isReference(Toy.checkpoint()))
    #expect(ReferenceDiff.isReference(MemoryCheckpoint(try RecordedEntries.toy().tensors)))
  }
}
