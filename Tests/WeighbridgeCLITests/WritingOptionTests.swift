import Foundation
import TestSupport
import Testing
import Weighbridge

/// `convert` with `--gzip`, `--shard-size` and `--layout`.
@Suite struct WritingOptionTests {
  @Test func shardsAndTheirIndexAreOneCheckpoint() throws {
    let space = try Workspace()
    let input = Repository.fixture("vit_digits.npz")
    let out = space.path("v.safetensors")
    let run = try CommandRun("convert", input, out, "--config", "heads=4", "--shard-size", "200KB")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("v.safetensors.index.json: safetensors, 43 tensors of vit"))
    #expect(
      space.contents == [
        "v-00001-of-00003.safetensors", "v-00002-of-00003.safetensors",
        "v-00003-of-00003.safetensors", "v.safetensors.index.json",
      ])
    for name in space.contents where name.hasSuffix(".safetensors") {
      let shard = try Checkpoints.open(space.path(name))
      #expect(shard.entries.reduce(0) { $0 + $1.byteCount } <= 200_000)
    }
    let (source, whole) = (try Checkpoints.open(input), try Checkpoints.open(out + ".index.json"))
    #expect(Set(whole.entries.map(\.name)) == Set(source.entries.map(\.name)))
    for entry in source.entries {
      let (a, b) = (try source.tensor(entry.name), try whole.tensor(entry.name))
      #expect(try a.elements(as: Double.self) == b.elements(as: Double.self))
    }
  }

  /// A set that could not be written leaves the one before as it was: never shards of both.
  @Test func aFailedSetLeavesTheOneBefore() throws {
    let space = try Workspace()
    func made(_ name: String, _ value: Float) throws -> String {
      let tensor = try Tensor([Float](repeating: value, count: 256), shape: [256])
      return try space.checkpoint(name, ["t0": tensor, "t1": tensor, "t2": tensor, "t3": tensor])
    }
    let before = try made("a.npz", 1)
    let damaged = try made("b.npz", 2)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: damaged))
    // In the last tensor's values.
    let values = [Float](repeating: 2, count: 8).withUnsafeBytes { Data($0) }
    let place = try #require(bytes.range(of: values, options: [.backwards])?.lowerBound)
    bytes[place] ^= 1
    try bytes.write(to: URL(fileURLWithPath: damaged))
    let output = space.path("s.safetensors")
    func convert(_ file: String) throws -> CommandRun {
      try CommandRun("convert", file, output, "--model", "none", "--shard-size", "1024")
    }
    #expect(try convert(before).status == 0)
    let names = space.contents
    #expect(try convert(damaged).status == 3)
    #expect(space.contents == names)
    let index = output + ".index.json"
    #expect(try CommandRun("diff", index, before).status == 0)
    let right = try made("b.npz", 2)
    #expect(try convert(right).status == 0)
    #expect(try CommandRun("diff", index, right).status == 0)
    #expect(
      try CommandRun(
        "convert", before, output, "--model", "none", "--shard-size", "1"
      ).status == 0)
  }

  @Test func tooManyShardsAreRefused() throws {
    let space = try Workspace()
    let entries = (0..<201).map {
      "\"t\($0)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\(4 * $0),\(4 * $0 + 4)]}"
    }
    let header = Data("{\(entries.joined(separator: ","))}".utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    let many = space.path("many.safetensors")
    try (length + header + Data(count: 804)).write(to: URL(fileURLWithPath: many))
    let run = try CommandRun(
      "convert", many, space.path("s.safetensors"), "--model", "none", "--shard-size", "1")
    #expect(run.status == 64)
    #expect(run.errors.contains("201 files"))
    #expect(space.contents == ["many.safetensors"])
  }

  @Test func whatFitsIsOneFile() throws {
    let space = try Workspace()
    let run = try CommandRun(
      "convert", Repository.fixture("stn.npz"), space.path("s.safetensors"), "--shard-size", "1GB")
    #expect(run.status == 0, "\(run.errors)")
    #expect(space.contents == ["s.safetensors"])
  }

  /// Kernels have their input channels last, and norms no counters.
  @Test(arguments: ["m.safetensors", "m.npz"]) func mlxHasChannelsLast(_ name: String) throws {
    let space = try Workspace()
    let input = Repository.fixture("se_bottleneck.npz")
    let run = try CommandRun("convert", input, space.path(name), "--layout", "mlx")
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.output.contains("are left out: bn1.num_batches_tracked and 2 more"), "\(run.output)")
    let (source, found) = (try Checkpoints.open(input), try Checkpoints.open(space.path(name)))
    // MLX refuses an npz with a text in it.
    #expect(found.metadata == (name.hasSuffix(".npz") ? [:] : ["format": "mlx"]))
    #expect(!found.entries.contains { $0.name.hasSuffix("num_batches_tracked") })
    var kernels = 0
    for entry in found.entries {
      let (ours, theirs) = (try found.tensor(entry.name), try source.tensor(entry.name))
      let isKernel = theirs.shape.rank == 4
      kernels += isKernel ? 1 : 0
      let expected = isKernel ? try theirs.permuted([0, 2, 3, 1]) : theirs
      #expect(ours.shape == expected.shape)
      #expect(try ours.elements(as: Float.self) == expected.elements(as: Float.self))
    }
    #expect(kernels > 0)
  }

  /// What says that it is MLX's is read channels-last by whoever reads it.
  @Test func mlxFilesAreReadAsTheySay() throws {
    let space = try Workspace()
    let (input, file) = (Repository.fixture("stn.npz"), space.path("m.safetensors"))
    #expect(try CommandRun("convert", input, file, "--layout", "mlx").status == 0)
    let reference = Repository.fixture("stn_reference.npz")
    let validated = try CommandRun("validate", "--weights", file, "--reference", reference)
    #expect(validated.status == 0, "\(validated.output)")
    for (ours, source) in [(file, input), (file, file)] {
      let verified = try CommandRun("verify", ours, "--against", source)
      #expect(verified.status == 0, "\(verified.errors)")
      #expect(verified.output.contains("16 tensors bit-equal"), "\(verified.output)")
    }
    // Values that differ are found in either order.
    let (source, other) = (try Checkpoints.open(input), space.path("other.npz"))
    try Checkpoints.write(
      other, format: .npz,
      tensors: source.entries.map { entry in
        let tensor = try source.tensor(entry.name)
        return (entry.name, entry.name == "conv2.weight" ? try tensor * 2 : tensor)
      })
    let differing = try CommandRun("verify", file, "--against", other)
    #expect(differing.status == 1)
    #expect(differing.firstErrorLine.contains("conv2.weight"), "\(differing.errors)")
  }

  @Test func compressedFilesAreSmaller() throws {
    let space = try Workspace()
    let input = try space.checkpoint(
      "in.npz", ["w": try Tensor([Float](repeating: 0.5, count: 4096), shape: [64, 64])])
    for name in ["out.npz", "out.h5"] {
      let run = try CommandRun(
        "convert", input, space.path(name), "--model", "none", "--gzip", "9")
      #expect(run.status == 0, "\(run.errors)")
      let stored = try Data(contentsOf: URL(fileURLWithPath: space.path(name))).count
      #expect(stored < 64 * 64 * 2)
    }
  }

  @Test(arguments: [
    ["--gzip", "4", "o.safetensors"], ["--gzip", "0", "o.npz"], ["--gzip", "10", "o.h5"],
    ["--gzip", "3", "o.pth"], ["--shard-size", "0", "o.safetensors"],
    ["--shard-size", "2XB", "o.safetensors"], ["--shard-size", "9999999999GB", "o.safetensors"],
    ["--shard-size", "1GB", "o.npz"], ["--shard-size", "-1", "o.safetensors"],
    ["--layout", "tf", "o.npz"], ["--layout", "mlx", "o.h5"],
    ["--layout", "mlx", "o.safetensors", "--model", "none"],
    ["--layout", "mlx", "o.safetensors", "--format", "native"],
  ])
  func whatDoesNotGoTogetherIs64(_ arguments: [String]) throws {
    let space = try Workspace()
    let options = arguments.map { $0.hasPrefix("o.") ? space.path($0) : $0 }
    let run = try CommandRun(list: ["convert", Repository.fixture("stn.npz")] + options)
    #expect(run.status == 64, "\(run.errors)")
    #expect(space.contents.isEmpty)
  }
}
