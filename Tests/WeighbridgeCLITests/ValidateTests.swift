import Foundation
import TestSupport
import Testing
import Weighbridge

/// `validate`, `run` and `diff` through the built command, on the committed fixtures.
@Suite struct ValidateTests {
  private func fixture(_ name: String) -> String { Repository.fixture(name) }

  private func withFolder<R>(_ body: (URL) throws -> R) throws -> R {
    let folder = try TemporaryDirectory()
    return try body(folder.url)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test(arguments: [
    ("se_layer.npz", "se_layer_reference.npz"), ("se_bottleneck.h5", "se_bottleneck_reference.npz"),
    ("lvc_block.npz", "lvc_block_reference.h5"),
  ])
  func fixturesPass(_ weights: String, _ reference: String) throws {
    let run = try CommandRun(
      "validate", "--weights", fixture(weights), "--reference", fixture(reference))
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #expect(run.output.hasPrefix("PASS "))
    #expect(run.errors.isEmpty)
  }

  @Test func jsonAloneIsOnStandardOutput() throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("se_layer.npz"), "--reference",
      fixture("se_layer_reference.npz"), "--json", "-")
    let json = try object(run.output)
    #expect(json["verdict"] as? String == "pass")
    #expect(json["model"] as? String == "se_layer")
    #expect(run.errors.hasPrefix("PASS se_layer"))
  }

  /// The verdict holds and names the number, whatever the number of processors.
  @Test(arguments: [1, 2, 3, 8])
  func threadsAreWhatIsAsked(count: Int) throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("se_bottleneck.h5"), "--reference",
      fixture("se_bottleneck_reference.npz"), "--threads", "\(count)", "--json", "-")
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    let environment = try object(run.output)["environment"] as? [String: Any]
    #expect(environment?["threads"] as? Int == count)
  }

  @Test(arguments: ["0", "-1", "1025", "many"])
  func aNumberOfThreadsThatIsNoneIsWrongUsage(count: String) throws {
    let run = try CommandRun(
      "run", "--weights", fixture("se_layer.npz"), "--input", fixture("se_layer_reference.npz"),
      "--output", "/nowhere/out.npz", "--threads=\(count)")
    #expect(run.status == 64, "\(run.output)\(run.errors)")
  }

  @Test func reportFilesAreWritten() throws {
    try withFolder { folder in
      let (json, junit) = (
        folder.appendingPathComponent("v.json"), folder.appendingPathComponent("v.xml")
      )
      let run = try CommandRun(
        "validate", "--weights", fixture("se_layer.npz"), "--reference",
        fixture("se_layer_reference.npz"), "--json", json.path, "--junit", junit.path)
      #expect(run.status == 0)
      #expect(try object(String(contentsOf: json, encoding: .utf8))["exit_code"] as? Int == 0)
      #expect(try String(contentsOf: junit, encoding: .utf8).contains("failures=\"0\""))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
    }
  }

  /// The weights of one block with the reference of another configuration.
  @Test func otherModelsReferenceIsExplained() throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("se_layer.npz"), "--reference",
      fixture("stn_reference.npz"), "--json", "-")
    #expect(run.status == 2)
    #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
    #expect(run.firstErrorLine.contains("stn_reference.npz"))
    #expect(try object(run.output)["verdict"] as? String == "fail")
  }

  @Test func namesThatDoNotMapExitWith2() throws {
    let run = try CommandRun(
      "validate", "--model", "stn", "--weights", fixture("se_layer.npz"), "--reference",
      fixture("stn_reference.npz"), "--json", "-")
    #expect(run.status == 2)
    let json = try object(run.output)
    #expect(json["exit_code"] as? Int == 2)
    let mapping = try #require(json["mapping"] as? [String: Any])
    #expect((mapping["missing"] as? [String])?.contains("conv1.weight") == true)
    #expect((mapping["unexpected"] as? [String])?.contains("fc.0.weight") == true)
  }

  @Test func wrongConfigurationFailsWith1() throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("stn.npz"), "--reference", fixture("stn_reference.npz"),
      "--config", "align_corners=true", "--json", "-")
    #expect(run.status == 1)
    let json = try object(run.output)
    #expect(json["verdict"] as? String == "fail")
    #expect(json["first_divergence"] as? String != nil)
    #expect(run.errors.hasPrefix("FAIL stn · first source conv1 (call 0)"), "\(run.errors)")
  }

  @Test(arguments: ["se_layer.npz", "manifest-that-is-not-there.npz", "README.md"])
  func whatIsNoReferenceExitsWith3(_ name: String) throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("se_layer.npz"), "--reference", fixture(name))
    #expect(run.status == 3)
    #expect(run.firstErrorLine.contains(name))
  }

  @Test(arguments: [
    ["--rtol", "-1"], ["--atol", "nan"], ["--oracle", "sometimes"], ["--model", "nothing"],
  ])
  func wrongUsageExitsWith64(_ arguments: [String]) throws {
    let run = try CommandRun(
      list: [
        "validate", "--weights", fixture("se_layer.npz"), "--reference",
        fixture("se_layer_reference.npz"),
      ] + arguments)
    #expect(run.status == 64, "\(run.errors)")
    #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
  }

  @Test func tolerancesDecide() throws {
    let arguments = [
      "validate", "--weights", fixture("se_layer.npz"), "--reference",
      fixture("se_layer_reference.npz"),
    ]
    #expect(try CommandRun(list: arguments + ["--rtol", "0", "--atol", "0"]).status == 1)
    #expect(try CommandRun(list: arguments + ["--rtol", "0", "--atol", "1e-3"]).status == 0)
  }

  @Test(arguments: ["npz", "h5", "safetensors"])
  func runWritesAReference(_ format: String) throws {
    try withFolder { folder in
      let output = folder.appendingPathComponent("out.\(format)").path
      let run = try CommandRun(
        "run", "--weights", fixture("se_bottleneck.npz"), "--input",
        fixture("se_bottleneck_reference.npz"), "--output", output, "--activations")
      #expect(run.status == 0, "\(run.errors)")
      // What ran under a probe is repeated bit by bit; a program's run rounds where layers are fused.
      let check = try CommandRun(
        "validate", "--weights", fixture("se_bottleneck.npz"), "--reference", output,
        "--require-all", "--rtol", "0", "--atol", "1e-5", "--json", "-")
      #expect(check.status == 0, "\(check.output)\(check.errors)")
      let verdict = try object(check.output)
      for part in ["layers", "outputs"] {
        let lines = try #require(verdict[part] as? [[String: Any]])
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { $0["max_abs"] as? Double == 0 }, "\(part)")
      }
      let production = try #require(verdict["production"] as? [String: Any])
      #expect(production["status"] as? String == "ok")
      let close = try CommandRun(
        "diff", output, output, "--json")
      #expect(close.status == 0)
      #expect(try object(close.output)["identical"] as? Bool == true)
    }
  }

  @Test func runNeedsAnExtensionItKnows() throws {
    let run = try CommandRun(
      "run", "--weights", fixture("se_layer.npz"), "--input", fixture("se_layer_reference.npz"),
      "--output", "/nowhere/out.txt")
    #expect(run.status == 64)
  }

  /// Labels are looked at before anything is written.
  @Test(arguments: [
    ("nothing", Int32(64), "there is no entry of this name"),
    ("inputs/0", 3, "not a list of integers"), ("few", 3, "holds 3 classes"),
    ("fractions", 3, "not a list of integers"),
  ])
  func wrongLabelsLeaveNoOutput(_ entry: String, _ status: Int32, _ words: String) throws {
    let space = try Workspace()
    let images = try Tensor([Float](repeating: 0.5, count: 2 * 784), shape: [2, 1, 28, 28])
    let input = try space.checkpoint(
      "in.npz",
      [
        "inputs/0": images, "few": Tensor([Int64](repeating: 1, count: 3), shape: [3]),
        "fractions": Tensor([Float](repeating: 1, count: 2), shape: [2]),
      ])
    let output = space.path("out.npz")
    let run = try CommandRun(
      "run", "--weights", fixture("stn.npz"), "--input", input, "--output", output, "--labels",
      entry)
    #expect(run.status == status, "\(run.errors)")
    #expect(run.firstErrorLine.contains(words))
    #expect(run.firstErrorLine.contains("in.npz: \(entry): "))
    #expect(space.contents == ["in.npz"])
  }

  @Test func aCheckpointAsInputIsExplained() throws {
    let space = try Workspace()
    let run = try CommandRun(
      "run", "--weights", fixture("stn.npz"), "--input", fixture("stn.npz"), "--output",
      space.path("out.npz"))
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("inputs/0"))
    #expect(run.firstErrorLine.contains("Is it a checkpoint?"))
  }

  /// The model itself has no name, and leaves no gap in the line.
  @Test func inputsOfAnotherShapeAreNamedOnce() throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("stn.npz"), "--model", "stn", "--reference",
      fixture("se_layer_reference.npz"))
    #expect(run.status == 2)
    #expect(!run.firstErrorLine.contains(": :"))
  }

  /// Output to a file or a program is not cut to a terminal's width.
  @Test func tablesAreWholeWithoutATerminal() throws {
    let arguments = [
      "validate", "--weights", fixture("se_bottleneck.npz"), "--reference",
      fixture("se_bottleneck_reference.npz"), "--rtol", "0", "--atol", "0",
    ]
    let wide = try CommandRun(list: arguments, environment: ["COLUMNS": ""])
    #expect(wide.output.contains("SNR") && wide.output.contains("shape"))
    #expect(!wide.output.split(separator: "\n").dropFirst().contains { $0.contains("\u{1b}") })
    let narrow = try CommandRun(list: arguments, environment: ["COLUMNS": "80"])
    #expect(!narrow.output.contains("SNR"))
    let lines = narrow.output.split(separator: "\n").dropFirst()
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(narrow.output)")
  }

  @Test func helpExplainsTheTable() throws {
    let help = try CommandRun("validate", "--help").output
    for word in ["isolated", "end to end", "ok ×12", "of its limit", "†"] {
      #expect(help.contains(word))
    }
  }

  @Test func runLeavesNoPartialFile() throws {
    try withFolder { folder in
      let output = folder.appendingPathComponent("out.npz").path
      let run = try CommandRun(
        "run", "--weights", fixture("se_layer.npz"), "--input", fixture("stn_reference.npz"),
        "--output", output)
      #expect(run.status == 2)
      #expect(run.firstErrorLine.contains("stn_reference.npz"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  /// The same network recorded twice: one of the two is changed in one activation.
  @Test func diffOfReferencesIsAVerdict() throws {
    let space = try Workspace()
    let reference = fixture("se_bottleneck_reference.npz")
    let same = try CommandRun("diff", reference, fixture("se_bottleneck_reference.h5"), "--json")
    #expect(same.status == 0, "\(same.errors)")
    #expect(try object(same.output)["identical"] as? Bool == true)
    #expect(same.errors.hasPrefix("PASS se_bottleneck · "))

    let file = try Checkpoints.open(reference)
    let changed = space.path("changed.npz")
    try Checkpoints.write(
      changed, format: .npz,
      tensors: file.entries.filter { $0.rawPath != "activations/bn1" }.map { entry in
        let tensor = try file.tensor(entry.rawPath)
        return (
          entry.rawPath,
          entry.rawPath == "activations/conv2" ? try tensor.affine(scale: 1.01) : tensor
        )
      }, metadata: file.metadata)
    let (html, junit) = (space.path("d.html"), space.path("d.xml"))
    let run = try CommandRun(
      "diff", changed, reference, "--json", "--html", html, "--junit", junit)
    #expect(run.status == 1)
    let json = try object(run.output)
    #expect(json["identical"] as? Bool == false)
    #expect(json["first_divergence"] as? String == "conv2")
    #expect(json["only_in_b"] as? [String] == ["activations/bn1"])
    #expect(json["only_in_a"] as? [String] == [])
    let different = try #require(json["different"] as? [[String: Any]])
    #expect(different.map { $0["name"] as? String } == ["activations/conv2"])
    #expect(different.first?["max_abs"] is Double)
    let layers = try #require(json["layers"] as? [[String: Any]])
    #expect(
      layers.contains { $0["path"] as? String == "conv2" && $0["status"] as? String == "source" })
    #expect(try String(contentsOfFile: junit, encoding: .utf8).contains("failures=\"1\""))
    #expect(try String(contentsOfFile: html, encoding: .utf8).contains("Closer look: conv2"))
    #expect(run.errors.contains("only in the second (1): activations/bn1"))
    #expect(
      try CommandRun("diff", changed, fixture("stn.npz"), "--html", html).status == 64)
  }

  @Test func nativeFileNeedsNoModel() throws {
    try withFolder { folder in
      let native = folder.appendingPathComponent("lvc.safetensors").path
      let converted = try CommandRun("convert", fixture("lvc_block.npz"), native)
      #expect(converted.status == 0, "\(converted.errors)")
      let html = folder.appendingPathComponent("report.html")
      let run = try CommandRun(
        "validate", "--weights", native, "--reference", fixture("lvc_block_reference.npz"),
        "--html", html.path)
      #expect(run.status == 0, "\(run.output)\(run.errors)")
      #expect(run.output.hasPrefix("PASS lvc_block"))
      #expect(try String(contentsOf: html, encoding: .utf8).contains("PASS lvc_block"))
    }
  }

  /// A program that loads the file has what it assumes, and not what the reference knows.
  @Test func nativeFileThatAssumesOtherwiseFails() throws {
    let space = try Workspace()
    let reference = fixture("vit_digits_reference.npz")
    let native = space.path("vit.safetensors")
    #expect(try CommandRun("convert", fixture("vit_digits.npz"), native).status == 0)
    let run = try CommandRun("validate", "--weights", native, "--reference", reference)
    #expect(run.status == 1, "\(run.output)\(run.errors)")
    #expect(run.output.contains("convert it again with --config heads=4"))
    let given = space.path("given.safetensors")
    #expect(
      try CommandRun("convert", fixture("vit_digits.npz"), given, "--config", "heads=4").status == 0
    )
    #expect(try CommandRun("validate", "--weights", given, "--reference", reference).status == 0)
    // Who says it by hand is told, and is not stopped.
    #expect(
      try CommandRun(
        "validate", "--weights", native, "--reference", reference, "--config", "heads=4"
      ).status == 0)
  }

  @Test func unwritableReportIsAFailure() throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("se_layer.npz"), "--reference",
      fixture("se_layer_reference.npz"), "--json", "/nowhere/at/all.json")
    #expect(run.status == 3)
    #expect(run.errors.contains("/nowhere/at/all.json"))
  }

  @Test func diffTellsFormatsApartByContentAlone() throws {
    let same = try CommandRun("diff", fixture("stn.npz"), fixture("stn.h5"))
    #expect(same.status == 0, "\(same.output)\(same.errors)")
    #expect(same.output.hasPrefix("identical: 16 tensors"))
    let other = try CommandRun("diff", fixture("stn.npz"), fixture("se_layer.npz"), "--json")
    #expect(other.status == 1)
    let json = try object(other.output)
    #expect(json["identical"] as? Bool == false)
    #expect((json["only_in_a"] as? [String])?.contains("conv1.weight") == true)
    #expect(try CommandRun("diff", fixture("stn.npz"), fixture("README.md")).status == 3)
  }
}
