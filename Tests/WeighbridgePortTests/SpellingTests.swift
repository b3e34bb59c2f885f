import Testing

@testable import WeighbridgeNetwork
@testable import WeighbridgePort

/// What can be run can be written, or is listed here as what cannot yet.
struct SpellingTests {
  /// Functions that run and have no spelling: networks that call them get a stub.
  static let unwritten: Set<String> = [
    "adaptive_max_pool1d", "bitwise_or", "bitwise_xor", "cdist", "conv_transpose1d", "cosh",
    "cosine_similarity", "cumprod", "dot", "fill", "gru", "local_response_norm", "logit",
    "logical_xor", "lstm", "multi_head_attention_forward", "mv", "nan_to_num", "prod", "scatter",
    "sinh", "softshrink", "take_along_dim", "tensor_split",
  ]

  @Test func everyFunctionThatRunsIsWrittenOrListed() {
    let runs = Set(Vocabulary.functions.filter { $0.run != nil }.map(\.name))
    let written = Set(Spellings.table.keys)
    #expect(written.subtracting(runs).sorted() == [])
    #expect(runs.subtracting(written).subtracting(Self.unwritten).sorted() == [])
  }

  @Test func whatIsListedIsNotWritten() {
    let listed = Self.unwritten.filter {
      Spellings.table[$0] != nil || Vocabulary.function($0) == nil
    }
    #expect(listed.sorted() == [])
  }
}
