import Testing
import WeighbridgeModules

/// Whole layers against torch.nn, on every engine.
@Suite struct LayerFixtureTests {
  @Test(arguments: [DType.float64, .float32], [true, false])
  func matchesPyTorch(_ dtype: DType, _ isPlain: Bool) throws {
    for fixture in try LayerFixture.load() {
      try Engines.$usesPlainKernels.withValue(isPlain) {
        try fixture.expectMatch(fixture.run(dtype), dtype)
      }
    }
  }

  /// What is described is all that the state dict has.
  @Test func asksForEveryParameter() throws {
    for fixture in try LayerFixture.load() {
      let ledger = try WeightScope.describe(source: fixture.weights) { try fixture.build($0) }
      #expect(
        Set(ledger.requests.map(\.name)) == Set(try fixture.weights.tensors.keys),
        "\(fixture.testDescription)")
    }
  }
}

extension LayerFixture {
  func build(_ w: WeightScope) throws -> any Module {
    switch self.operator {
    case "lstm":
      try LSTM(
        w, in: integer("inputs"), hidden: integer("hidden"), layers: integer("layers"),
        bias: flag("bias"), batchFirst: flag("batch_first"), bidirectional: flag("bidirectional"))
    case "gru":
      try GRU(
        w, in: integer("inputs"), hidden: integer("hidden"), layers: integer("layers"),
        bias: flag("bias"), batchFirst: flag("batch_first"), bidirectional: flag("bidirectional"))
    default:
      try MultiheadAttention(
        w, width: integer("width"), heads: integer("heads"), keyWidth: integer("key_width"),
        valueWidth: integer("value_width"), bias: flag("bias"), batchFirst: flag("batch_first"),
        addsKeyValueBias: flag("bias_kv"), addsZeroAttention: flag("zero"))
    }
  }

  func run(_ dtype: DType) throws -> Tensor {
    let module = try WeightScope.bind(weights, dtype: dtype) { try build($0) }
    let x = try #require(try tensor("x", dtype))
    guard let attention = module as? MultiheadAttention else {
      let states = try ["state0", "state1"].compactMap { try tensor($0, dtype) }
      return try module.run([x] + states)[integer("output")]
    }
    let input = MultiheadAttentionInput(
      query: x, key: try #require(try tensor("key", dtype)),
      value: try #require(try tensor("value", dtype)),
      attentionMask: try tensor("mask", dtype) ?? tensor("condition_mask", dtype),
      keyPaddingMask: try tensor("padding", dtype) ?? tensor("condition_padding", dtype))
    guard self.operator == "attention_weights" else { return try attention(input) }
    return try attention.attended(input, averaging: flag("average")).weights
  }
}
