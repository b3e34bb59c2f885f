import Synchronization
import TestSupport
import Testing
import WeighbridgeMapping
import WeighbridgeModels
import WeighbridgeModules

@testable import WeighbridgeAlignment

/// A built-in architecture, small.
struct SmallCase: Sendable, CustomStringConvertible {
  let id: String
  let config: [(String, String)]
  let inputs: [Shape]

  init(_ id: String, _ config: KeyValuePairs<String, String> = [:], _ inputs: Shape...) {
    (self.id, self.config, self.inputs) = (id, config.map { ($0.key, $0.value) }, inputs)
  }

  var description: String { id }

  func recorded() throws -> Recorded {
    switch id {
    case "vit":
      try Recorded(
        id,
        [
          "image_size": "16", "patch_size": "4", "num_classes": "5", "dim": "12", "depth": "2",
          "heads": "3", "mlp_dim": "20",
        ], inputs: inputs)
    case "detr_encoder":
      try Recorded(
        id,
        [
          "in_channels": "10", "hidden_dim": "8", "nheads": "2", "num_encoder_layers": "2",
          "dim_feedforward": "12",
        ], inputs: inputs)
    case "se_layer": try Recorded(id, ["channel": "16", "reduction": "4"], inputs: inputs)
    case "se_bottleneck":
      try Recorded(
        id, ["inplanes": "16", "planes": "4", "reduction": "4"], inputs: inputs)
    case "sk_conv":
      try Recorded(id, ["in_channels": "32", "out_channels": "32"], inputs: inputs)
    case "encoding": try Recorded(id, ["in_channels": "6"], inputs: inputs)
    case "lvc_block": try Recorded(id, ["c1": "8"], inputs: inputs)
    case "evc_block":
      try Recorded(id, ["in_channels": "8", "out_channels": "8"], inputs: inputs)
    default: try Recorded(id, inputs: inputs)
    }
  }
}

@Suite struct ProofTests {
  static let cases = [
    SmallCase("se_layer", [:], [3, 16, 5, 5]),
    SmallCase("se_bottleneck", [:], [2, 16, 6, 5]),
    SmallCase("sk_conv", [:], [2, 32, 5, 5]),
    SmallCase("stn", [:], [2, 1, 28, 28]),
    SmallCase("vit", [:], [2, 3, 16, 16]),
    SmallCase("detr_encoder", [:], [2, 10, 4, 5]),
    SmallCase("encoding", [:], [2, 6, 4, 4]),
    SmallCase("lvc_block", [:], [2, 8, 5, 5]),
    SmallCase("evc_block", [:], [2, 8, 6, 6]),
    SmallCase("glimpse_network", [:], [2, 1, 28, 28], [2, 2]),
    SmallCase("recurrent_attention", [:], [2, 1, 28, 28], [2, 2], [2, 256]),
    SmallCase("patch_merging", [:], [2, 16, 3]),
  ]

  /// Every kind of work tells of itself, and costly layers while they are tried: they may take minutes.
  @Test func progressIsTold() throws {
    let recorded = try #require(Self.cases.first { $0.id == "vit" }).recorded()
    let file = try recorded.checkpoint { try scrambled($0, seed: 1) }
    let asked = try Loader(.builtIn).demand(
      of: file, model: recorded.id, overrides: recorded.overrides,
      reference: recorded.reference.metadata)
    let told = Mutex<[AlignmentProgress]>([])
    var prover = Prover(
      try SourceCatalog(file), Demand(asked.ledger), recorded.reference,
      build: { try asked.architecture.build($0, asked.configuration) },
      meter: Meter(pause: .zero) { progress in told.withLock { $0.append(progress) } })
    try prover.run()
    let all = told.withLock { $0 }
    for step in [AlignmentProgress.Step.running, .layers, .between] {
      let most = all.filter { $0.step == step }.map(\.tried).max() ?? 0
      #expect(most > 3, "\(step)")
    }
    #expect(all.filter { $0.step == .layers }.allSatisfy { $0.path != nil && $0.done < $0.count })
    // A terminal is not written to for each.
    let few = Mutex(0)
    let meter = Meter { _ in few.withLock { $0 += 1 } }
    for _ in 0..<1000 { meter.count() }
    #expect((1..<100).contains(few.withLock { $0 }))
  }

  /// Whatever the names, the order and the layouts: what is claimed is so, and what depends on anything
  /// recorded is found.
  @Test(arguments: cases) func scrambledNamesAreRecovered(_ small: SmallCase) throws {
    let recorded = try small.recorded()
    for seed: UInt64 in 1...2 {
      let file = try recorded.checkpoint { try scrambled($0, seed: seed) }
      let alignment = try recorded.align(file, with: recorded.reference)
      #expect(try recorded.wrongClaims(alignment, file) == [])
      // Behind a dead rectifier a batch norm gives β − μ·γ/√σ², in which γ and μ may change places.
      let open = alignment.open.filter { $0.taken == nil && !$0.reason.contains("ways give") }
        .map { "\($0.parameter): \($0.reason)" }
      #expect(open == [], "\(small), seed \(seed)")
    }
  }

  /// Where most matrices are transposed and the square ones are not, rules say that they stay: their shape
  /// does not tell.
  @Test func squareMatricesThatStayAmongTransposedOnesAreSaid() throws {
    let recorded = try SmallCase("recurrent_attention", [:], [2, 1, 28, 28], [2, 2], [2, 256])
      .recorded()
    let file = try recorded.checkpoint { weights in
      try weights.map { name, tensor in
        let turns = tensor.rank == 2 && tensor.shape[0] != tensor.shape[1]
        return ("in.\(name)", turns ? try tensor.transposed(0, 1).contiguous() : tensor)
      }
    }
    let alignment = try recorded.align(file, with: recorded.reference)
    #expect(alignment.isComplete)
    #expect(try recorded.wrongClaims(alignment, file) == [])
    let plan = try Loader(.builtIn).plan(
      file, model: recorded.id, overrides: recorded.overrides, rules: alignment.rules)
    #expect(plan.report.undecided.isEmpty)
    #expect(alignment.rules.yaml.contains("[0, 1]"))
  }

  /// Queries, keys and values in three tensors, each for itself in another order of axes.
  @Test func partsOfAJointProjectionAreFound() throws {
    let recorded = try SmallCase("vit", [:], [2, 3, 16, 16]).recorded()
    let file = try recorded.checkpoint { weights in
      try scrambled(
        weights.flatMap { entry -> [(name: String, tensor: Tensor)] in
          guard entry.name.hasSuffix("to_qkv.weight") else { return [entry] }
          return try entry.tensor.split(3, axis: 0).enumerated().map { ("\($0)", $1) }
        }, seed: 5)
    }
    let alignment = try recorded.align(file, with: recorded.reference)
    #expect(alignment.isComplete)
    #expect(try recorded.wrongClaims(alignment, file) == [])
    let joint = alignment.matches.first { $0.parameter.hasSuffix("layers.1.0.fn.fn.to_qkv.weight") }
    #expect(joint?.sources.count == 3)
    #expect(joint?.decision == .proof)
  }

  /// Two parameters in one tensor.
  @Test func rowsOfAJoinedTensorAreFound() throws {
    let recorded = try SmallCase("vit", [:], [2, 3, 16, 16]).recorded()
    let names = (0..<2).map { "transformer.layers.\($0).1.fn.fn.net.0.weight" }
    let file = try recorded.checkpoint { weights in
      let pair = try names.reversed().map { name in
        try #require(weights.first { $0.name == name }).tensor
      }
      return try scrambled(
        weights.filter { !names.contains($0.name) }
          + [("both", Tensor.concatenated(pair, axis: 0))], seed: 9)
    }
    let alignment = try recorded.align(file, with: recorded.reference)
    #expect(alignment.isComplete)
    #expect(try recorded.wrongClaims(alignment, file) == [])
    #expect(
      alignment.matches.first { $0.parameter == names[0] }?.transform?.contains("part 2 of 2")
        == true)
  }

  /// Activations of other weights refute every tensor, and nothing is claimed in their place.
  @Test func otherWeightsAreRefuted() throws {
    let recorded = try Recorded(
      "se_layer", ["channel": "16", "reduction": "4"], inputs: [[3, 16, 5, 5]])
    let other = try Recorded(
      "se_layer", ["channel": "16", "reduction": "4"], inputs: [[3, 16, 5, 5]], seed: "other")
    let alignment = try recorded.align(recorded.checkpoint(), with: other.reference)
    #expect(alignment.matches.isEmpty)
    #expect(!alignment.isComplete)
    #expect(
      alignment.open.map(\.reason) == [
        "no tensor that is free gives fc.0's recorded output",
        "no tensor that is free gives fc.2's recorded output",
      ])
  }

  /// Tensors of the same bytes serve as well as each other.
  @Test func equalTensorsAreInterchangeable() throws {
    let ones = try Tensor(repeating: Float(1), shape: [4])
    let recorded = try Recorded(
      "se_bottleneck", ["inplanes": "16", "planes": "4", "reduction": "4"],
      inputs: [[2, 16, 6, 5]],
      given: ["bn1.weight": ones, "bn2.weight": ones, "bn1.running_var": ones])
    let file = try recorded.checkpoint { try scrambled($0, seed: 3) }
    let alignment = try recorded.align(file, with: recorded.reference)
    #expect(alignment.isComplete)
    #expect(try recorded.wrongClaims(alignment, file) == [])
    #expect(Set(alignment.matches.flatMap(\.sources)).count == alignment.matches.count)
  }

  /// A gate whose input is zero says nothing of its matrix.
  @Test func whatNothingRecordedDependsOnIsNotClaimed() throws {
    let zeros = try Tensor(repeating: Float(0), shape: [4, 16])
    let recorded = try Recorded(
      "se_layer", ["channel": "16", "reduction": "4"], inputs: [[3, 16, 5, 5]],
      given: ["fc.0.weight": zeros])
    let alignment = try recorded.align(
      recorded.checkpoint { try scrambled($0, seed: 1) }, with: recorded.reference)
    let claimed = alignment.matches.filter { $0.decision == .proof }.map(\.parameter)
    #expect(claimed == ["fc.0.weight"])
    #expect(alignment.isComplete)
  }
}
