import Foundation
import TestSupport
import Testing
import Weighbridge

@Suite struct AlignTests {
  /// A file whose names say nothing, against the fixture's own recording.
  private func scrambled(_ space: Workspace) throws -> String {
    let file = try Checkpoints.open(Repository.fixture("se_bottleneck.npz"))
    let tensors = try file.entries.enumerated().map { index, entry in
      let tensor = try file.tensor(entry.name)
      return (
        "t\(97 * (index + 1) % 101)",
        tensor.rank == 4 ? try tensor.permuted([2, 3, 1, 0]).contiguous() : tensor
      )
    }
    let path = space.path("scrambled.npz")
    try Checkpoints.write(
      path, format: .npz, tensors: tensors.sorted { $0.0 < $1.0 }, metadata: [:])
    return path
  }

  @Test func aReferenceProvesTheNames() throws {
    let space = try Workspace()
    let weights = try scrambled(space)
    let reference = Repository.fixture("se_bottleneck_reference.npz")
    let run = try CommandRun(
      "map", weights, "--model", "se_bottleneck", "--align", "--reference", reference,
      "--rules-out", "rules.yaml", directory: space.directory)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains(" by proof"))
    #expect(run.output.contains("permute [3, 2, 0, 1]"))
    let verdict = try CommandRun(
      "validate", "--model", "se_bottleneck", "--weights", weights, "--rules", "rules.yaml",
      "--reference", reference, directory: space.directory)
    #expect(verdict.status == 0, "\(verdict.errors)")
  }

  /// Recorded networks, among whose modules are some with parameters of their own beside their layers.
  @Test(arguments: ["resnet", "vit", "unet", "staged"])
  func recordedNetworksNeedNoNames(_ name: String) throws {
    let space = try Workspace()
    let source = try Checkpoints.open(Repository.fixture("networks/\(name).npz"))
    let weights = space.path("scrambled.npz")
    try Checkpoints.write(
      weights, format: .npz,
      tensors: source.entries.reversed().enumerated().map { index, entry in
        let tensor = try source.tensor(entry.name)
        return (tensor.dtype.isFloatingPoint ? "t\(index)" : entry.name, tensor)
      })
    let reference = Repository.fixture("networks/\(name)_reference.npz")
    let recorded = ["--model", "recorded", "--reference", reference]
    let run = try CommandRun(
      list: ["map", weights, "--align", "--rules-out", space.path("rules.yaml")] + recorded)
    #expect(run.status == 0, "\(run.errors)")
    let verdict = try CommandRun(
      list: ["validate", "--weights", weights, "--rules", space.path("rules.yaml")] + recorded)
    #expect(verdict.status == 0, "\(verdict.output)\(verdict.errors)")
  }

  @Test func whatNothingDecidesIs2() throws {
    let space = try Workspace()
    let weights = try scrambled(space)
    let run = try CommandRun(
      "map", weights, "--model", "se_bottleneck", "--align", "--config", "inplanes=64", "--json",
      directory: space.directory)
    #expect(run.status == 2)
    let document = try json(run)
    #expect(document["complete"] as? Bool == false)
    #expect((document["undecided"] as? [[String: Any]])?.isEmpty == false)
    #expect(run.firstErrorLine.contains("are not decided, first "))
  }

  @Test func usage() throws {
    let space = try Workspace()
    _ = try space.checkpoint("gate.npz", gateTensors())
    let without = try CommandRun("map", "gate.npz", "--align", directory: space.directory)
    #expect(without.status == 64)
    #expect(without.firstErrorLine.contains("--align needs the model's name"))
    let stray = try CommandRun(
      "map", "gate.npz", "--rules-out", "x.yaml", directory: space.directory)
    #expect(stray.status == 64)
    let same = try CommandRun(
      "map", "gate.npz", "--model", "se_layer", "--align", "--rules-out", "gate.npz",
      directory: space.directory)
    #expect(same.status == 64)
  }
}
