import TestSupport
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

  @Test(arguments: commands)
  func everyCommandHasHelpWithAnExample(command: String) throws {
    let run = try CommandRun(command, "--help")
    #expect(run.status == 0)
    #expect(run.output.contains("weighbridge \(command) "))
    #expect(run.output.contains("EXAMPLES"))
    // One spelling of each placeholder.
    for other in ["<path>", "<out>", "<source>", "<KEY=VALUE>", "<weights>", "<rtol>"] {
      #expect(!run.output.contains(other))
    }
  }

  static let commands = [
    "models", "inspect", "map", "convert", "validate", "run", "diff", "verify", "manual",
  ]

  @Test(arguments: [
    (["valdate"], "Did you mean validate?"), (["Inspect"], "Did you mean inspect?"),
    (["models", "vit", "--config", "hads=2"], "Did you mean heads?"),
    (["models", "--jsn"], "Did you mean '--json'?"), (["models", "vut"], "Did you mean vit?"),
    (["diff", "a", "b", "--rtol", "-1"], "--rtol takes a number that is not negative, not -1"),
    (["run", "--threads", "-1"], "--threads takes a number from 1 to 1024, not -1"),
  ])
  func whatWasMeantIsSaid(_ arguments: [String], _ words: String) throws {
    let run = try CommandRun(list: arguments)
    #expect(run.status == 64)
    #expect(run.errors.contains(words), "\(run.errors)")
  }

  @Test func completionsCompleteValues() throws {
    for shell in ["bash", "zsh", "fish"] {
      let script = try CommandRun("--generate-completion-script", shell).output
      for word in ["se_resnet50", "safetensors", "bf16"] {
        #expect(script.contains(word), "\(shell) \(word)")
      }
    }
    let keys = try CommandRun(
      "---completion", "map", "--", "--config", "5", "0", "weighbridge", "map", "--model", "vit",
      "--config", "")
    #expect(keys.output.contains("heads="), "\(keys.errors)")
    #expect(!keys.output.contains("align_corners"))
  }

  @Test func theManualHasEverything() throws {
    let page = try CommandRun("manual")
    #expect(page.status == 0 && page.output.hasPrefix(".TH WEIGHBRIDGE 1"))
    for command in Self.commands {
      #expect(page.output.contains(".SH \"WEIGHBRIDGE \(command.uppercased())\""))
    }
    for word in ["\\-\\-require\\-all", "inherited", "Exit status", "EXAMPLES"] {
      #expect(page.output.contains(word), "\(word)")
    }
  }

  /// README and help explain every status in the same words.
  @Test func everyStatusIsExplained() throws {
    let readme = try String(
      contentsOfFile: Repository.root.appending(path: "README.md").path, encoding: .utf8)
    let help = try CommandRun("--help", environment: ["COLUMNS": "200"]).output
    let validate = try CommandRun("validate", "--help", environment: ["COLUMNS": "200"]).output
    for status in LayerStatus.allCases {
      #expect(readme.contains("| `\(status.rawValue)` | \(status.meaning) |"), "\(status)")
      #expect(help.contains(status.meaning) && validate.contains(status.meaning))
    }
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
