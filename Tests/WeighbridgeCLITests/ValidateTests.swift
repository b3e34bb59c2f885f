import Foundation
import Testing

/// `validate`, `run` and `diff` through the built command, on the committed fixtures.
@Suite struct ValidateTests {
  private static let fixtures = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("fixtures")

  private func fixture(_ name: String) -> String {
    Self.fixtures.appendingPathComponent(name).path
  }

  private func withFolder<R>(_ body: (URL) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("weighbridge-validate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
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

  @Test func reportFilesAreWritten() throws {
    try withFolder { folder in
      let (json, junit) = (folder.appendingPathComponent("v.json"), folder.appendingPathComponent("v.xml"))
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

  @Test(arguments: [["--rtol", "-1"], ["--atol", "nan"], ["--oracle", "sometimes"], ["--model", "nothing"]])
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
      let check = try CommandRun(
        "validate", "--weights", fixture("se_bottleneck.npz"), "--reference", output,
        "--require-all", "--rtol", "0", "--atol", "0")
      #expect(check.status == 0, "\(check.output)\(check.errors)")
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
