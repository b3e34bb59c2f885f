import Foundation
import TestSupport
import Testing
import Weighbridge

/// One entry that cannot be read, in every command: the others are listed and used.
@Suite struct BadEntryCommandTests {
  /// `objects.npz`: a float32 array `a` and a pickled array `o`.
  static let file = Repository.fixture("formats/hostile/objects.npz")
  static let reason =
    "is an array of Python objects, which are pickled and can run code when loaded"

  @Test(arguments: [[], ["--tree"], ["--stats"], ["--tree", "--stats"]])
  func inspectListsIt(_ flags: [String]) throws {
    let run = try CommandRun(list: ["inspect", Self.file] + flags)
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(run.output.contains("1 tensor, 64 values"))
    #expect(run.output.contains("\nnot read\n  o: \(Self.reason)\n"))
  }

  @Test(arguments: [[], ["--stats"]]) func inspectJSONListsIt(_ flags: [String]) throws {
    let run = try CommandRun(list: ["inspect", Self.file, "--json"] + flags)
    #expect(run.status == 0)
    let document = try json(run)
    let skipped = try #require(document["skipped"] as? [[String: String]])
    #expect(skipped == [["name": "o", "kind": "objects", "reason": Self.reason]])
    #expect((document["tensors"] as? [[String: Any]])?.count == 1)
  }

  @Test func convertLeavesItOutAndSaysSo() throws {
    let space = try Workspace()
    let run = try CommandRun("convert", Self.file, space.path("o.npz"), "--model", "none")
    #expect(run.status == 0)
    #expect(run.errors == "weighbridge: warning: o is left out: \(Self.reason)\n")
    #expect(try CommandRun("inspect", space.path("o.npz")).output.contains("1 tensor"))
    // The values are the same, but nobody can say that the files are.
    let diff = try CommandRun("diff", Self.file, space.path("o.npz"))
    #expect(diff.status == 3)
    #expect(diff.firstErrorLine.contains("o: \(Self.reason)"))
  }

  @Test func mapSaysWhyAParameterIsMissing() throws {
    let space = try Workspace()
    let header =
      #"{"fc.0.weight":{"dtype":"F32","shape":[2,16],"data_offsets":[0,128]},"#
      + #""fc.2.weight":{"dtype":"F4","shape":[16,2],"data_offsets":[128,144]}}"#
    var bytes = Data(withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init))
    bytes += Data(header.utf8) + Data(count: 144)
    try bytes.write(to: URL(fileURLWithPath: space.path("w.safetensors")))
    let model = ["--model", "se_layer", "--config", "channel=16", "--config", "reduction=8"]
    let run = try CommandRun(list: ["map", space.path("w.safetensors")] + model)
    #expect(run.status == 2)
    #expect(run.output.contains("its entry is not read: tensors of dtype F4 are not read"))
    let convert = try CommandRun(
      list: ["convert", space.path("w.safetensors"), space.path("o.safetensors")] + model)
    #expect(convert.status == 2)
    #expect(space.contents == ["w.safetensors"])
  }

  /// What is damaged is found when it is read; the others have their figures.
  @Test func statisticsOfTheOthersAreShown() throws {
    let space = try Workspace()
    let path = try space.checkpoint(
      "w.npz",
      ["a": Tensor([1, 2, 3] as [Float], shape: [3]), "b": Tensor([4, 5] as [Float], shape: [2])])
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let last = try #require(bytes.range(of: withUnsafeBytes(of: Float(3)) { Data($0) }))
    bytes[last.startIndex] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    let run = try CommandRun("inspect", path, "--stats")
    #expect(run.status == 3)
    #expect(run.firstErrorLine.contains("a: the bytes are damaged: their CRC-32"))
    #expect(run.output.contains("unreadable") && run.output.contains("4.5"))
    let tensors = try json(CommandRun("inspect", path, "--stats", "--json"))["tensors"]
    let members = try #require(tensors as? [[String: Any]])
    #expect(members[0]["readable"] as? Bool == false && members[0]["mean"] == nil)
    #expect(members[1]["mean"] as? Double == 4.5)
  }

  /// Two names that Swift's comparison takes for one go through every format as two.
  @Test(arguments: ["twins.npz", "twins.safetensors"]) func namesAreBytes(_ name: String) throws {
    let space = try Workspace()
    let source = Repository.fixture("formats/\(name)")
    for target in ["o.npz", "o.safetensors", "o.h5"] {
      let run = try CommandRun("convert", source, space.path(target), "--model", "none")
      #expect(run.status == 0, "\(run.errors)")
      let copy = try Checkpoints.open(space.path(target))
      for entry in try Checkpoints.open(source).entries {
        #expect(copy.entry(entry.name)?.shape == entry.shape, "\(entry.name.unicodeScalars.count)")
      }
      let diff = try CommandRun("diff", source, space.path(target))
      #expect(diff.status == 0, "\(diff.output)\(diff.errors)")
      #expect(diff.output.contains("identical: 2 tensors"))
    }
  }

  /// A name of a megabyte is cut in every message, and whole in the JSON.
  @Test func messagesAreBounded() throws {
    let space = try Workspace()
    let long = String(repeating: "n", count: 1 << 20) + "\u{202e}\u{1b}[2J\u{2028}.weight"
    let header =
      "{\"\(long)\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]},"
      + "\"x\(long)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}"
    let escaped = header.replacingOccurrences(of: "\u{1b}", with: "\\u001b")
    var bytes = Data(withUnsafeBytes(of: UInt64(escaped.utf8.count).littleEndian, Array.init))
    bytes += Data(escaped.utf8) + Data(count: 5)
    let path = space.path("w.safetensors")
    try bytes.write(to: URL(fileURLWithPath: path))
    for command in [
      ["inspect", path], ["inspect", path, "--tree"], ["inspect", path, "--stats"], ["map", path],
      ["map", path, "--model", "stn"], ["convert", path, space.path("o.npz"), "--model", "none"],
      ["convert", path, space.path("o.safetensors"), "--model", "stn"],
      ["diff", path, Repository.fixture("se_layer.npz")], ["diff", path, path],
      ["validate", "--weights", path, "--reference", Repository.fixture("stn_reference.npz")],
      ["run", "--weights", path, "--input", path, "--output", space.path("r.npz")],
    ] {
      let run = try CommandRun(list: command)
      let text = run.output + run.errors
      #expect(text.utf8.count < 40_000, "\(command[0]): \(text.utf8.count) bytes")
      #expect(!text.contains("\u{202e}") && !text.contains("\u{1b}") && !text.contains("\u{2028}"))
      #expect(run.status >= 0)
    }
    let document = try json(CommandRun("inspect", path, "--json"))
    let names = (document["tensors"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(names == ["x" + long])
  }
}
