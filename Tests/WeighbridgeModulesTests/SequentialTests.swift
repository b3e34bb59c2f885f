import TestSupport
import Testing
import WeighbridgeModules

@Suite struct SequentialTests {
  /// Children count through the rows, whose modules are each built anew.
  @Test func rowsAreModulesOneAfterTheOther() throws {
    let net = try WeightScope.bind(MadeWeights()) { w in
      try Sequential(
        w / "net", rows: (2, { try Linear($0, in: 3, out: 3) }), (0, { Tanh($0) }),
        (1, { ReLU($0) }),
        (2, { try Linear($0, in: 3, out: 3, bias: .absent) }))
    }
    #expect(net.layers.map(\.path.name) == (0..<5).map { "net.\($0)" })
    #expect(net.layers.map(\.kind) == ["Linear", "Linear", "ReLU", "Linear", "Linear"])
    let x = try Numbers.tensor([2, 3], dtype: .float32)
    var expected = x
    for layer in net.layers { expected = try layer(expected) }
    #expect(try net(x).elements(as: Float.self) == expected.elements(as: Float.self))
    let first = try #require(net.layers[0] as? Linear)
    let second = try #require(net.layers[1] as? Linear)
    #expect(try first.weight.elements(as: Float.self) != second.weight.elements(as: Float.self))
  }
}
