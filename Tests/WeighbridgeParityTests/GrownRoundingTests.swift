import Testing
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// A gate so steep that the last bit of its input opens or closes it.
private struct Steep: Module {
  let path: ModulePath
  let first: Linear
  let gate: Sigmoid
  /// Added where nothing is probed, as a broken fused path would.
  let fusedError: Double

  init(_ w: WeightScope, fusedError: Double) throws {
    path = w.path
    self.fusedError = fusedError
    first = try Linear(w / "first", in: 4, out: 4, bias: .absent)
    gate = Sigmoid(w / "gate")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try gate(first(x).affine(shift: -1).affine(scale: 0x1p28, shift: -16))
    return ProbeRun.current == nil ? try y.affine(shift: fusedError) : y
  }

  static func load(_ dtype: DType, fusedError: Double = 0) throws -> Steep {
    let one: [Float] = (0..<16).map { $0 % 5 == 0 ? 1 : 0 }
    let checkpoint = try MemoryCheckpoint(
      [("first.weight", Tensor(one, shape: [4, 4]))], path: "steep.npz")
    return try Weights.load(checkpoint, dtype: dtype) { try Steep($0, fusedError: fusedError) }
  }
}

@Suite("Rounding that grew beyond what is believed of a recorded noise")
struct GrownRoundingTests {
  /// The reference's first layer is off by one bit, which opens a gate that is closed here; the
  /// recorded noise says that PyTorch's float64 does not open it either.
  private static func entries(gateNoise: Double = 0.5) throws -> RecordedEntries {
    var entries = RecordedEntries()
    let open = try rows([16, -16, -16, -16]).activated(.sigmoid)
    let noise = try Tensor([gateNoise, 2 * gateNoise], shape: [2])
    entries["inputs/0"] = try rows([1, 1, 1, 1])
    entries["activations/first"] = try rows([1 + 0x1p-23, 1, 1, 1])
    entries["noise/first"] = try Tensor([0x1p-24, 0x1p-23], shape: [2])
    entries["activations/gate"] = open
    entries["noise/gate"] = noise
    entries["outputs/0"] = open
    entries["noise/outputs/0"] = noise
    return entries
  }

  /// Four rows of the same values: enough elements for a layer to be held against its own rounding.
  private static func rows(_ values: [Float]) throws -> Tensor {
    try Tensor((0..<16).map { values[$0 % 4] }, shape: [4, 4])
  }

  private func validate(
    _ entries: RecordedEntries, _ oracle: OracleMode = .auto, fusedError: Double = 0
  ) throws -> ParityResult {
    var options = ValidationOptions()
    options.oracle = oracle
    return try Validator(entries.reference(), options: options)
      .validate(Steep.load(.float32, fusedError: fusedError)) { try Steep.load(.float64) }
  }

  @Test("passes, and is told, where every layer holds by itself")
  func accepted() throws {
    let result = try validate(Self.entries())
    #expect(result.passes)
    #expect(result.statuses["gate"] == .ok)
    #expect(result.notes.contains { $0.hasPrefix("gate, outputs/0: PyTorch's float32") })
  }

  @Test("fails where the run of a program is wrong, which no grown rounding excuses")
  func brokenFusedPath() throws {
    #expect(try validate(Self.entries()).production.map(\.status) == [.ok])
    let result = try validate(Self.entries(gateNoise: 40), fusedError: 20)
    #expect(result.statuses["gate"] == .ok)
    #expect(result.production.map(\.status) == [.source])
    #expect(!result.passes)
  }

  @Test("fails where PyTorch's own noise is smaller")
  func beyondTheNoise() throws {
    let result = try validate(Self.entries(gateNoise: 0.1))
    #expect(result.statuses["gate"] == .inherited)
  }

  @Test("fails where a layer is wrong by itself")
  func wrongLayer() throws {
    var entries = try Self.entries()
    entries["activations/gate"] = try Self.rows([1, 0.01, 0, 0])
    let result = try validate(entries)
    // A sigmoid has nothing to be wrong by itself: what the model computes on the way to it has.
    #expect(result.statuses["gate"] == .glue)
    #expect(!result.passes)
  }

  @Test("fails where a layer of few elements is wrong, which is not held against its own rounding")
  func wrongSmallLayer() throws {
    var entries = try Self.entries()
    for (name, tensor) in entries.tensors where tensor.shape == [4, 4] {
      entries[name] = try tensor.narrowed(0, start: 0, length: 1)
    }
    #expect(try validate(entries).passes)
    entries["activations/gate"] = try Self.rows([1, 0.01, 0, 0]).narrowed(0, start: 0, length: 1)
    #expect(try !validate(entries).passes)
  }

  @Test("fails without the float64 run, which holds layers against their own rounding")
  func withoutOracle() throws {
    #expect(try !validate(Self.entries(), .never).passes)
  }
}
