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
