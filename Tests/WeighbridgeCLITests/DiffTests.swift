import Foundation
import TestSupport
import Testing
import Weighbridge

/// `weighbridge diff` of checkpoints.
@Suite struct DiffTests {
  /// Wrappers that one file has are taken off, from either side, and said.
  @Test func wrappersAreTakenOff() throws {
    let space = try Workspace()
    let tensors = try gateTensors()
    let plain = try space.checkpoint("plain.npz", tensors)
    let wrapped = try space.checkpoint(
      "wrapped.npz",
      [
        "state_dict.module.fc.0.weight": tensors[0].value,
        "state_dict.module.fc.2.weight": tensors[1].value, "epoch": Tensor([Float(3)], shape: [1]),
      ])
    for pair in [[plain, wrapped], [wrapped, plain]] {
      let run = try CommandRun(list: ["diff"] + pair)
      #expect(run.status == 0, "\(run.output)\(run.errors)")
      #expect(run.output.contains("the state dict is nested under 'state_dict'"))
      #expect(run.output.contains("1 entry beside 'state_dict' left out (epoch)"))
    }
    let document = try json(CommandRun("diff", plain, wrapped, "--json"))
    #expect(document["root_a"] as? String == "")
    #expect(document["root_b"] as? String == "state_dict.module")
    // Where both have it, nothing is taken off.
    let same = try json(CommandRun("diff", wrapped, wrapped, "--json"))
    #expect(same["root_a"] as? String == "" && same["compared"] as? Int == 3)
    // Another value is one under the name without wrappers.
    let other = try space.checkpoint(
      "other.npz",
      [
        "module.fc.0.weight": tensors[0].value.mapped(.negate),
        "module.fc.2.weight": tensors[1].value,
      ])
    let run = try CommandRun("diff", plain, other)
    #expect(run.status == 1)
    #expect(run.output.contains("\n  fc.0.weight: max|Δ|"))
  }

  /// Another layout is named, of equal shapes, too, and in either direction.
  @Test func anotherLayoutIsNamed() throws {
    let space = try Workspace()
    let kernel = try Tensor((0..<120).map { Float($0) }, shape: [5, 2, 3, 4])
    let square = try Tensor((0..<9).map { Float($0) }, shape: [3, 3])
    let mine = try space.checkpoint("mine.npz", ["k": kernel, "m": square])
    let other = try space.checkpoint(
      "other.npz", ["k": kernel.permuted([2, 3, 1, 0]), "m": square.transposed(0, 1)])
    let run = try CommandRun("diff", mine, other)
    #expect(run.status == 1)
    #expect(run.output.contains("k: the same values in another layout"))
    #expect(run.output.contains("axes in the order [2, 3, 1, 0] are the second"))
    #expect(run.output.contains("m: the same values in another layout"))
    let document = try json(CommandRun("diff", other, mine, "--json"))
    let different = try #require(document["different"] as? [[String: Any]])
    #expect(different.map { $0["axes"] as? [Int] } == [[3, 2, 0, 1], [1, 0]])
    let verified = try CommandRun("verify", mine, "--against", other)
    #expect(verified.status == 2)
    #expect(
      verified.errors.contains("the source's values with their axes in the order [3, 2, 0, 1]"))
    #expect(verified.errors.contains("they are its values with their axes in the order [1, 0]"))
  }

  @Test func aPartIsChosen() throws {
    let space = try Workspace()
    let tensors = try gateTensors()
    let plain = try space.checkpoint("plain.npz", tensors)
    let both = try space.checkpoint(
      "both.npz",
      [
        "fc.0.weight": tensors[0].value.mapped(.negate), "fc.2.weight": tensors[1].value,
        "ema.fc.0.weight": tensors[0].value, "ema.fc.2.weight": tensors[1].value,
      ])
    #expect(try CommandRun("diff", plain, both).status == 1)
    #expect(try CommandRun("diff", plain, both, "--root", "ema").status == 0)
    let missing = try CommandRun("diff", plain, both, "--root", "emma")
    #expect(missing.status == 2)
    #expect(missing.firstErrorLine.contains("nothing stands under 'emma'"))
  }

  /// A screenful of names, and how many more there are; the JSON has them all.
  @Test func manyNamesAreCounted() throws {
    let space = try Workspace()
    let plain = try space.checkpoint("plain.npz", gateTensors())
    let one = try Tensor([Float(1)], shape: [1])
    let many = space.path("many.npz")
    let extra = (0..<50).map { (name: "extra\($0)", tensor: one) }
    try Checkpoints.write(
      many, format: .npz, tensors: gateTensors().map { ($0.key, $0.value) } + extra, metadata: [:])
    let run = try CommandRun("diff", plain, many)
    #expect(run.status == 1)
    #expect(run.output.contains("only in the second: … and 30 more, which --json lists"))
    #expect(run.output.split(separator: "\n").count < 26)
    let names = try json(CommandRun("diff", plain, many, "--json"))["only_in_b"] as? [String]
    #expect(names?.count == 50)
  }
}

/// Entries without a name, which nobody can ask for.
@Suite struct NamelessEntryTests {
  /// An ONNX initialiser [2] of this name; without one where it is `nil`.
  private func initialiser(_ name: String?) -> [UInt8] {
    var bytes: [UInt8] = [0x08, 2, 0x10, 1]
    if let name { bytes += [0x42, UInt8(name.utf8.count)] + Array(name.utf8) }
    bytes += [0x4a, 8, 0, 0, 128, 63, 0, 0, 0, 64]
    return [0x2a, UInt8(bytes.count)] + bytes
  }

  @Test func areSkippedAndSaid() throws {
    let space = try Workspace()
    let graph = initialiser("w") + initialiser(nil)
    let path = space.path("net.onnx")
    let model: [UInt8] = [0x08, 8, 0x3a, UInt8(graph.count)] + graph
    try Data(model).write(to: URL(filePath: path))
    let listed = try CommandRun("inspect", path)
    #expect(listed.status == 0)
    #expect(listed.output.contains("1 tensor") && listed.output.contains("has no name"))
    let run = try CommandRun("convert", path, space.path("out.npz"), "--model", "none")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("(no name) is left out: a tensor float32 [2] has no name"))
  }
}
