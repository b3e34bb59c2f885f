import Foundation
import TestSupport
import Testing
import Weighbridge

@Suite struct InspectTests {
  @Test func theTable() throws {
    let run = try CommandRun(
      "inspect", "se_layer.npz", directory: URL(fileURLWithPath: Repository.fixture("")))
    #expect(run.status == 0)
    #expect(
      run.output == """
        se_layer.npz: npz, 2 tensors, 128 values, 512 bytes

        name         dtype    shape         size  stored
        fc.0.weight  float32  [2, 32]  256 bytes  in place
        fc.2.weight  float32  [32, 2]  256 bytes  in place

        """)
    #expect(run.errors.isEmpty)
  }

  @Test func theTree() throws {
    let run = try CommandRun(
      "inspect", "se_layer.npz", "--tree", directory: URL(fileURLWithPath: Repository.fixture("")))
    #expect(
      run.output == """
        se_layer.npz: npz, 2 tensors, 128 values, 512 bytes

        fc  (2 tensors, 128 values, 512 bytes)
          0  (1 tensor, 64 values, 256 bytes)
            weight  float32 [2, 32]
          2  (1 tensor, 64 values, 256 bytes)
            weight  float32 [32, 2]

        """)
  }

  @Test func jsonAlone() throws {
    for arguments in [["--json"], ["--json", "-"]] {
      let run = try CommandRun(
        list: ["inspect", Repository.fixture("se_layer.npz")] + arguments)
      #expect(run.status == 0 && run.errors.isEmpty)
      let document = try json(run)
      #expect(document["format"] as? String == "npz")
      let tensors = try #require(document["tensors"] as? [[String: Any]])
      #expect(tensors.map { $0["name"] as? String } == ["fc.0.weight", "fc.2.weight"])
      #expect(tensors[0]["shape"] as? [Int] == [2, 32])
      #expect(tensors[0]["bytes"] as? Int == 256)
      #expect(tensors[0]["min"] == nil)
    }
  }

  @Test(arguments: ["w.npz", "w.h5", "w.safetensors"])
  func statistics(name: String) throws {
    let space = try Workspace()
    let path = try space.checkpoint(
      name,
      [
        "a": try Tensor([1, 2, 3, 6] as [Float], shape: [4]),
        "bad": try Tensor([.nan, .infinity, 1] as [Float], shape: [3]),
      ])
    let run = try CommandRun("inspect", path, "--stats", "--json")
    let tensors = try #require(try json(run)["tensors"] as? [[String: Any]])
    #expect(tensors[0]["min"] as? Double == 1)
    #expect(tensors[0]["max"] as? Double == 6)
    #expect(tensors[0]["mean"] as? Double == 3)
    #expect(tensors[0]["nan"] as? Int == 0)
    #expect(tensors[1]["nan"] as? Int == 1)
    #expect(tensors[1]["inf"] as? Int == 1)
    #expect(tensors[1]["std"] as? Double == 0)
    let text = try CommandRun("inspect", path, "--stats").output
    #expect(text.contains("mean") && text.contains("float32"))
  }

  @Test func nonFiniteFiguresAreStrings() throws {
    let space = try Workspace()
    let path = try space.checkpoint(
      "w.npz", ["bad": try Tensor([Float.nan], shape: [1])])
    let tensors = try json(CommandRun("inspect", path, "--stats", "--json"))["tensors"]
    #expect((tensors as? [[String: Any]])?.first?["mean"] as? String == "nan")
  }

  @Test func hostileNamesStayOnTheirLine() throws {
    let space = try Workspace()
    let name = "a\u{1b}[31m\nweighbridge: error: forged\u{202e}"
    let deep = String(repeating: "x.", count: 5000) + "w"
    let path = try space.checkpoint(
      "w.safetensors",
      [name: try Tensor([Float(1)], shape: [1]), deep: try Tensor([Float(1)], shape: [1])])
    for arguments in [["inspect", path], ["inspect", path, "--tree"], ["map", path]] {
      let run = try CommandRun(list: arguments)
      let text = run.output + run.errors
      #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
      #expect(!text.split(separator: "\n").contains("weighbridge: error: forged"))
    }
    let document = try json(CommandRun("inspect", path, "--json"))
    let tensors = document["tensors"] as? [[String: Any]] ?? []
    #expect(tensors.contains { $0["name"] as? String == name })
  }

  @Test func linesFitTheWidthAsked() throws {
    let run = try CommandRun(
      "inspect", Repository.fixture("vit_digits.npz"), environment: ["COLUMNS": "70"])
    let longest = run.output.split(separator: "\n").dropFirst().map(\.count).max() ?? 0
    #expect(longest <= 70)
  }

  @Test func filesThatCannotBeReadAre3() throws {
    let space = try Workspace()
    let empty = try space.text("empty.npz", "")
    let text = try space.text("text.npz", "hello, world")
    for path in [space.path("none.npz"), empty, text, space.directory.path, "/dev/null", ""] {
      for command in [["inspect", path], ["map", path], ["convert", path, space.path("o.npz")]] {
        let run = try CommandRun(list: command)
        #expect(run.status == 3)
        #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
        #expect(run.errors.split(separator: "\n").count == 1)
        #expect(run.output.isEmpty)
      }
    }
    #expect(space.contents == ["empty.npz", "text.npz"])
  }

  /// Files of PyTorch's own, the zip of today and the pickle of old, with what travels beside tensors.
  @Test func filesOfPyTorchItselfAreListed() throws {
    for name in ["training.pth", "training-legacy.pth"] {
      let run = try CommandRun("inspect", Repository.fixture("formats/pytorch/\(name)"))
      #expect(run.status == 0)
      #expect(run.output.contains("pytorch, 28 tensors"))
      #expect(run.output.contains("epoch: 12"))
    }
  }

  @Test func everyHostileFileIsRefusedInOneLine() throws {
    let folder = Repository.fixture("formats/hostile")
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      let run = try CommandRun("inspect", "\(folder)/\(name)", "--stats")
      // One entry of several is bad in these.
      if ["duplicate-suffix.npz", "objects.npz"].contains(name) {
        #expect(run.status == 0 && run.errors.isEmpty && run.output.contains("not read"))
        continue
      }
      #expect(run.status == 3, "\(name): \(run.errors)")
      #expect(run.errors.split(separator: "\n").count == 1, "\(name): \(run.errors)")
      #expect(run.firstErrorLine.contains(name))
    }
  }

  @Test func aFullStandardOutputIs3() throws {
    let run = try CommandRun(
      list: ["inspect", Repository.fixture("stn.npz")], output: "/dev/full")
    #expect(run.status == 3)
    #expect(run.firstErrorLine.contains("standard output"))
  }

  /// libhdf5 itself crashes on this file: it is read or refused without it.
  @Test func damageThatTheLibraryDoesNotSurviveIsNoCrash() throws {
    let space = try Workspace()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: Repository.fixture("formats/nested.h5")))
    bytes[371] = 0x80
    try bytes.write(to: URL(fileURLWithPath: space.path("damaged.h5")))
    let run = try CommandRun("inspect", space.path("damaged.h5"), "--stats")
    #expect(run.status == 0 || run.status == 3)
    #expect(run.errors.split(separator: "\n").count == (run.status == 0 ? 0 : 1), "\(run.errors)")
  }
}
