import TestSupport
import Testing

/// What a person at a terminal sees.
@Suite struct TerminalTests {
  static let failing = [
    "validate", "--weights", Repository.fixture("se_bottleneck.npz"), "--reference",
    Repository.fixture("se_bottleneck_reference.npz"), "--rtol", "0", "--atol", "0",
  ]

  @Test(arguments: [UInt16(60), 80, 120])
  func tablesFitTheTerminalAndUseItsRoom(_ columns: UInt16) throws {
    let run = try TerminalRun(columns: columns, Self.failing)
    #expect(run.status == 1)
    #expect(run.lines.allSatisfy { $0.count <= Int(columns) }, "\(run.output)")
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

  /// Nothing is wider than 60 columns, and no word is broken.
  @Test(arguments: [
    ["inspect", "se_bottleneck.npz"], ["inspect", "se_bottleneck.npz", "--stats"],
    ["inspect", "se_bottleneck.npz", "--tree"], ["map", "se_bottleneck.npz", "--all"],
    ["map", "se_bottleneck.npz", "--model", "vit", "--config", "heads=2"], ["models"],
    ["models", "vit"],
  ])
  func sixtyColumnsAreEnough(_ arguments: [String]) throws {
    let paths = arguments.map { $0.hasSuffix(".npz") ? Repository.fixture($0) : $0 }
    let run = try TerminalRun(columns: 60, paths)
    let signs: Set<Character> = [" ", ",", "[", "]", "\n"]
    let words = Set(
      try CommandRun(list: paths).output.split(whereSeparator: signs.contains).map(String.init))
    for line in run.lines {
      #expect(line.count <= 60, "\(line)")
      // What is cut is marked; a path may go on behind one of its separators.
      let whole = line.split(whereSeparator: signs.contains).filter { word in
        !word.contains { "…/._-=:".contains($0) }
      }
      for word in whole {
        #expect(words.contains(String(word)), "\(word)")
      }
    }
  }

  @Test func colourCanBeForced() throws {
    let forced = try CommandRun(
      list: Self.failing, environment: ["FORCE_COLOR": "1", "NO_COLOR": ""])
    #expect(forced.output.contains("\u{1b}[31m"))
    for environment in [
      ["FORCE_COLOR": "0"], ["FORCE_COLOR": "1", "NO_COLOR": "1"], ["FORCE_COLOR": ""],
    ] {
      let plain = try CommandRun(list: Self.failing, environment: environment)
      #expect(!plain.output.contains("\u{1b}"), "\(environment)")
    }
  }

  /// Where the locale has no Unicode, nothing else is printed, on both outputs and in help.
  @Test(arguments: [
    failing, ["validate", "--help"], ["inspect", "nothing…here.npz"], ["models"],
    ["map", Repository.fixture("se_bottleneck.npz")],
  ])
  func theCLocaleIsASCII(_ arguments: [String]) throws {
    let run = try CommandRun(list: arguments, environment: ["LC_ALL": "C"])
    #expect((run.output + run.errors).utf8.allSatisfy { $0 < 0x80 })
    #expect(!(run.output + run.errors).isEmpty)
    let text = try CommandRun(list: Self.failing, environment: ["LC_ALL": "C.UTF-8"]).output
    #expect(text.contains("max|Δ|"))
  }

  /// Work that may take long shows what it is at, and takes the line away before it answers.
  @Test func alignmentsShowProgress() throws {
    let reference = Repository.fixture("networks/vit_reference.npz")
    let run = try TerminalRun(
      columns: 120,
      [
        "map", Repository.fixture("networks/vit.npz"), "--align", "--model", "recorded",
        "--reference", reference,
      ], hasErrors: true)
    #expect(run.status == 0)
    #expect(run.output.contains("reading \(reference)"), "\(run.output)")
    #expect(run.output.contains("running the network"), "\(run.output)")
    #expect(run.output.contains("\r\u{1b}[K\(Repository.fixture("networks/vit.npz"))"))
  }

  @Test func reportsToAFileHaveNoColour() throws {
    #expect(try !CommandRun(list: Self.failing).output.contains("\u{1b}"))
  }
}
