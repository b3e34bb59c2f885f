import Synchronization
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

  /// Statements name their own scopes; loops, conditions and members that are not there are children, too.
  @Test(arguments: [true, false]) func statementsAreModulesOneAfterTheOther(isLong: Bool) throws {
    let last: Build? = isLong ? { Sigmoid($0) } : nil
    let net = try WeightScope.bind(MadeWeights()) { w in
      try Sequential(in: w / "net") { w in
        try Linear(w / "first", in: 3, out: 3)
        for index in 1..<3 { ReLU(w / index) }
        if isLong { Tanh(w / "long") } else { GELU(w / "short") }
        if isLong { Tanh(w / 4) }
        try last?(w / "last")
      }
    }
    let names = isLong ? ["first", "1", "2", "long", "4", "last"] : ["first", "1", "2", "short"]
    #expect(net.layers.map(\.path.name) == names.map { "net.\($0)" })
    #expect(net.path == "net")
  }

  private struct Stem: SequentialModule {
    let layers: Sequential

    init(_ w: WeightScope) throws {
      layers = try Sequential(in: w) { w in
        try Linear(w / "linear", in: 3, out: 3)
        ReLU(w / "act")
      }
    }
  }

  /// It is one call of its own class, and those of its children.
  @Test func aSequentialModuleIsCalledByItsOwnName() throws {
    let stem = try WeightScope.bind(MadeWeights()) { try Stem($0 / "stem") }
    let calls = Calls()
    _ = try ProbeRun.with(calls) { try stem(Tensor.ones([1, 3])) }
    #expect(calls.names.withLock { $0 } == ["stem Stem", "stem.linear Linear", "stem.act ReLU"])
  }
}

private final class Calls: Probe {
  let names = Mutex<[String]>([])

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    names.withLock { $0.append("\(module.path.name) \(module.kind)") }
    return try forward(input)
  }
}
