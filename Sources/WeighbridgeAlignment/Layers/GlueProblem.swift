import Synchronization
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeTensors

/// Parameters that a module of several modules computes with between them, such as a class token or a
/// layer scale: the model is run with each assignment, every module in it on recorded results.
struct GlueProblem {
  let path: ModulePath
  let wanted: [Wanted]
  let reference: Reference
  let inputs: [Tensor]

  /// The most runs of the model.
  private static let runs = 128

  /// - Parameter model: The model with some parameters as given.
  func solve(
    _ pool: Pool, model: ([String: Tensor]) throws -> any Module
  ) throws -> Outcome {
    let choices = wanted.map { pool.wholes($0.shape) }
    var assignments: [[String: Filling]] = [[:]]
    for (one, pieces) in zip(wanted, choices) {
      assignments = assignments.flatMap { lead in
        pieces.map { lead.merging([one.name: [$0]]) { $1 } }
      }
      guard assignments.count <= Self.runs else { return .tooMany(assignments.count) }
    }
    assignments = assignments.filter { pool.allows($0.values) }
    guard let first = assignments.first else { return .solved(Solutions(assignments: [])) }
    let tensors = try first.mapValues { try pool.catalog.tensor($0) }
    let judges = try judges(tensors, pool.meter, model)
    var untold: [String: String] = [:]
    for one in wanted where judges[one.name]?.isEmpty ?? true {
      untold[one.name] = "no recorded value depends on it"
    }
    let calls = judges.values.reduce(into: Set<Call>()) { $0.formUnion($1) }
    var tried: [(value: [String: Filling], error: Double)] = []
    for assignment in assignments {
      let errors = try errors(
        model(assignment.mapValues { try pool.catalog.tensor($0) }), pool.meter)
      let told = assignment.filter { untold[$0.key] == nil }
      let worst = calls.map { errors[$0] ?? .infinity }.max() ?? .infinity
      tried.append((told, worst))
    }
    var seen: Set<[String: Filling]> = []
    let accepted = Acceptance.accepted(tried).filter { seen.insert($0).inserted }
    return .solved(Solutions(assignments: accepted.filter { !$0.isEmpty }, untold: untold))
  }

  /// The calls whose results a parameter changes, for each.
  private func judges(
    _ tensors: [String: Tensor], _ meter: Meter, _ model: ([String: Tensor]) throws -> any Module
  ) throws -> [String: Set<Call>] {
    let before = try errors(model(tensors), meter)
    var judges: [String: Set<Call>] = [:]
    for one in wanted {
      guard let tensor = tensors[one.name] else { continue }
      let nudged = try errors(
        model(tensors.merging([one.name: tensor.affine(scale: 1.5, shift: 0.25)]) { $1 }), meter)
      judges[one.name] = Set(
        nudged.filter { call, error in
          guard let other = before[call] else { return false }
          return abs(error - other) > 1e-3 * max(error, other) && max(error, other) > 1e-6
        }.keys)
    }
    return judges
  }

  private func errors(_ model: any Module, _ meter: Meter) throws -> [Call: Double] {
    meter.count()
    let probe = GlueProbe(reference, path)
    _ = try ProbeRun.with(probe) { try model.run(inputs) }
    return probe.errors
  }
}

/// One call of a module.
struct Call: Sendable, Hashable {
  var path: ModulePath
  var index: Int
}

/// Runs one module and what is in it, each on recorded results, and takes every other's results from the
/// recording.
final class GlueProbe: Probe {
  private let reference: Reference
  private let owner: ModulePath
  private let state = Mutex([Call: Double]())

  init(_ reference: Reference, _ owner: ModulePath) {
    self.reference = reference
    self.owner = owner
  }

  /// The relative error of every recorded call within the module.
  var errors: [Call: Double] { state.withLock { $0 } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let path = module.path
    let tensors =
      path == .root
      ? try (0..<reference.outputCount).map { try reference.output($0) }
      : try reference.tensors(path, call: call)
    let recorded = try tensors?.map {
      try ($0.dtype.isFloatingPoint ? $0.converted(to: .float32) : $0).aligned()
    }
    let isWithin = path == owner || owner == .root || path.name.hasPrefix(owner.name + ".")
    let isAround = path == .root || owner.name.hasPrefix(path.name + ".")
    if !isWithin, !isAround, let recorded, let output = try? M.Output(tensors: recorded) {
      return output
    }
    let output = try forward(input)
    guard let recorded, !recorded.isEmpty, recorded.count == output.tensors.count,
      zip(recorded, output.tensors).allSatisfy({ $0.shape == $1.shape && $0.dtype == $1.dtype })
    else { return output }
    if isWithin {
      let error = try OutputError.relative(output.tensors, recorded)
      state.withLock { $0[Call(path: path, index: call)] = error }
    }
    return try output.replacing(recorded)
  }
}
