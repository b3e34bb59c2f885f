import TestSupport
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeRunning
@testable import WeighbridgeVerdicts

/// One layer after another, as a model.
struct Chain: Module {
  let path: ModulePath
  let layers: Sequential

  init(_ w: WeightScope, _ build: [(WeightScope) throws -> any UnaryModule]) throws {
    path = w.path
    layers = try Sequential(w / "net", build)
  }

  func forward(_ x: Tensor) throws -> Tensor { try layers(x) }
}

typealias Layers = [(WeightScope) throws -> any UnaryModule]

/// Draws weights as models ask for them, the same for the same name.
struct DrawnWeights: WeightSource {
  /// Tensors that are not drawn.
  var given: [String: Tensor] = [:]

  func contains(_ name: String) -> Bool { true }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    if let tensor = given[request.name] { return tensor }
    var generator = SplitMix(
      seed: UInt64(request.name.utf8.reduce(7) { $0 * 31 % 65_521 + Int($1) }))
    let range = request.role == .statistic ? 0.01...0.09 : -0.5...0.5
    return try Tensor(
      (0..<request.shape.elementCount).map { _ in Float(generator.next(in: range)) },
      shape: request.shape)
  }
}

/// The diagnoses of `here` held against what `there` returned.
///
/// - Parameters:
///   - given: The input, drawn where there is none.
///   - change: Damages the weights that `here` is given.
///   - options: How it is validated.
///   - hasTwin: Whether the model is given in float64, too.
///   - recording: Changes what was recorded.
func diagnoses(
  of here: Layers, against there: Layers, input shape: Shape, isSampled: Bool = false,
  options: ValidationOptions = ValidationOptions(), hasTwin: Bool = true,
  giving given: Tensor? = nil,
  changing change: (inout [String: Tensor]) throws -> Void = { _ in },
  recording: (inout RecordedEntries) throws -> Void = { _ in }
) throws -> ParityResult {
  var generator = SplitMix(seed: 3)
  let input =
    try given
    ?? Tensor(
      (0..<shape.elementCount).map { _ in Float(generator.next(in: -2...2)) }, shape: shape)
  let right = try WeightScope.bind(DrawnWeights()) { try Chain($0, there) }
  let probe = RecordingProbe()
  let outputs = try ProbeRun.with(probe) { try right.run([input]) }
  var entries = RecordedEntries()
  entries.tensors = [("inputs/0", input), ("outputs/0", outputs[0])]
  for found in probe.activations where found.key.path != .root {
    entries.tensors.append(("activations/\(found.key)", found.tensor))
  }
  try recording(&entries)
  if isSampled { entries = try entries.sampled(limit: 12) }
  // The damaged tensors are made from those that the right model has.
  let source = DrawnWeights()
  var weights: [String: Tensor] = [:]
  for request in try WeightScope.describe({ try Chain($0, here) }).requests {
    weights[request.name] = try source.tensor(for: request)
  }
  try change(&weights)
  func load(_ dtype: DType) throws -> Chain {
    try WeightScope.bind(DrawnWeights(given: weights), dtype: dtype) { try Chain($0, here) }
  }
  return try Validator(entries.reference(), options: options)
    .validate(load(.float32), oracle: hasTwin ? { try load(.float64) } : nil)
}

func first(_ result: ParityResult) -> (Cause.Kind, Diagnosis.Certainty)? {
  result.diagnoses.first.map { ($0.best.cause.kind, $0.certainty) }
}
