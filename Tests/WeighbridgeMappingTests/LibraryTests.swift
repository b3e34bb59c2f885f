import Foundation
import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModels
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeMapping

/// What a program that uses the library writes.
@Suite struct LibraryTests {
  @Test func aModuleOfOnesOwn() throws {
    struct Gate: Module {
      let path: ModulePath
      let fc: Sequential
      init(_ w: WeightScope) throws {
        path = w.path
        fc = try Sequential(
          w / "fc", { try Linear($0, in: 32, out: 2, bias: .absent) }, { ReLU($0) },
          { try Linear($0, in: 2, out: 32, bias: .absent) })
      }
      func forward(_ x: Tensor) throws -> Tensor { try fc(x) }
    }
    let gate = try Weights.load(Repository.fixture("se_layer.npz")) { try Gate($0) }
    let first = try #require(gate.fc.layers[0] as? Linear)
    let stored = try Checkpoints.open(Repository.fixture("se_layer.npz")).tensor("fc.0.weight")
    #expect(
      try first.weight.elements(as: Float.self) == stored.elements(as: Float.self))
    let error = failure { try Weights.load(Repository.fixture("stn.npz")) { try Gate($0) } }
    #expect(error?.code == .mapping)
    #expect(error?.message.contains("2 missing") == true)
    #expect(
      try Weights.report(Repository.fixture("stn.npz")) { try Gate($0) }.unexpected.count == 16)
  }

  @Test func aBuiltInArchitecture() throws {
    let block = try SEBottleneck.load(from: Repository.fixture("se_bottleneck.npz"))
    #expect(block.path == .root)
    _ = try SpatialTransformer.load(
      from: Repository.fixture("stn.h5"), configuration: ["align_corners": "true"], dtype: .float64)
    let error = failure { try SpatialTransformer.load(from: Repository.fixture("se_layer.npz")) }
    #expect(error?.code == .mapping)
  }

  @Test func anArchitectureOfOnesOwn() throws {
    var registry = ArchitectureRegistry.builtIn
    registry.register(ToyNet.self)
    let plan = try Loader(registry).plan(MemoryCheckpoint.toy())
    #expect(plan.architecture.id == "toy")
    #expect(try plan.configuration.integer("width") == 4)
    let input = try Tensor([1, 2, 3] as [Float], shape: [1, 3])
    #expect(try plan.bind().run([input]).map(\.shape) == [[1, 2]])
    // Who did not register it does not know it.
    #expect(failure { try Loader(.builtIn).plan(MemoryCheckpoint.toy()) }?.code == .mapping)
    #expect(
      failure { try Loader(.builtIn).plan(MemoryCheckpoint.toy(), model: "toy") }?.code == .usage)
  }

  @Test func anArchitectureWithoutWeights() throws {
    let plan = try Loader(.builtIn).plan(
      weightless: "scaled_dot_product_attention", overrides: [("scale", "0.5")])
    #expect(plan.ledger.requests.isEmpty)
    #expect(failure { try Loader(.builtIn).plan(weightless: "stn") }?.code == .usage)
  }

  @Test func aPlanFromAnyFormatBindsTheSameValues() throws {
    let loader = Loader(.builtIn)
    let sources = try ["stn.npz", "stn.h5"].map {
      try loader.plan(Checkpoints.open(Repository.fixture($0)))
    }
    for request in sources[0].ledger.requests {
      let values = try sources.map { plan in
        try plan.source.tensor(for: request).elements(as: Float.self)
      }
      #expect(values[0] == values[1])
    }
    #expect(try sources[0].nonFiniteWeights().isEmpty)
    _ = try sources.map { try $0.bind() }
  }
}
