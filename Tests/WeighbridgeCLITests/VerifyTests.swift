import Foundation
import TestSupport
import Testing
import Weighbridge

/// `weighbridge verify`.
@Suite struct VerifyTests {
  /// A native file of the gate, made by `convert` from an npz under a wrapper's names.
  private func native(_ space: Workspace, _ more: [String] = []) throws -> String {
    let source = try space.checkpoint(
      "gate.npz",
      [
        "module.fc.0.weight": gateTensors()[0].value, "module.fc.2.weight": gateTensors()[1].value,
      ])
    let path = space.path("gate.safetensors")
    let run = try CommandRun(list: ["convert", source, path, "--model", "se_layer"] + more)
    #expect(run.status == 0, "\(run.errors)")
    return path
  }

  private func damage(_ path: String, _ change: (inout Data) throws -> Void) throws {
    var bytes = try Data(contentsOf: URL(filePath: path))
    try change(&bytes)
    try bytes.write(to: URL(filePath: path))
  }

  @Test(arguments: [[], ["--dtype", "f16"]])
  func whatWasWrittenHolds(_ dtype: [String]) throws {
    let space = try Workspace()
    let path = try native(space, dtype)
    let run = try CommandRun("verify", path, "--against", space.path("gate.npz"))
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(run.output.contains("native, se_layer, 2 tensors: metadata and every tensor"))
    #expect(run.output.contains("'module' (the recorded source): 2 tensors bit-equal"))
    #expect(run.output.contains("2 of them converted") == !dtype.isEmpty)
    let document = try json(CommandRun("verify", path, space.path("gate.npz"), "--json"))
    #expect(document["holds"] as? Bool == true && document["exit_code"] as? Int == 0)
    let files = try #require(document["files"] as? [[String: Any]])
    #expect(files.map { $0["checksums"] as? String } == ["sha256", "crc32"])
    #expect(files[0]["metadata_checksum"] as? Bool == true)
    #expect(files[1]["metadata_checksum"] is NSNull && files[1]["model"] is NSNull)
  }

  /// What the source has beside is said, and is no fault.
  @Test func whatIsLeftOutIsSaid() throws {
    let space = try Workspace()
    let path = try native(space, [])
    let tensors = try gateTensors()
    let source = try space.checkpoint(
      "source.npz",
      [
        "fc.0.weight": tensors[0].value, "fc.2.weight": tensors[1].value,
        "fc.2.bias": tensors[0].value, "more": tensors[0].value,
      ])
    let run = try CommandRun("verify", path, "--against", source)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("2 tensors bit-equal; the source also has fc.2.bias and 1 more"))
    let files = try json(CommandRun("verify", path, "--against", source, "--json"))["files"]
    let against = try #require((files as? [[String: Any]])?.first?["against"] as? [String: Any])
    #expect(against["left_out"] as? [String] == ["fc.2.bias", "more"])
  }

  /// Damage is 3, in a tensor and in the metadata, and every damaged tensor is named.
  @Test func damageIs3() throws {
    let space = try Workspace()
    let path = try native(space)
    let whole = try Data(contentsOf: URL(filePath: path))
    try damage(path) { bytes in
      bytes[bytes.count - 1] ^= 1
      bytes[bytes.count - 129] ^= 1
    }
    let run = try CommandRun("verify", path)
    #expect(run.status == 3)
    #expect(run.firstErrorLine.contains("fc.0.weight"))
    #expect(run.errors.contains("fc.2.weight") && run.errors.contains("SHA-256"))
    #expect(run.output.contains("2 not what was written"))
    let document = try json(CommandRun("verify", path, "--json"))
    #expect(document["exit_code"] as? Int == 3)
    try whole.write(to: URL(filePath: path))
    try damage(path) { bytes in
      let range = try #require(bytes.range(of: Data("reduction\\\":8".utf8)))
      bytes[range.upperBound - 1] = UInt8(ascii: "4")
    }
    for arguments in [["verify"], ["map"], ["inspect"]] {
      let changed = try CommandRun(list: arguments + [path])
      #expect(changed.status == 3 && changed.firstErrorLine.contains("metadata"), "\(arguments)")
    }
  }

  @Test func anotherSourceIs1And2() throws {
    let space = try Workspace()
    let path = try native(space)
    let tensors = try gateTensors()
    var values = try tensors[0].value.elements(as: Float.self)
    values[3] = values[3].nextUp
    let moved = try Tensor(values, shape: tensors[0].value.shape)
    let other = try space.checkpoint(
      "other.npz", ["fc.0.weight": moved, "fc.2.weight": tensors[1].value])
    let run = try CommandRun("verify", path, "--against", other)
    #expect(run.status == 1)
    #expect(run.firstErrorLine.contains("fc.0.weight: 1 element not the bits of"))
    #expect(run.output.contains("not the file that is recorded as the source"))
    let part = try space.checkpoint("part.npz", ["fc.0.weight": tensors[0].value])
    let missing = try CommandRun("verify", path, "--against", part)
    #expect(missing.status == 2 && missing.firstErrorLine.contains("fc.2.weight"))
    let against = try json(CommandRun("verify", path, "--against", part, "--json"))["files"]
    let found = try #require((against as? [[String: Any]])?.first?["against"] as? [String: Any])
    #expect(found["equal"] as? Int == 1)
    #expect((found["mismatched"] as? [[String: Any]])?.count == 1)
  }

  /// A list that is cut says so.
  @Test(arguments: [(20, ""), (21, "and 1 more fault;"), (25, "and 5 more faults;")])
  func faultsThatAreNotListedAreCounted(_ count: Int, _ words: String) throws {
    let space = try Workspace()
    func write(_ name: String, _ value: Float) throws -> String {
      let path = space.path(name)
      try Checkpoints.write(
        path, format: .npz,
        tensors: (0..<count).map { ("t\($0)", try Tensor([value, 2], shape: [2])) })
      return path
    }
    let files = [try write("a.npz", 1), try write("b.npz", 3)]
    let run = try CommandRun("verify", files[0], "--against", files[1])
    #expect(run.status == 1)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.count == (words.isEmpty ? 20 : 21), "\(run.errors)")
    #expect(words.isEmpty || lines.last?.contains(words) == true, "\(run.errors)")
    let found = try json(CommandRun("verify", files[0], "--against", files[1], "--json"))["files"]
    let file = try #require((found as? [[String: Any]])?.first)
    #expect(file["error_count"] as? Int == count)
    let against = try #require(file["against"] as? [String: Any])
    #expect((against["different"] as? [Any])?.count == count)
  }

  /// HDF5's own checksums count where every dataset has them.
  @Test func fletcherSumsAreChecksums() throws {
    let path = Repository.fixture("formats/fletcher32.h5")
    let run = try CommandRun("verify", path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("every dataset has its Fletcher-32"))
    let files = try json(CommandRun("verify", path, "--json"))["files"] as? [[String: Any]]
    #expect(files?.first?["checksums"] as? String == "fletcher32")
  }

  /// A native file whose metadata lost its checksum is not one of an earlier version.
  @Test func aLostMetadataSumIs3() throws {
    let space = try Workspace()
    let path = try native(space)
    let document = try json(CommandRun("verify", path, "--json"))
    #expect((document["files"] as? [[String: Any]])?.first?["format"] as? String == "native")
    try damage(path) { bytes in
      // Under another key of the same length, which no version writes but as a note.
      let range = try #require(bytes.range(of: Data("weighbridge.metadata.sha256".utf8)))
      bytes.replaceSubrange(range, with: Data("elsewhere_.metadata.sha256_".utf8))
    }
    let run = try CommandRun("verify", path)
    #expect(run.status == 3 && run.firstErrorLine.contains("the metadata's checksum is gone"))
  }

  /// The worst of several files decides, and each is looked at.
  @Test func severalFiles() throws {
    let space = try Workspace()
    let path = try native(space)
    let plain = try space.checkpoint("plain.h5", gateTensors())
    let run = try CommandRun("verify", space.path("nothing"), path, space.path("gate.npz"))
    #expect(run.status == 3)
    #expect(run.output.split(separator: "\n").count == 2)
    let nothing = try CommandRun("verify", plain)
    #expect(nothing.status == 64 && nothing.firstErrorLine.contains("no checksums"))
    #expect(try CommandRun("verify", plain, "--against", path).status == 0)
    #expect(try CommandRun("verify", plain, "--root", "x").status == 64)
    #expect(try CommandRun("verify", "--help").output.contains("EXAMPLES"))
  }
}
