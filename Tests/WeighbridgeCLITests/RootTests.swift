import Foundation
import TestSupport
import Testing
import Weighbridge

/// `--root`, where a file holds a model more than once.
@Suite struct RootTests {
  /// The gate under two leads; the second copy's values are doubled.
  private func file(_ space: Workspace, _ leads: [String], _ name: String) throws -> String {
    var tensors: [(name: String, tensor: Tensor)] = []
    for (position, lead) in leads.enumerated() {
      for (name, tensor) in try gateTensors() {
        let values = try tensor.elements(as: Float.self).map { $0 * Float(position + 1) }
        tensors.append((lead + name, try Tensor(values, shape: tensor.shape)))
      }
    }
    let format = CheckpointFormat(pathExtension: name) ?? .npz
    try Checkpoints.write(space.path(name), format: format, tensors: tensors, metadata: [:])
    return space.path(name)
  }

  private func commands(_ weights: String, _ space: Workspace) -> [[String]] {
    [
      ["map", weights],
      ["convert", weights, space.path("out.npz")],
      ["validate", "--weights", weights, "--reference", space.path("reference.npz")],
      [
        "run", "--weights", weights, "--input", space.path("input.npz"), "--output",
        space.path("reference.npz"), "--activations",
      ],
    ]
  }

  @Test(arguments: ["copies.npz", "copies.h5", "copies.safetensors"])
  func twoCopiesAre2UnlessOneIsChosen(name: String) throws {
    let space = try Workspace()
    let weights = try file(space, ["model.", "ema."], name)
    let input = try Tensor((0..<64).map(Float.init), shape: [1, 16, 2, 2])
    _ = try space.checkpoint("input.npz", ["inputs/0": input])
    // `run` makes the reference that `validate` reads.
    for arguments in commands(weights, space).reversed() {
      for model in [[], ["--model", "se_layer"]] {
        let chosen = try CommandRun(list: arguments + model + ["--root", "ema"])
        #expect(chosen.status == 0, "\(arguments) \(chosen.errors)")
        let open = try CommandRun(list: arguments + model)
        #expect(open.status == 2, "\(arguments)")
        #expect(open.firstErrorLine.contains("2 complete copies"), "\(open.firstErrorLine)")
        #expect(open.firstErrorLine.contains("--root model or --root ema"))
        let none = try CommandRun(list: arguments + model + ["--root", "emma"])
        #expect(none.status == 2 && none.firstErrorLine.contains("nothing stands under 'emma'"))
      }
    }
    let written = try Checkpoints.open(space.path("out.npz")).tensor("fc.0.weight")
    #expect(try written.elements(as: Float.self)[1] == 0.25)
  }

  @Test func whatIsTakenIsSaid() throws {
    let space = try Workspace()
    let weights = try file(space, ["ema.", ""], "copies.npz")
    let text = try CommandRun("map", weights)
    #expect(text.status == 0)
    #expect(text.output.contains("another copy stands under 'ema' (2 entries) and is left out"))
    let document = try json(CommandRun("map", weights, "--json"))
    #expect(document["root"] is NSNull)
    #expect((document["copies"] as? [[String: Any]])?.first?["root"] as? String == "ema")
    let chosen = try json(CommandRun("map", weights, "--json", "--root", "ema"))
    #expect(chosen["root"] as? String == "ema")
    let matched = try #require(chosen["matched"] as? [[String: Any]])
    #expect(matched.first?["source"] as? String == "ema.fc.0.weight")
    let listed = try json(CommandRun("inspect", weights, "--json", "--root", "ema"))
    let tensors = try #require(listed["tensors"] as? [[String: Any]])
    #expect(tensors.map { $0["name"] as? String } == ["ema.fc.0.weight", "ema.fc.2.weight"])
    let plain = space.path("plain.npz")
    #expect(
      try CommandRun("convert", weights, plain, "--model", "none", "--root", "ema").status == 0)
    #expect(try Checkpoints.open(plain).entries.map(\.name) == ["fc.0.weight", "fc.2.weight"])
  }
}
