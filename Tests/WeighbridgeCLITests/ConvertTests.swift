import Foundation
import TestSupport
import Testing
import Weighbridge

@Suite struct ConvertTests {
  /// The tensors of a file by name.
  private func contents(_ path: String) throws -> [String: [Double]] {
    let checkpoint = try Checkpoints.open(path)
    var result: [String: [Double]] = [:]
    for entry in checkpoint.entries {
      result[entry.name] = try checkpoint.tensor(entry.name).elements(as: Double.self)
    }
    return result
  }

  @Test(arguments: ["stn.npz", "vit_digits.h5", "se_bottleneck.npz"])
  func roundTripsThroughEveryFormat(name: String) throws {
    let space = try Workspace()
    let source = try contents(Repository.fixture(name))
    var path = Repository.fixture(name)
    for next in ["a.safetensors", "b.npz", "c.h5", "d.safetensors"] {
      let run = try CommandRun("convert", path, space.path(next))
      #expect(run.status == 0, "\(run.errors)")
      #expect(try contents(space.path(next)) == source)
      path = space.path(next)
    }
    #expect(space.contents == ["a.safetensors", "b.npz", "c.h5", "d.safetensors"])
  }

  @Test func theNativeFileSaysWhatItIs() throws {
    let space = try Workspace()
    let input = Repository.fixture("vit_digits.npz")
    let run = try CommandRun(
      "convert", input, "v.safetensors", "--config", "heads=4", directory: space.directory)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.hasSuffix("v.safetensors: native, 43 tensors of vit, 456 kB\n"))
    let manifest = try NativeWeights.open(space.path("v.safetensors")).manifest
    #expect(manifest.architecture == "vit")
    #expect(manifest.configuration.contains(#""heads":4"#))
    #expect(manifest.source?.name == "vit_digits.npz")
    #expect(manifest.source?.sha256 == (try SHA256Sum.ofFile(input)))
    // The file's own configuration is used from then on.
    let map = try json(CommandRun("map", space.path("v.safetensors"), "--json"))
    #expect((map["config"] as? [String: Any])?["heads"] as? Int == 4)
  }

  @Test func convertingAgainChangesNothing() throws {
    let space = try Workspace()
    let tensors = try gateTensors()
    let input = try space.checkpoint(
      "gate.npz",
      ["fc.0.weight": tensors[0].value.transposed(), "fc.2.weight": tensors[1].value])
    let rules = try space.text("rules.yaml", "- transpose: fc.0.weight\n")
    let first = space.path("first.safetensors")
    let second = space.path("second.safetensors")
    #expect(try CommandRun("convert", input, first, "--rules", rules).status == 0)
    // With and without the same rules: nothing is transposed twice.
    for arguments in [["--rules", rules], []] {
      let run = try CommandRun(list: ["convert", first, second] + arguments)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("not applied again") == !arguments.isEmpty)
      #expect(try contents(second) == contents(first))
      let expected = try tensors[0].value.elements(as: Double.self)
      #expect(try contents(second)["fc.0.weight"] == expected)
    }
  }

  @Test func narrowingReportsWhatOverflows() throws {
    let space = try Workspace()
    var values = [Float](repeating: 0.5, count: 32)
    values[3] = 70000
    values[4] = -70000
    values[5] = .nan
    values[6] = 1e-9
    values[7] = -1e-12
    values[8] = 0
    values[9] = 6e-8
    let input = try space.checkpoint(
      "gate.npz",
      ["fc.0.weight": try Tensor(values, shape: [2, 16]), "fc.2.weight": gateTensors()[1].value])
    let half = try CommandRun("convert", input, space.path("h.safetensors"), "--dtype", "f16")
    #expect(half.status == 0)
    #expect(
      half.errors == """
        weighbridge: warning: 1 value NaN or infinite already in the source (fc.0.weight)
        weighbridge: warning: 2 values beyond the new dtype's range, now infinite (fc.0.weight)
        weighbridge: warning: 2 values too small for the new dtype, now 0 (fc.0.weight)

        """)
    #expect(try Checkpoints.open(space.path("h.safetensors")).entries[0].dtype == .float16)
    let brain = try json(
      CommandRun(
        "convert", input, space.path("b.safetensors"), "--dtype", "bf16", "--json"))
    let warnings = try #require(brain["warnings"] as? [[String: Any]])
    #expect(warnings.first?["overflowed"] as? Int == 0)
    #expect(warnings.first?["vanished"] as? Int == 0)
    #expect(warnings.first?["non_finite"] as? Int == 1)
  }

  @Test func countersKeepTheirDType() throws {
    let space = try Workspace()
    let output = space.path("o.npz")
    let run = try CommandRun(
      "convert", Repository.fixture("se_bottleneck.npz"), output, "--dtype", "f16")
    #expect(run.status == 0)
    let entries = try Checkpoints.open(output).entries
    let counters = entries.filter { $0.name.hasSuffix("num_batches_tracked") }
    #expect(!counters.isEmpty && counters.allSatisfy { $0.dtype == .int64 && $0.shape == [] })
    #expect(entries.contains { $0.dtype == .float16 })
  }

  @Test func withoutAModelTheFileIsConvertedAsItIs() throws {
    let space = try Workspace()
    let input = Repository.fixture("stn_reference.npz")
    let refused = try CommandRun("convert", input, space.path("r.h5"))
    #expect(refused.status == 2)
    #expect(refused.firstErrorLine.contains("--model none"))
    #expect(space.contents.isEmpty)
    let run = try CommandRun("convert", input, space.path("r.h5"), "--model", "none")
    #expect(run.status == 0, "\(run.errors)")
    let (before, after) = (try Checkpoints.open(input), try Checkpoints.open(space.path("r.h5")))
    #expect(after.metadata["metadata"] == before.metadata["metadata"])
    #expect(Set(after.entries.map(\.rawPath)) == Set(before.entries.map(\.rawPath)))
    let native = try CommandRun(
      "convert", input, space.path("r.safetensors"), "--model", "none", "--format", "native")
    #expect(native.status == 64)
    let plain = try CommandRun("convert", input, space.path("r.safetensors"), "--model", "none")
    #expect(plain.status == 0)
    #expect(try Checkpoints.open(space.path("r.safetensors")).entries.count == before.entries.count)
  }

  @Test func nothingIsWrittenWhenNamesDoNotFit() throws {
    let space = try Workspace()
    let earlier = try space.text("o.safetensors", "earlier")
    let run = try CommandRun("convert", Repository.fixture("stn.npz"), earlier, "--model", "vit")
    #expect(run.status == 2)
    #expect(try String(contentsOfFile: earlier, encoding: .utf8) == "earlier")
    #expect(space.contents == ["o.safetensors"])
  }

  @Test func damagedEntriesLeaveNothingBehind() throws {
    let space = try Workspace()
    for name in ["crc.npz", "cut.npz", "crc-deflated.npz"] {
      let run = try CommandRun(
        "convert", Repository.fixture("formats/hostile/\(name)"), space.path("o.h5"), "--model",
        "none")
      #expect(run.status == 3, "\(name): \(run.errors)")
    }
    #expect(space.contents.isEmpty)
  }

  @Test func oneFileIsNotConvertedIntoItself() throws {
    let space = try Workspace()
    let path = try space.checkpoint("gate.npz", gateTensors())
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    try FileManager.default.createSymbolicLink(
      atPath: space.path("link.npz"), withDestinationPath: path)
    for output in [path, space.path("link.npz"), space.directory.path + "/./gate.npz"] {
      let run = try CommandRun("convert", path, output)
      #expect(run.status == 64)
      #expect(run.firstErrorLine.contains("same file"))
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  /// The file is cut off while tensors are written, at whatever point the limit falls.
  @Test(arguments: ["o.npz", "o.h5", "o.safetensors"], [1, 40, 100])
  func aFullDiskIs3AndLeavesNothing(_ name: String, _ kilobytes: Int) throws {
    let space = try Workspace()
    let run = try CommandRun(
      list: ["convert", Repository.fixture("stn.npz"), space.path(name)], fileSizeLimit: kilobytes)
    #expect(run.status == 3, "\(run.errors)")
    #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
    #expect(run.firstErrorLine.contains(name))
    // The system's words, without what libhdf5 lists around them.
    #expect(!run.errors.contains("0x") && !run.errors.contains("errno"))
    #expect(run.errors.split(separator: "\n").count == 1)
    #expect(space.contents.isEmpty)
  }

  @Test func reportsDoNotReplaceWhatIsRead() throws {
    let space = try Workspace()
    let weights = space.path("w.npz")
    try FileManager.default.copyItem(atPath: Repository.fixture("stn.npz"), toPath: weights)
    let before = try Data(contentsOf: URL(fileURLWithPath: weights))
    let validate = [
      "validate", "--weights", weights, "--reference", Repository.fixture("stn_reference.npz"),
    ]
    for report in ["--json", "--html", "--junit"] {
      #expect(try CommandRun(list: validate + [report, weights]).status == 64)
    }
    let both = ["--json", space.path("r"), "--html", space.path("r")]
    #expect(try CommandRun(list: validate + both).status == 64)
    #expect(
      try CommandRun(
        "run", "--weights", weights, "--input", Repository.fixture("stn_reference.npz"), "--output",
        weights
      ).status == 64)
    #expect(try Data(contentsOf: URL(fileURLWithPath: weights)) == before)
    #expect(space.contents == ["w.npz"])
  }

  @Test func aReferenceOfAnotherModelIsRefused() throws {
    let run = try CommandRun(
      "validate", "--weights", Repository.fixture("stn.npz"), "--reference",
      Repository.fixture("vit_digits_reference.npz"))
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("vit_digits_reference.npz"))
    #expect(run.firstErrorLine.contains("vit") && run.firstErrorLine.contains("stn"))
  }

  @Test func wrongUsageIs64() throws {
    let input = Repository.fixture("se_layer.npz")
    let space = try Workspace()
    for arguments in [
      [space.path("o.bin")], [space.path("o")], [space.path("o.npz"), "--dtype", "int8"],
      [space.path("o.npz"), "--format", "onnx"],
      [space.path("o.npz"), "--model", "none", "--config", "a=1"],
      [space.path("o.npz"), "--nested"], [space.path("o.safetensors"), "--nested"],
      [space.path("o.h5"), "--nested", "--format", "native"],
    ] {
      let run = try CommandRun(list: ["convert", input] + arguments)
      #expect(run.status == 64, "\(arguments): \(run.errors)")
    }
    #expect(space.contents.isEmpty)
  }

  /// In HDF5 a `/` is a group and reads as a dot: that is said, but of references, which are read as they
  /// were written.
  @Test func namesThatChangeAreSaid() throws {
    let space = try Workspace()
    let tensor = try Tensor([1 as Float, 2], shape: [2])
    let input = try space.checkpoint("in.npz", ["a/b": tensor, "c/d.e": tensor, "f": tensor])
    func convert(_ more: String...) throws -> CommandRun {
      try CommandRun(list: ["convert", input, "--model", "none"] + more)
    }
    let run = try convert(space.path("o.h5"))
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("a/b is found as a.b, and 1 more"), "\(run.output)")
    let document = try json(convert(space.path("o.h5"), "--json"))
    #expect(document["renamed"] as? [String: String] == ["a/b": "a.b", "c/d.e": "c.d.e"])
    for other in ["o.npz", "o.safetensors"] {
      #expect(try !convert(space.path(other)).output.contains("is found as"))
    }
    let reference = try CommandRun(
      "convert", Repository.fixture("stn_reference.npz"), space.path("r.h5"), "--model", "none")
    #expect(reference.status == 0 && !reference.output.contains("is found as"))
    let both = try space.checkpoint("both.npz", ["a/b": tensor, "a.b": tensor])
    let refused = try CommandRun(
      "convert", both, space.path("b.h5"), "--model", "none")
    #expect(refused.status == 3)
    #expect(
      refused.firstErrorLine.contains("cannot hold this beside 'a/b'"), "\(refused.errors)")
  }

  /// A link that leads nowhere yet is followed, as one that leads to a file is.
  @Test func linksThatLeadNowhereAreFollowed() throws {
    let space = try Workspace()
    let files = FileManager.default
    try files.createDirectory(atPath: space.path("disk"), withIntermediateDirectories: true)
    let link = space.path("o.npz")
    try files.createSymbolicLink(atPath: link, withDestinationPath: "disk/real.npz")
    let input = Repository.fixture("stn.npz")
    for _ in 0..<2 {
      let run = try CommandRun("convert", input, link)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try files.destinationOfSymbolicLink(atPath: link) == "disk/real.npz")
      #expect(try files.contentsOfDirectory(atPath: space.path("disk")) == ["real.npz"])
    }
    try files.removeItem(atPath: space.path("disk/real.npz"))
    let both = try CommandRun(
      "validate", "--weights", input, "--reference", Repository.fixture("stn_reference.npz"),
      "--json", link, "--html", space.path("disk/real.npz"))
    #expect(both.status == 64 && both.firstErrorLine.contains("two outputs have this name"))
    try files.removeItem(atPath: space.path("disk"))
    let lost = try CommandRun("convert", input, link)
    #expect(lost.status == 3)
    #expect(lost.firstErrorLine.contains("disk/real.npz, whose directory does not exist"))
  }

  /// Formats that are read alone are said to be so.
  @Test(arguments: ["onnx", "gguf", "keras", "npy"])
  func whatIsReadAloneIsSaid(_ ending: String) throws {
    let space = try Workspace()
    let run = try CommandRun(
      "convert", Repository.fixture("se_layer.npz"), space.path("o.\(ending)"))
    #expect(run.status == 64)
    #expect(run.firstErrorLine.contains("is read and not written"), "\(run.errors)")
    #expect(space.contents.isEmpty)
  }

  @Test func whatCannotBeWrittenIs3() throws {
    let space = try Workspace()
    let input = Repository.fixture("se_layer.npz")
    for arguments in [
      ["/nowhere/at/all/o.npz"], ["/dev/full", "--format", "npz"],
      [space.path("b.npz"), "--dtype", "bf16"],
    ] {
      let run = try CommandRun(list: ["convert", input] + arguments)
      #expect(run.status == 3, "\(arguments): \(run.errors)")
      #expect(run.errors.split(separator: "\n").count == 1)
    }
    #expect(space.contents.isEmpty)
  }
}
