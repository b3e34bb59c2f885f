import Testing
import WeighbridgeModules

@testable import WeighbridgeDiagnosis
@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeReports

/// Two layers after each other, written out or as a module of their own.
private struct Pairing: Module {
  let path: ModulePath
  let first: Linear, second: Linear
  let inner: ModulePath?

  init(_ w: WeightScope, asModule: Bool) throws {
    path = w.path
    let scope = w / "way"
    (first, second) = (
      try Linear(scope / 0, in: 5, out: 5), try Linear(scope / 1, in: 5, out: 5)
    )
    inner = asModule ? scope.path : nil
  }

  func forward(_ x: Tensor) throws -> Tensor {
    guard let inner else { return try second(first(x)) + x }
    return try Way(path: inner, first: first, second: second)(x) + x
  }

  struct Way: Module {
    let path: ModulePath
    let first: Linear, second: Linear

    func forward(_ x: Tensor) throws -> Tensor { try second(first(x)) }
  }
}

/// A head whose norm may be left out.
private struct Head: Module {
  let path: ModulePath
  let norm: LayerNorm, drop: Identity, last: Identity
  let normalises: Bool

  init(_ w: WeightScope, normalises: Bool) throws {
    path = w.path
    norm = try LayerNorm(w / "norm", features: 5)
    (drop, last) = (Identity(w / "drop"), Identity(w / "last"))
    self.normalises = normalises
  }

  func forward(_ x: Tensor) throws -> Tensor { try last(drop(normalises ? norm(x) : x)) }
}

/// What is suggested could be so in the reference.
@Suite struct SuggestionTests {
  @Test func orderOfReturnTellsWhatComesFirst() {
    let order = RecordedOrder(["b.0", "b.1", "b", "a"])
    #expect(order.isOfReturn)
    #expect(order.mayPrecede("b.0", "b.1"))
    #expect(!order.mayPrecede("b.1", "b.0"))
    #expect(!order.mayPrecede("b", "b.1"))
    #expect(order.mayPrecede("b", "a"))
    #expect(!order.mayPrecede("a", "b"))
  }

  /// Neither names in order nor wholes before their parts tell it: then only containers are known to
  /// come later.
  @Test(arguments: [["a", "b", "b.0", "b.1"], ["b", "b.1", "b.0", "a"]] as [[ActivationKey]])
  func otherOrdersTellNothing(_ keys: [ActivationKey]) {
    let order = RecordedOrder(keys)
    #expect(!order.isOfReturn)
    #expect(order.mayPrecede("b.1", "b.0"))
    #expect(order.mayPrecede("a", "b"))
    #expect(!order.mayPrecede("b", "b.0"))
    #expect(!order.mayPrecede("b.0", "b.0"))
    // What an earlier call of a container returned may go into a later call of its parts.
    #expect(order.mayPrecede("b", ActivationKey("b.0", call: 1)))
  }

  /// The norm that is left out is named, not what comes after it and has the same values.
  @Test func laterModulesWithTheSameValuesAreNoInputs() throws {
    let result = try diagnoses(
      of: [{ try Head($0, normalises: false) }], against: [{ try Head($0, normalises: true) }],
      input: [4, 5])
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .moduleSkipped)
    #expect(diagnosis.certainty == .likely)
    #expect(diagnosis.best.cause.text.contains("net.0.norm"))
    #expect(!diagnosis.best.cause.text.contains("net.0.last"))
  }

  /// A container whose parts run is written out here: nobody need call it.
  @Test func containersOfModulesThatRanAreNotMissed() throws {
    let tail: (WeightScope) throws -> any UnaryModule = { try Linear($0, in: 5, out: 5) }
    let result = try diagnoses(
      of: [{ try Pairing($0, asModule: false) }, tail],
      against: [{ try Pairing($0, asModule: true) }, tail], input: [4, 5]
    ) { given in
      given["net.1.weight"] = try given["net.1.weight"].map {
        try ($0 * $0 * $0).affine(shift: 0.01)
      }
    }
    #expect(result.firstDivergence?.path == "net.1")
    #expect(result.uncovered == ["net.0.way"])
    #expect(result.diagnoses.isEmpty)
    #expect(result.undiagnosed == ["net.1"])
  }

  /// The recorded class tells what hands on its input.
  @Test func recordedClassesAreRead() throws {
    var entries = try RecordedEntries.toy()
    entries.metadata["metadata"] = #"{"classes": {"tail": "torch.nn.modules.activation.ReLU"}}"#
    let reference = try entries.reference()
    #expect(reference.className(of: "tail") == "ReLU")
    #expect(reference.className(of: "blocks") == nil)
  }
}
