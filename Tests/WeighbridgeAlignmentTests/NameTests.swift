import TestSupport
import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeAlignment

@Suite struct NameTests {
  @Test func namesComeApart() {
    let tokens = NameTokens("Mixed_5b/Branch0/BatchNorm/moving_mean")
    #expect(tokens.path == ["mixed", "5", "b", "branch", "0", "batch", "norm"])
    #expect(tokens.part == "running_mean")
    #expect(NameTokens("a.kernel").part == "weight")
    #expect(NameTokens.precedes("block.9.w", "block.10.w"))
    #expect(!NameTokens.precedes("block.10.w", "block.9.w"))
  }

  @Test func likenessIsOfThePath() {
    let a = NameTokens("layers.3.attention.weight")
    #expect(a.likeness(NameTokens("layers.3.attention.bias")) == 1)
    #expect(
      a.likeness(NameTokens("blocks.3.attention.weight"))
        > a.likeness(NameTokens("blocks.2.attention.weight")))
    #expect(a.likeness(NameTokens("x.y")) == 0)
  }

  /// Other words for the same layers, in the same order.
  @Test func layersOfAKindAreAlignedInOrder() throws {
    let recorded = try SmallCase("vit", [:], [2, 3, 16, 16]).recorded()
    let file = try recorded.checkpoint { weights in
      weights.map { entry in
        let renamed = entry.name.replacing("transformer.layers.", with: "encoder.block_")
          .replacing(".0.fn.fn.", with: ".attn.").replacing(".1.fn.fn.net.", with: ".mlp.fc")
          .replacing(".0.fn.norm", with: ".ln_a").replacing(".1.fn.norm", with: ".ln_b")
        return (renamed, entry.tensor)
      }
    }
    let alignment = try recorded.align(file)
    #expect(try recorded.wrongClaims(alignment, file) == [])
    #expect(alignment.open.map(\.parameter) == [])
    #expect(alignment.matches.allSatisfy { $0.decision != .proof })
    let text = try Rules(yaml: alignment.rulesText)
    #expect(text.rules.map(\.action) == alignment.rules.rules.map(\.action))
  }

  /// Names that say nothing, in an order that says nothing: shapes alone decide, and twins are listed.
  @Test func whatNothingTellsIsListed() throws {
    let recorded = try Recorded(
      "se_bottleneck", ["inplanes": "16", "planes": "4", "reduction": "4"], inputs: [[2, 16, 6, 5]])
    let file = try recorded.checkpoint { weights in
      let (a, b) = (
        try #require(weights.first { $0.name == "bn1.weight" }),
        try #require(weights.first { $0.name == "bn2.bias" })
      )
      return [("x", a.tensor), ("y", b.tensor)]
        + weights.filter { !$0.name.hasPrefix("bn1.") && !$0.name.hasPrefix("bn2.") }
    }
    let alignment = try recorded.align(file)
    #expect(!alignment.isComplete)
    #expect(
      alignment.open.contains { $0.parameter == "bn1.weight" && $0.candidates == ["x", "y"] })
    #expect(try recorded.wrongClaims(alignment, file) == [])
  }

  /// Names that have changed places are renamed without getting in each other's way.
  @Test func rulesMoveNamesPastEachOther() throws {
    let recorded = try Recorded(
      "se_layer", ["channel": "16", "reduction": "4"], inputs: [[3, 16, 5, 5]])
    let names = ["fc.0.weight": "fc.2.weight", "fc.2.weight": "fc.0.weight"]
    let file = try recorded.checkpoint { weights in
      weights.map { (names[$0.name] ?? $0.name, $0.tensor) }
    }
    let alignment = try recorded.align(file, with: recorded.reference)
    #expect(alignment.isComplete)
    #expect(try recorded.wrongClaims(alignment, file) == [])
  }

  @Test func waysToReadAShape() throws {
    #expect(Reading.ways(from: [3, 5], to: [3, 5]) == [.plain])
    #expect(Reading.ways(from: [5, 3], to: [3, 5]) == [Reading(steps: [.permute([1, 0])])])
    #expect(Reading.ways(from: [4, 4], to: [4, 4]).count == 2)
    #expect(Reading.ways(from: [4, 4], to: [4, 4]).first == .plain)
    #expect(
      Reading.ways(from: [3, 2, 5, 7], to: [7, 5, 3, 2])
        == [Reading(steps: [.permute([3, 2, 0, 1])])])
    #expect(Reading.ways(from: [4], to: [1, 1, 4]) == [Reading(steps: [.reshape([1, 1, 4])])])
    #expect(Reading.ways(from: [4], to: [5]).isEmpty)
    // The matrix of flattened patches: O by the window in any order.
    let ways = Reading.ways(from: [7, 3, 2, 5], to: [7, 30])
    #expect(ways.count == 6)
    #expect(ways.contains(Reading(steps: [.permute([0, 2, 3, 1]), .reshape([7, 30])])))
    let tensor = try Tensor((0..<6).map(Float.init), shape: [2, 3])
    let turned = try Reading(steps: [.permute([1, 0])]).apply(to: tensor)
    #expect(try turned.elements(as: Float.self) == [0, 3, 1, 4, 2, 5])
  }

  /// A tensor that is left in the file under a parameter's name makes way, and the others keep their own.
  @Test func whatIsLeftMakesWay() throws {
    // As long as the name's place, so that lengths tell which is which.
    let tensors = try (1...4).map { try Tensor.zeros([$0]) }
    let file = MemoryCheckpoint(
      zip(["a", "b", "c", "d"], tensors).map { ($0, $1) }, path: "file")
    func piece(_ source: Int) -> Filling { [Piece(source: source, reading: .plain)] }
    // b is left; c and d change places.
    let rules = RuleWriter.rules(
      try SourceCatalog(file), [("b", piece(0)), ("c", piece(3)), ("d", piece(2))], dropped: [1],
      because: nil)
    let result = try rules.apply(to: StateDict(file)).stateDict.tensors
    let lengths = Dictionary(uniqueKeysWithValues: result.map { ($0.name, $0.shape[0]) })
    #expect(lengths.count == 4 && lengths["b"] == 1 && lengths["c"] == 4 && lengths["d"] == 3)
    #expect(lengths.values.contains(2))
  }
}
