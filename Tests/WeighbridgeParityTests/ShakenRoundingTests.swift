import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeRunning
@testable import WeighbridgeVerdicts

/// A layer that stretches differences from 1, so that many of them make rounding large.
private struct Stretch: Module {
  let path: ModulePath
  let factor: Double

  func forward(_ x: Tensor) throws -> Tensor {
    try x.affine(shift: -1).affine(scale: factor).mapped(.sine).affine(shift: 1)
  }
}

/// A right network that amplifies rounding, without the same model in float64.
@Suite("Rounding that grows, measured by moving results by their last bit")
struct ShakenRoundingTests {
  private struct Chaos: Module {
    let path: ModulePath
    let first: Linear
    let steps: [Stretch]
    /// Added where nothing is probed, as a broken fused path would.
    let fusedError: Double

    init(_ w: WeightScope, factor: Double, fusedError: Double) throws {
      path = w.path
      self.fusedError = fusedError
      first = try Linear(w / "first", in: 8, out: 8)
      steps = (0..<8).map { Stretch(path: (w / "steps" / $0).path, factor: factor) }
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let y = try steps.reduce(first(x)) { try $1($0) }
      return ProbeRun.current == nil ? try y.affine(shift: fusedError) : y
    }
  }

  private static func chaos(
    _ dtype: DType = .float32, factor: Double = 3, changing: [String: Tensor] = [:],
    fusedError: Double = 0
  ) throws -> Chaos {
    try WeightScope.bind(DrawnWeights(given: changing), dtype: dtype) {
      try Chaos($0, factor: factor, fusedError: fusedError)
    }
  }

  /// What PyTorch might have recorded: the network's results from inputs that differ in their last bit,
  /// and a noise that by luck is far below that.
  private func entries(luck: Double = 0x1p-10) throws -> RecordedEntries {
    let inputs = try Tensor((0..<32).map { Float($0 % 13) / 7 - 0.8 }, shape: [4, 8])
    let probe = ShakingProbe(Shaking(seed: 99))
    let right = try Self.chaos()
    let output = try ProbeRun.with(probe) { try right(inputs) }
    let still = ShakingProbe(nil)
    _ = try ProbeRun.with(still) { try right(inputs) }
    var entries = RecordedEntries()
    entries.tensors = [("inputs/0", inputs), ("outputs/0", output)]
    for (key, tensor) in probe.outputs.sorted(by: { $0.key.description < $1.key.description })
    where key.path != .root {
      let other = try #require(still.outputs[key])
      let noise = try #require(try OracleProbe.noise(tensor, other))
      let pair = try Tensor([noise.rms * luck, noise.max * luck], shape: [2])
      entries.tensors.append(("activations/\(key)", tensor))
      entries.tensors.append(("noise/\(key)", pair))
      if key.description == "steps.7" { entries.tensors.append(("noise/outputs/0", pair)) }
    }
    return entries
  }

  @Test func aRightNetworkPasses() throws {
    let result = try Validator(entries().reference()).validate(Self.chaos())
    #expect(result.passes, "\(result)")
    #expect(result.notes.contains { $0.contains("one unit in the last place") })
  }

  @Test func aBrokenFusedPathFails() throws {
    let right = try Validator(entries().reference()).validate(Self.chaos())
    #expect(right.production.map(\.status) == [.ok])
    let result = try Validator(entries().reference()).validate(Self.chaos(fusedError: 0.05))
    #expect(result.outputs.map(\.status) == [.ok])
    #expect(result.production.map(\.status) == [.source])
    #expect(!result.passes)
  }

  @Test func aWrongWeightFails() throws {
    let source = DrawnWeights()
    let request = ParameterRequest(name: "first.bias", role: .vector, shape: [8])
    var bias = try source.tensor(for: request).elements(as: Float.self)
    bias[3] += 1e-4
    let model = try Self.chaos(changing: ["first.bias": Tensor(bias, shape: [8])])
    let result = try Validator(entries().reference()).validate(model)
    #expect(!result.passes && result.firstDivergence?.path.name == "first")
  }

  /// A step that is wrong by far less than the whole run's noise answers for itself.
  @Test func aWrongStepFails() throws {
    let result = try Validator(entries().reference()).validate(Self.chaos(factor: 3.0001))
    #expect(!result.passes)
    #expect(result.statuses["steps.0"] == .source)
  }

  /// The same network whose steps run otherwise where nothing is probed.
  private struct FusedChaos: Module {
    let path: ModulePath
    let stepwise: Chaos
    let fused: Chaos
    /// Whether the fused path rounds its first layer's results otherwise.
    let roundsOtherwise: Bool

    func forward(_ x: Tensor) throws -> Tensor {
      guard ProbeRun.current == nil else { return try stepwise(x) }
      let first = try fused.first(x)
      let start = try roundsOtherwise ? Shaking(seed: 7).shaken(first) : first
      return try fused.steps.reduce(start) { try $1($0) }
    }
  }

  /// The verdict on a run of a program with such steps, beside probed runs without any error.
  private func fusedResult(factor: Double, roundsOtherwise: Bool, twin: Bool) throws
    -> ParityResult
  {
    func model(_ dtype: DType) throws -> FusedChaos {
      try FusedChaos(
        path: .root, stepwise: Self.chaos(dtype), fused: Self.chaos(dtype, factor: factor),
        roundsOtherwise: roundsOtherwise)
    }
    var entries = try entries()
    let still = ShakingProbe(nil)
    let right = try Self.chaos()
    let input = try #require(entries.tensors.first?.1)
    let output = try ProbeRun.with(still) { try right(input) }
    entries.tensors = entries.tensors.map { name, tensor in
      if name == "outputs/0" { return (name, output) }
      guard name.hasPrefix("activations/") else { return (name, tensor) }
      let found = still.outputs.first { "activations/\($0.key)" == name }
      return (name, found?.value ?? tensor)
    }
    return try Validator(entries.reference()).validate(
      model(.float32), oracle: twin ? { try model(.float64) } : nil)
  }

  @Test(arguments: [true, false])
  func aProgramsRunMayRoundInOtherPlaces(_ twin: Bool) throws {
    let result = try fusedResult(factor: 3, roundsOtherwise: true, twin: twin)
    #expect(result.passes, "\(result)")
    #expect(result.production.map(\.status) == [.ok])
    #expect(result.notes.contains { $0.contains("the model run as a program runs it") })
  }

  @Test(arguments: [true, false])
  func aProgramsRunMayNotBeWrong(_ twin: Bool) throws {
    let result = try fusedResult(factor: 3.0001, roundsOtherwise: false, twin: twin)
    #expect(!result.passes)
    #expect(!result.hasFailedLayer)
    #expect(result.production.map(\.status) == [.source])
  }

  @Test func shakingMovesByOneUnit() throws {
    let values = (0..<300).map { Float($0) - 150 }
    let moved = try Shaking(seed: 1).shaken(Tensor(values, shape: [300]))
    for (a, b) in try zip(values, moved.elements(as: Float.self)) {
      #expect(a == 0 ? b == 0 : b == a.nextUp || b == a.nextDown)
    }
    let ups = try zip(values, moved.elements(as: Float.self)).count { $0 < $1 }
    #expect((100...200).contains(ups))
  }
}
