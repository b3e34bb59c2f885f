import TestSupport
import Testing

/// What a person at a terminal sees.
@Suite struct TerminalTests {
  private static let failing = [
    "validate", "--weights", Repository.fixture("se_bottleneck.npz"), "--reference",
    Repository.fixture("se_bottleneck_reference.npz"), "--rtol", "0", "--atol", "0",
  ]

  @Test(arguments: [UInt16(80), 120])
  func tablesFitTheTerminalAndUseItsRoom(_ columns: UInt16) throws {
    let run = try TerminalRun(columns: columns, Self.failing)
    #expect(run.status == 1)
    // The headline is one line, whatever its length.
    #expect(run.lines.dropFirst().allSatisfy { $0.count <= Int(columns) }, "\(run.output)")
    #expect(run.lines.contains { $0.contains("SNR") } == (columns == 120))
  }

  @Test(arguments: [(String?.none, true), ("", true), ("1", false)])
  func colourIsForTerminalsThatWantIt(_ noColor: String?, _ isColoured: Bool) throws {
    let environment = noColor.map { ["NO_COLOR": $0] } ?? [:]
    let run = try TerminalRun(columns: 100, Self.failing, environment: environment)
    #expect(run.output.contains("\u{1b}[31m") == isColoured)
    #expect(run.output.contains("\u{1b}[") == isColoured)
    let dumb = try TerminalRun(columns: 100, Self.failing, environment: ["TERM": "dumb"])
    #expect(!dumb.output.contains("\u{1b}["))
  }

  @Test func reportsToAFileHaveNoColour() throws {
    #expect(try !CommandRun(list: Self.failing).output.contains("\u{1b}"))
  }
}
