import Testing

@testable import WeighbridgeNetwork
@testable import WeighbridgePort

/// What can be run can be written, or is listed here as what cannot yet.
struct SpellingTests {
  /// Functions that run and have no spelling: networks that call them get a stub.
  static let unwritten: Set<String> = [
    "adaptive_max_pool1d", "conv_transpose1d", "cumprod", "gru", "local_response_norm", "logit",
    "lstm", "nan_to_num", "scatter", "tensor_split",
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
