import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports

/// References that were recorded inside `DataParallel` or `torch.compile`, with the wrappers' parts in
/// every path.
@Suite struct WrappedReferenceTests {
  /// The toy as a recorder that hooks every module sees it under wrappers.
  private func wrapped(
    _ lead: [String], metadata: String? = nil
  ) throws -> RecordedEntries {
    var entries = try RecordedEntries.toy(noise: true)
    let prefix = lead.map { $0 + "." }.joined()
    let output = try #require(entries["outputs/0"])
    entries.tensors = entries.tensors.map { name, tensor in
      for part in ["activations/", "noise/"] where name.hasPrefix(part) && !name.contains("outputs")
      {
        return (part + prefix + name.dropFirst(part.count), tensor)
      }
      return (name, tensor)
    }
    // The wrapped modules themselves, from the inner one to the outer.
    for count in 1...lead.count {
      entries.tensors.append(("activations/" + lead.prefix(count).joined(separator: "."), output))
    }
    if let metadata { entries.metadata["metadata"] = metadata }
    return entries
  }

  private func expectComplete(_ entries: RecordedEntries) throws {
    #expect(try entries.reference().hasNoiseEverywhere)
    let result = try validate(against: entries)
    #expect(result.passes)
    #expect(result.layers.count == 10)
    #expect(result.layers.allSatisfy { $0.status == .ok })
    #expect(result.uncovered.isEmpty)
    #expect(result.coverage?.compared == 10 && result.coverage?.recorded == 10)
    #expect(result.notes.contains { $0.hasPrefix("recorded inside a wrapper") })
  }

  @Test(arguments: [
    ["module"], ["_orig_mod"], ["module", "_orig_mod"], ["_orig_mod", "module"],
    ["module", "module"],
  ])
  func everythingIsCompared(_ lead: [String]) throws {
    try expectComplete(wrapped(lead))
    let wrong = try validate(Faults(leaf: ["blocks.1.fc": 1e-2]), against: wrapped(lead))
    #expect(!wrong.passes && wrong.firstDivergence?.name == "blocks.1.fc")
  }

  @Test func compiledPartOfANetworkIsFound() throws {
    var entries = try RecordedEntries.toy(noise: true)
    let block = try #require(entries["activations/blocks.1"])
    entries.tensors = entries.tensors.map { name, tensor in
      (name.replacing("/blocks.1", with: "/blocks.1._orig_mod"), tensor)
    }
    try expectComplete(entries)
    // What the wrapper itself returned stands beside it, and is the same.
    entries["activations/blocks.1"] = block
    try expectComplete(entries)
    entries["activations/blocks.1"] = try block.affine(scale: 2)
    let error = failure { try entries.reference() }
    #expect(error?.code == .malformed && error?.entry == "activations/blocks.1")
    #expect(error?.message.contains("records other values of the same call") == true)
  }

  @Test func parallelPartOfANetworkIsFoundByItsValues() throws {
    var entries = try RecordedEntries.toy(noise: true)
    let block = try #require(entries["activations/blocks.1"])
    entries.tensors = entries.tensors.map { name, tensor in
      (name.replacing("/blocks.1", with: "/blocks.1.module"), tensor)
    }
    entries["activations/blocks.1"] = block
    try expectComplete(entries)
    // Another module of this name stays what it is.
    entries["activations/blocks.1"] = try block.affine(scale: 2)
    #expect(try entries.reference().contains("blocks.1.module.fc"))
  }

  @Test func collisionsAreErrors() throws {
    var entries = try wrapped(["_orig_mod"])
    entries["activations/blocks.0.fc"] = entries["activations/_orig_mod.blocks.0.fc"]
    let error = failure { try entries.reference() }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("once wrappers are taken off") == true)
    #expect(error?.entry == "activations/blocks.0.fc")
  }

  @Test func metadataIsUnwrapped() throws {
    let text = #"""
      {"dtypes": {"activations/module.tail#1": "bfloat16", "outputs/0": "float16"},
       "not_repeatable": ["module.split/0", "outputs/0"],
       "classes": {"": "torch.nn.parallel.data_parallel.DataParallel", "module": "net.Toy",
                   "module.tail": "torch.nn.modules.activation.ReLU"}}
      """#
    let found = try wrapped(["module"], metadata: text).reference().conditions
    #expect(found.dtypes == ["activations/tail#1": .bfloat16, "outputs/0": .float16])
    #expect(found.notRepeatable == ["split/0", "outputs/0"])
    #expect(found.classes == ["": "net.Toy", "tail": "torch.nn.modules.activation.ReLU"])
    let twice =
      #"{"dtypes": {"activations/module.tail": "bfloat16", "activations/tail": "float16"}}"#
    let error = failure { try wrapped(["module"], metadata: twice).reference() }
    #expect(error?.code == .malformed && error?.entry == "metadata")
  }

  /// A network whose only child is called `module`: its own names win.
  @Test func modelsOwnNameIsKept() throws {
    let entries = try wrapped(["module"])
    let outer = try Weights.load(
      MemoryCheckpoint(
        Toy.checkpoint().entries.map { entry in
          ("module." + entry.name, try Toy.checkpoint().tensor(entry.name))
        }, path: "toy.npz")
    ) { try Outer($0) }
    let result = try Validator(entries.reference()).validate(outer)
    #expect(result.passes && result.uncovered.isEmpty)
    #expect(result.layer("module.blocks.1.fc")?.status == .ok)
    #expect(!result.notes.contains { $0.hasPrefix("recorded inside a wrapper") })
  }

  @Test func sampledReferenceIsUnwrapped() throws {
    var entries = try RecordedEntries.toy(noise: true)
    entries.tensors = entries.tensors.map { name, tensor in
      for part in ["activations/", "noise/"] where name.hasPrefix(part) && !name.contains("outputs")
      {
        return (part + "module." + name.dropFirst(part.count), tensor)
      }
      return (name, tensor)
    }
    // The names of samples decide which elements they are: the long ones.
    try expectComplete(entries.sampled { $0.hasPrefix("module.blocks") })
  }
}

/// The toy in an attribute.
private struct Outer: Module {
  let path: ModulePath
  let toy: Toy

  init(_ w: WeightScope) throws {
    path = w.path
    toy = try Toy(w / "module")
  }

  func forward(_ x: Tensor) throws -> Tensor { try toy(x) }
}
