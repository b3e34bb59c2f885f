import Foundation
import TestSupport
import Testing
import Weighbridge

/// What all commands' JSON has in common.
@Suite struct AnswerTests {
  private func envelope(_ run: CommandRun, _ command: String, _ status: Int) throws -> [String: Any]
  {
    let document = try json(run)
    #expect(document["schema_version"] as? Int == 1, "\(command)")
    #expect(document["command"] as? String == command)
    #expect(document["exit_code"] as? Int == status && run.status == Int32(status))
    #expect((document["error"] as? String == nil) == (status == 0 || status == 1))
    return document
  }

  @Test func everyDocumentBeginsAlike() throws {
    let space = try Workspace()
    let gate = try space.checkpoint("gate.npz", gateTensors())
    let native = space.path("gate.safetensors")
    _ = try envelope(CommandRun("models", "--json"), "models", 0)
    _ = try envelope(CommandRun("models", "vit", "--json"), "models", 0)
    let inspected = try envelope(CommandRun("inspect", gate, "--json"), "inspect", 0)
    #expect((inspected["tensors"] as? [Any])?.count == 2)
    _ = try envelope(CommandRun("map", gate, "--json"), "map", 0)
    _ = try envelope(CommandRun("convert", gate, native, "--json"), "convert", 0)
    _ = try envelope(CommandRun("verify", native, "--json"), "verify", 0)
    _ = try envelope(CommandRun("diff", gate, native, "--json"), "diff", 0)
    let failing = TerminalTests.failing + ["--json", "-"]
    _ = try envelope(CommandRun(list: failing), "validate", 1)
  }

  /// A program that asked for JSON gets it where the command fails, too, and standard error its line.
  @Test(arguments: [
    (["inspect", "nothing.npz"], 3), (["map", "nothing.npz"], 3), (["diff", "a.npz", "b.npz"], 3),
    (["convert", "nothing.npz", "out.npz"], 3), (["models", "vut"], 64),
    (["verify", "nothing.npz"], 3),
  ])
  func failuresAreDocumentsToo(_ arguments: [String], _ status: Int) throws {
    let space = try Workspace()
    let run = try CommandRun(list: arguments + ["--json"], directory: space.directory)
    let document = try envelope(run, arguments[0], status)
    let error = try #require(document["error"] as? String)
    #expect(run.firstErrorLine == "weighbridge: error: \(error)")
  }
}
