import Testing
import WeighbridgeModules
import WeighbridgeTensors

@testable import WeighbridgeMapping

/// Queries, keys and values that lie apart, read as PyTorch's `MultiheadAttention` has them.
@Suite struct SplitProjectionTests {
  private static let width = 4

  private static func tensor(_ seed: Int, _ shape: Shape) throws -> Tensor {
    try Tensor((0..<shape.elementCount).map { Float(seed * 100 + $0) }, shape: shape)
  }

  /// An attention's state dict with projections apart.
  private static func apart(
    lead: String, without: String? = nil, bias: Bool = true
  ) throws -> MemoryCheckpoint {
    var tensors: [(name: String, tensor: Tensor)] = []
    for (seed, name) in ["q_proj", "k_proj", "v_proj", "out_proj"].enumerated() {
      guard name != without else { continue }
      tensors.append((lead + name + ".weight", try tensor(seed, [width, width])))
      if bias { tensors.append((lead + name + ".bias", try tensor(seed + 10, [width]))) }
    }
    return MemoryCheckpoint(tensors, path: "apart.npz")
  }

  private static func fit(_ checkpoint: MemoryCheckpoint, bias: Bool = true) throws -> Fit {
    try Candidates(checkpoint, rules: Rules()).best { _, source in
      try WeightScope.describe(source: source) {
        try MultiheadAttention($0 / "attn", width: width, heads: 2, bias: bias)
      }
    }
  }

  @Test(arguments: ["attn.", "module.attn.", "state_dict.model.attn."], [true, false])
  func partsBecomeOne(_ lead: String, _ bias: Bool) throws {
    let checkpoint = try Self.apart(lead: lead, bias: bias)
    let fit = try Self.fit(checkpoint, bias: bias)
    #expect(fit.report.isOneToOne, "\(fit.report)")
    #expect(
      fit.report.computed.map(\.keyword) == Array(repeating: "concatenate", count: bias ? 2 : 1))
    let weight = try CheckpointSource(checkpoint, fit.stateDict).tensor("attn.in_proj_weight")
    let expected = try Tensor.concatenated(
      (0..<3).map { try Self.tensor($0, [Self.width, Self.width]) }, axis: 0)
    #expect(weight.shape == [12, 4])
    #expect(try weight.elements(as: Float.self) == expected.elements(as: Float.self))
    // The rules that are printed do the same to the file.
    let again = try Candidates(checkpoint, rules: Rules(fit.report.computed)).best { _, source in
      try WeightScope.describe(source: source) {
        try MultiheadAttention($0 / "attn", width: Self.width, heads: 2, bias: bias)
      }
    }
    #expect(again.report.isOneToOne && again.report.computed.isEmpty)
  }

  /// Two of three are no triple, and a model's own names always win.
  @Test func nothingIsJoinedThatIsNotMeant() throws {
    let incomplete = try Self.fit(Self.apart(lead: "attn.", without: "v_proj"))
    #expect(incomplete.report.computed.isEmpty && !incomplete.report.isOneToOne)
    let own = try Candidates(Self.apart(lead: "", bias: false), rules: Rules()).best { _, source in
      try WeightScope.describe(source: source) { scope in
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
          _ = try Linear(scope / name, in: Self.width, out: Self.width, bias: .absent)
        }
      }
    }
    #expect(own.report.isOneToOne && own.report.computed.isEmpty)
  }
}
