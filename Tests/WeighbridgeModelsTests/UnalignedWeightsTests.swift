import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

/// Weights and inputs on odd bytes, as three quarters of the arrays of an npz file are, give what those
/// on even ones give, bit for bit. Debug builds poison freed buffers, so that an address that outlives
/// its tensor reads NaN.
@Suite struct UnalignedWeightsTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let architecture: any Architecture.Type
    var given: [String: ConfigurationValue] = [:]
    let input: Shape

    var testDescription: String { architecture.id }

    func model(_ source: some WeightSource) throws -> any Module {
      let configuration = try architecture.configuration(StateDictShapes([:]), given)
      return try WeightScope.bind(source, dtype: .float32) {
        try architecture.init($0, configuration)
      }
    }
  }

  static let cases: [Case] = [
    Case(architecture: SpatialTransformer.self, input: [2, 1, 28, 28]),
    Case(
      architecture: SELayer.self, given: ["channel": .integer(32), "reduction": .integer(4)],
      input: [2, 32, 5, 5]),
    Case(
      architecture: SEBottleneck.self,
      given: ["inplanes": .integer(32), "planes": .integer(8), "reduction": .integer(4)],
      input: [2, 32, 9, 9]),
    Case(
      architecture: SKConv.self,
      given: ["in_channels": .integer(64), "out_channels": .integer(64)], input: [2, 64, 7, 7]),
    Case(
      architecture: VisionTransformer.self,
      given: [
        "image_size": .integer(16), "patch_size": .integer(4), "num_classes": .integer(5),
        "dim": .integer(32), "depth": .integer(2), "heads": .integer(4), "mlp_dim": .integer(48),
      ], input: [2, 3, 16, 16]),
    Case(
      architecture: DETREncoder.self,
      given: [
        "in_channels": .integer(24), "hidden_dim": .integer(32), "nheads": .integer(4),
        "num_encoder_layers": .integer(2), "dim_feedforward": .integer(40),
      ], input: [2, 24, 5, 6]),
    Case(
      architecture: LVCBlock.self, given: ["c1": .integer(32), "c2": .integer(32)],
      input: [2, 32, 6, 6]),
    Case(
      architecture: EVCBlock.self,
      given: ["in_channels": .integer(32), "out_channels": .integer(32)], input: [2, 32, 8, 8]),
    Case(
      architecture: PatchEmbed.self,
      given: [
        "img_size": .integer(16), "patch_size": .integer(4), "embed_dim": .integer(24),
      ], input: [2, 3, 16, 16]),
    Case(
      architecture: PatchMerging.self, given: ["dim": .integer(12), "c": .integer(1)],
      input: [2, 16, 12]),
  ]

  @Test(arguments: cases)
  func sameAsAligned(_ tested: Case) throws {
    let input = try Numbers.tensor(tested.input, dtype: .float32)
    let expected = try tested.model(MadeWeights()).run([input])
    let model = try tested.model(UnalignedWeights())
    for _ in 0..<2 { try expectSame(model.run([input.unaligned()]), expected) }
  }

  /// Buffers that one model gives back are taken by another: an address kept too long reads the
  /// other's values.
  @Test func differentModelsAtOnce() async throws {
    let runs = try Self.cases.map { tested in
      let input = try Numbers.tensor(tested.input, dtype: .float32)
      let model = try tested.model(UnalignedWeights())
      return (model: model, input: try input.unaligned(), expected: try model.run([input]))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for round in 0..<120 {
        let run = runs[round % runs.count]
        group.addTask { try expectSame(run.model.run([run.input]), run.expected) }
      }
      try await group.waitForAll()
    }
  }
}

private func expectSame(_ got: some Sequence<Tensor>, _ expected: [Tensor]) throws {
  for (got, expected) in zip(got, expected) {
    let (a, b) = try (got.elements(as: Float.self), expected.elements(as: Float.self))
    #expect(a == b && !a.isEmpty && a.allSatisfy(\.isFinite))
  }
}

/// Seeded weights on odd bytes.
private struct UnalignedWeights: WeightSource {
  func contains(_ name: String) -> Bool { MadeWeights().contains(name) }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    // In the model's dtype, so that no conversion makes an aligned copy of it.
    try MadeWeights().tensor(for: request).converted(to: .float32).unaligned()
  }
}
