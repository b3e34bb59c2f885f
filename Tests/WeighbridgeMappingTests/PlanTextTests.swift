import Testing
import WeighbridgeModules

@testable import WeighbridgeMapping

/// What `print` shows of a plan and of an export.
@Suite struct PlanTextTests {
  @Test func planReadsAsText() throws {
    let plan = try Loader(ArchitectureRegistry([ToyNet.self])).plan(MemoryCheckpoint.toy())
    let lines = "\(plan)".split(separator: "\n")
    #expect(lines.first?.hasSuffix("as toy") == true, "\(plan)")
    #expect(lines.contains { $0.hasPrefix("one to one: ") }, "\(plan)")
    #expect(lines.contains { $0.hasPrefix("width=4 (inferred), ") }, "\(plan)")
  }

  @Test func summaryReadsAsText() {
    var summary = ExportSummary()
    (summary.tensors, summary.bytes) = (1, 64)
    #expect("\(summary)" == "1 tensor, 64 bytes")
    summary.tensors = 2
    summary.warnings = [.init(name: "a\nb", nonFinite: 1, overflowed: 2, vanished: 3)]
    #expect(
      "\(summary)"
        == "2 tensors, 64 bytes\n"
        + #"a\nb: 2 finite values became infinite, 3 became 0, 1 were NaN or infinite before"#)
  }
}
