import Testing
import WeighbridgeModels
import WeighbridgeModules

/// Weights for any model: every parameter has values of its own that its name determines.
struct SeededWeights: WeightSource {
  /// Names that this checkpoint lacks.
  var absent: Set<String> = []
  /// Tensors that are given instead of made.
  var given: [String: Tensor] = [:]

  func contains(_ name: String) -> Bool { !absent.contains(name) }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    if let tensor = given[request.name] {
      try #require(tensor.shape == request.shape, "\(request.name)")
      return tensor
    }
    var numbers = Numbers(seed: request.name)
    let count = request.shape.elementCount
    let fanIn = request.shape.dropFirst().reduce(1, *)
    let isWeight = request.role == .linearWeight || request.role == .convolutionWeight
    let scale = isWeight ? 1.5 / Double(max(1, fanIn)).squareRoot() : 0.5
    let isPositive = request.name.hasSuffix("running_var") || request.name.contains("norm")
    let values = (0..<count).map { _ in
      isPositive ? 0.75 + 0.5 * numbers.next() : scale * numbers.next()
    }
    return try Tensor(values, shape: request.shape)
  }
}

/// A reproducible sequence of numbers in −1…1.
struct Numbers {
  private var state: UInt64

  init(seed: String) {
    state = seed.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
  }

  /// A tensor of such numbers.
  static func tensor(_ shape: Shape, seed: String = "input", dtype: DType = .float64) throws
    -> Tensor
  {
    var numbers = Numbers(seed: seed)
    return try Tensor((0..<shape.elementCount).map { _ in numbers.next() }, shape: shape)
      .converted(to: dtype)
  }
}

extension Architecture {
  /// The model under some configuration, with seeded weights.
  static func seeded(
    _ given: [String: ConfigurationValue] = [:], weights: SeededWeights = SeededWeights(),
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
    return (probe, probed, try run(inputs))
  }
}
