import TestSupport
import WeighbridgeMapping
import WeighbridgeModels
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning

@testable import WeighbridgeAlignment

/// A model with weights of its own, and what it computes on some inputs.
struct Recorded {
  let id: String
  let weights: [(name: String, tensor: Tensor)]
  let reference: Reference
  let overrides: [(key: String, text: String)]

  init(
    _ id: String, _ config: KeyValuePairs<String, String> = [:], inputs: [Shape],
    given: [String: Tensor] = [:], seed: String = ""
  ) throws {
    self.id = id
    overrides = config.map { ($0.key, $0.value) }
    let architecture = try ArchitectureRegistry.builtIn.architecture(id)
    var configuration = architecture.defaults
    for (key, text) in config {
      let known = architecture.keys.first { $0.name == key }
      try configuration.set(key, known?.parse(text) ?? .none, origin: .given)
    }
    let final = configuration
    let ledger = try WeightScope.describe { scope -> any Module in
      try architecture.build(scope, final)
    }
    var made = MadeWeights(given: given)
    if !seed.isEmpty {
      for request in ledger.requests where request.role != .counter && given[request.name] == nil {
        made.given[request.name] = try Numbers.tensor(
          request.shape, seed: seed + request.name, dtype: .float32)
      }
    }
    let asked = Set(ledger.requests.map(\.name))
    made.isAbsent = { !asked.contains($0) }
    weights = try ledger.requests.map { request in
      let tensor = try made.tensor(for: request)
      return (
        request.name, request.role == .counter ? tensor : try tensor.converted(to: .float32)
      )
    }
    let model = try WeightScope.bind(made) { scope -> any Module in
      try architecture.build(scope, final)
    }
    let tensors = try inputs.enumerated().map { index, shape in
      try Numbers.tensor(shape, seed: "input \(index)", dtype: .float32)
    }
    let probe = RecordingProbe()
    let outputs = try ProbeRun.with(probe) { try model.run(tensors) }
    var entries = tensors.enumerated().map { (name: "inputs/\($0)", tensor: $1) }
    entries += outputs.enumerated().map { (name: "outputs/\($0)", tensor: $1) }
    for (key, tensor) in probe.activations where key.path != .root {
      entries.append(("activations/\(key)", try tensor.contiguous()))
    }
    reference = try Reference(MemoryCheckpoint(entries, path: "reference"))
  }

  /// The weights in a file that `change` makes of them.
  func checkpoint(
    _ change: ([(name: String, tensor: Tensor)]) throws -> [(name: String, tensor: Tensor)] = { $0 }
  ) throws -> MemoryCheckpoint {
    MemoryCheckpoint(
      try change(weights).map { ($0.name, try $0.tensor.contiguous()) }, path: "weights")
  }

  func align(_ checkpoint: MemoryCheckpoint, with reference: Reference? = nil) throws -> Alignment {
    try Aligner(Loader(.builtIn)).align(
      checkpoint, model: id, overrides: overrides, reference: reference)
  }

  /// What of the rules' result is not what it was, among the parameters that are claimed.
  func wrongClaims(_ alignment: Alignment, _ checkpoint: MemoryCheckpoint) throws -> [String] {
    let plan = try Loader(.builtIn).plan(
      checkpoint, model: id, overrides: overrides, rules: alignment.rules)
    let truth = Dictionary(weights.map { ($0.name, $0.tensor) }) { first, _ in first }
    return try alignment.matches.map(\.parameter).filter { name in
      guard let expected = truth[name] else { return true }
      let found = try plan.source.tensor(name)
      return try found.shape != expected.shape
        || found.elements(as: Float.self) != expected.elements(as: Float.self)
    }
  }
}

/// Names and an order that say nothing, and some tensors in another order of axes.
func scrambled(
  _ weights: [(name: String, tensor: Tensor)], seed: UInt64
) throws -> [(name: String, tensor: Tensor)] {
  var random = SplitMix(seed: seed)
  return try weights.shuffled(using: &random).enumerated().map { index, entry in
    var tensor = entry.tensor
    if tensor.rank == 2, random.next() % 3 == 0 { tensor = try tensor.transposed() }
    if tensor.rank == 4, random.next() % 3 == 0 { tensor = try tensor.permuted([2, 3, 1, 0]) }
    return ("tensor.\(index)", tensor)
  }
}
