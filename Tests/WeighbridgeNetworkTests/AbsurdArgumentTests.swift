import Testing

@testable import WeighbridgeNetwork

/// Arguments that no network has are an error, in time and memory, whatever a file says.
struct AbsurdArgumentTests {
  private static let huge = 1_000_000_000

  private func run(_ name: String, _ values: [Value]) throws -> Value {
    let function = try #require(Vocabulary.function(name))
    let run = try #require(function.run)
    return try run(
      Arguments(
        function: function, values: values,
        context: ComputeContext(dtype: .float32, recorded: .float32)))
  }

  /// A tensor of one element under a huge shape.
  private func wide() throws -> Value {
    .tensor(try Tensor(repeating: 0 as Float, shape: []).expanded(to: [Self.huge]))
  }

  @Test(arguments: ["split", "chunk", "tensor_split"])
  func countsOfPartsAreBounded(_ name: String) throws {
    let parts = name == "split" ? 1 : Self.huge
    let error = try failure { try run(name, [wide(), .integer(parts), .integer(0)]) }
    #expect(error.message == "\(name) into 1000000000 parts; the limit is 65536")
  }

  @Test func rowsOfATensorAreBounded() throws {
    let error = try failure { try run("unbind", [wide(), .integer(0)]) }
    #expect(error.message == "unbind into 1000000000 parts; the limit is 65536")
  }

  @Test(arguments: [1 << 62, Int.max])
  func stepsBeyondAnAxisPickItsFirst(_ step: Int) throws {
    let x = try Tensor((0..<6).map(Float.init), shape: [2, 3])
    let index = Value.list([
      .slice(.none, .none, .integer(1)), .slice(.none, .none, .integer(step)),
    ])
    guard case .tensor(let picked) = try run("getitem", [.tensor(x), index]) else {
      Issue.record("no tensor")
      return
    }
    #expect(try picked.elements(as: Float.self) == [0, 3])
  }

  @Test(arguments: [1 << 62, Int.max, -1, Int.min])
  func dilationsAreBounded(_ dilation: Int) throws {
    let x = try Tensor(repeating: 1 as Float, shape: [1, 3, 8, 8])
    let weight = try Tensor(repeating: 1 as Float, shape: [3, 3, 3, 3])
    let error = try failure {
      try run(
        "conv2d",
        [
          .tensor(x), .tensor(weight), .none, .integer(1), .text("same"), .integer(dilation),
          .integer(1),
        ])
    }
    #expect(error.message == "conv2d with dilation = \(dilation)")
  }
}
