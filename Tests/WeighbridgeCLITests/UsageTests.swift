import Testing
import Weighbridge

@Suite struct UsageTests {
  @Test func helpGoesToStandardOutputAndHolds() throws {
    for arguments in [["--help"], ["help"], []] {
      let run = try CommandRun(list: arguments)
      #expect(run.status == 0)
      #expect(run.output.contains("USAGE: weighbridge"))
      #expect(run.errors.isEmpty)
    }
  }

  @Test func versionIsTheLibrarys() throws {
    let run = try CommandRun("--version")
    #expect(run.status == 0)
    #expect(run.output == WeighbridgeVersion.current + "\n")
  }

  @Test(arguments: ["models", "inspect", "map", "convert"])
  func everyCommandHasHelpWithAnExample(command: String) throws {
    let run = try CommandRun(command, "--help")
    #expect(run.status == 0)
    #expect(run.output.contains("weighbridge \(command) "))
  }

  @Test(arguments: [
    ["inspect"], ["inspect", "--nonsense", "x"], ["weigh"], ["map", "x", "--config"],
    ["models", "--config", "heads"], ["models", "no_such_model"],
  ])
  func wrongUsageIs64(arguments: [String]) throws {
    let run = try CommandRun(list: arguments)
    #expect(run.status == 64)
    #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
    #expect(run.output.isEmpty)
  }
}
