import TestSupport
import WeighbridgeModels
import WeighbridgeModules

extension AnyArchitecture {
  /// The model with these weights.
  func bound(
    _ given: [String: ConfigurationValue] = [:], to source: some WeightSource,
    dtype: DType = .float64
  ) throws -> any Module {
    let configuration = try configuration(StateDictShapes([:]), given)
    return try WeightScope.bind(source, dtype: dtype) { try build($0, configuration) }
  }
}

extension Architecture {
  /// The model with these weights.
  static func bound(
    _ given: [String: ConfigurationValue] = [:], to source: some WeightSource,
    dtype: DType = .float64
  ) throws -> Self {
    let configuration = try configuration(StateDictShapes([:]), given)
    return try WeightScope.bind(source, dtype: dtype) { try Self($0, configuration) }
  }

  /// The model under some configuration, with seeded weights.
  static func seeded(
    _ given: [String: ConfigurationValue] = [:], weights: MadeWeights = MadeWeights(),
    dtype: DType = .float64
  ) throws -> Self {
    let configuration = try configuration(StateDictShapes([:]), given)
    return try WeightScope.bind(weights, dtype: dtype) { try Self($0, configuration) }
  }
}

/// Notes the path of every call in order, and its outputs.
final class PathProbe: Probe, @unchecked Sendable {
  private(set) var calls: [String] = []
  private(set) var outputs: [String: [Tensor]] = [:]

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    let name = module.path.name + (call > 0 ? "#\(call)" : "")
    calls.append(name)
    outputs[name] = output.tensors
    return output
  }
}

/// The greatest distance of two tensors' elements; infinite where their shapes differ or one has NaN
/// where the other has a number.
func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
  guard a.shape == b.shape else { return .infinity }
  let pairs = zip(try a.elements(as: Double.self), try b.elements(as: Double.self))
  return pairs.map { $0 == $1 ? 0 : ($0 - $1).isNaN ? .infinity : abs($0 - $1) }.max() ?? 0
}

extension Module {
  /// The module's outputs when it is probed, the calls that the probe saw, and the outputs when
  /// nothing is probed, which may run fused.
  func bothRuns(_ inputs: [Tensor]) throws -> (probe: PathProbe, probed: [Tensor], fused: [Tensor])
  {
    let probe = PathProbe()
    let probed = try ProbeRun.with(probe) { try run(inputs) }
    return (probe, probed, try compiled().run(inputs))
  }
}

/// Values that go up and down without a pattern that a layout could hide in.
func wave(_ shape: Shape) throws -> Tensor {
  try Tensor(
    (0..<shape.elementCount).map { ((Double($0) * 0.7391).remainder(dividingBy: 2)) }, shape: shape)
}
