import TestSupport
import Testing
import WeighbridgeCauses
import WeighbridgeModelCauses
import WeighbridgeModels
import WeighbridgeModules

/// Lets every call through.
private final class Unchanging: Probe {
  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output { try forward(input) }
}

/// Alternatives whose fix is a change of parameters: with that, the model computes what they do.
@Suite struct AlternativeRulesTests {
  @Test func patchOrdersOfAVisionTransformer() throws {
    let given: [String: ConfigurationValue] = [
      "image_size": .integer(8), "patch_size": .integer(4), "num_classes": .integer(3),
      "dim": .integer(8), "depth": .integer(1), "heads": .integer(2), "mlp_dim": .integer(6),
    ]
    let model = try VisionTransformer.bound(given, to: MadeWeights())
    let input = MaskedImage(try wave([1, 3, 8, 8]))
    let orders = try model.alternatives(for: input).filter { $0.cause.kind == .patchOrder }
    #expect(orders.count == 5)
    for order in orders {
      let fixed = try VisionTransformer.bound(
        given, to: changed(order.cause, of: VisionTransformer.self, given))
      try #expect(
        isNear(probed { try order.compute(input) }, fixed.forward(input)), "\(order.cause.text)")
      try #expect(!isNear(model.forward(input), fixed.forward(input)))
    }
  }

  /// The made weights as the cause's fix leaves them.
  private func changed<A: Architecture>(
    _ cause: Cause, of _: A.Type, _ given: [String: ConfigurationValue]
  ) throws -> MadeWeights {
    guard case .parameters(let changes) = cause.fix else {
      Issue.record("no parameters put right: \(cause.text)")
      return MadeWeights()
    }
    let configuration = try A.configuration(StateDictShapes([:]), given)
    let requests = try WeightScope.describe { try A($0, configuration) }.requests
    var weights = MadeWeights()
    for change in changes {
      let request = try #require(requests.first { $0.name == change.name })
      weights.given[change.name] = try change.apply(to: MadeWeights().tensor(for: request))
        .contiguous()
    }
    return weights
  }

  /// Alternatives are run under a probe only: what is not probed may be computed in one piece.
  private func probed(_ body: () throws -> Tensor) throws -> Tensor {
    try ProbeRun.with(Unchanging(), body)
  }

  private func isNear(_ a: Tensor, _ b: Tensor) throws -> Bool {
    try zip(a.elements(as: Double.self), b.elements(as: Double.self)).allSatisfy {
      abs($0 - $1) < 1e-9
    }
  }
}
