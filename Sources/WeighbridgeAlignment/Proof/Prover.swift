import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeTensors

/// Decides parameters by running layers alone on recorded inputs.
///
/// Every layer whose input and output are recorded is tried with the tensors that fit its shapes. What
/// gives the recorded output is right, the others are refuted; where several give it, what other layers
/// have is out of the question, and what then still is left open stays open.
struct Prover {
  /// Why a parameter has what it has.
  enum Ground: Sendable, Hashable {
    /// Its layer gives the recorded output with this and with nothing else of the file.
    case alone
    /// Its layer gives the recorded output with this and with others that other layers have.
    case othersTaken
  }

  let catalog: SourceCatalog
  let demand: Demand
  private(set) var pool: Pool
  private(set) var decided: [String: (filling: Filling, ground: Ground)] = [:]
  /// Why the others are open.
  private(set) var open: [String: OpenReason] = [:]
  private var waiting: [any LayerProblem] = []
  private var found: [Found] = []
  private var known: [String: Tensor] = [:]
  private let reference: Reference
  private let build: (WeightScope) throws -> any Module
  private let meter: Meter

  /// What came of one layer, less what other layers have by now.
  private struct Found {
    var path: ModulePath
    var wanted: [Wanted]
    var solutions: Solutions
    /// Whether nothing has been taken out.
    var isWhole = true
  }

  /// The most times that a model is run to get at layers behind what was open.
  private static let passes = 12

  init(
    _ catalog: SourceCatalog, _ demand: Demand, _ reference: Reference,
    build: @escaping (WeightScope) throws -> any Module, meter: Meter = Meter()
  ) {
    self.catalog = catalog
    self.demand = demand
    self.reference = reference
    self.build = build
    self.meter = meter
    pool = Pool(catalog, meter)
  }

  /// - Throws: What building and running the model and reading tensors throw.
  mutating func run() throws {
    let inputs = try reference.inputs()
    var previous = -1
    for _ in 0..<Prover.passes where decided.count > previous && decided.count < demand.wanted.count
    {
      previous = decided.count
      meter.begin(.running, done: found.count, of: found.count)
      let probe = CaptureProbe(reference, demand, decided: Set(decided.keys), meter)
      _ = try ProbeRun.with(probe) { try model().run(inputs) }
      // A layer that has been solved is not solved again: its own tensors are no longer free.
      let solved = Set(found.map(\.path))
      waiting = probe.problems.filter { !solved.contains($0.path) }
      note(probe)
      try solveAll()
      try solveGlue(inputs, called: probe.called, blocked: probe.blocked)
    }
  }

  /// The model as far as it is known.
  func model(changing changed: [String: Tensor] = [:]) throws -> any Module {
    let source = PartialWeights(
      requests: Set(demand.requests.filter { !$0.isTolerated }.map(\.name)),
      known: known.merging(changed) { $1 })
    return try WeightScope.bind(source) { scope -> any Module in try build(scope) }
  }

  // MARK: Layers

  private mutating func solveAll() throws {
    // What is cheap first: it leaves fewer ways for what is costly.
    let total = found.count + waiting.count
    waiting = waiting.filter { !$0.isCostly } + waiting.filter(\.isCostly)
    var isChanging = true
    while isChanging, !waiting.isEmpty {
      isChanging = false
      var later: [any LayerProblem] = []
      for problem in waiting {
        meter.begin(.layers, problem.path, done: found.count, of: total)
        switch try problem.solve(pool) {
        case .tooMany(let count):
          later.append(problem)
          explain(problem.wanted, .tooMany(count))
        case .solved(let solutions):
          isChanging = take(problem.path, problem.wanted, solutions) || isChanging
        }
      }
      waiting = later
    }
    explainRest()
  }

  private mutating func take(
    _ path: ModulePath, _ wanted: [Wanted], _ solutions: Solutions
  ) -> Bool {
    for (name, reason) in solutions.untold { open[name] = .untold(reason) }
    found.append(Found(path: path, wanted: wanted, solutions: solutions))
    return propagate()
  }

  /// Takes out what other layers have, as long as that decides anything.
  private mutating func propagate() -> Bool {
    var changedAny = false
    var isChanging = true
    while isChanging {
      isChanging = false
      for index in found.indices where settle(index) { (isChanging, changedAny) = (true, true) }
    }
    return changedAny
  }

  /// Decides what all remaining assignments of a layer agree on.
  private mutating func settle(_ index: Int) -> Bool {
    let one = found[index]
    let undecided = one.wanted.filter {
      decided[$0.name] == nil && one.solutions.untold[$0.name] == nil
    }
    guard !undecided.isEmpty, !one.solutions.assignments.isEmpty else { return false }
    let left = one.solutions.assignments.filter { assignment in
      let own = assignment.filter { decided[$0.key] == nil }
      return pool.allows(own.values)
        && assignment.allSatisfy { decided[$0.key].map { $0.filling } ?? $0.value == $0.value }
    }
    if left.count != one.solutions.assignments.count {
      found[index].solutions.assignments = left
      found[index].isWhole = false
    }
    guard let first = left.first else { return false }
    let ground: Ground = found[index].isWhole ? .alone : .othersTaken
    var isNew = false
    for wanted in undecided {
      guard let filling = first[wanted.name], left.allSatisfy({ $0[wanted.name] == filling }),
        let tensor = try? catalog.tensor(filling), pool.take(filling)
      else { continue }
      decided[wanted.name] = (filling, ground)
      open[wanted.name] = nil
      known[wanted.name] = tensor
      isNew = true
    }
    return isNew
  }

  private mutating func explain(_ wanted: [Wanted], _ reason: OpenReason) {
    for one in wanted where decided[one.name] == nil { open[one.name] = reason }
  }

  private mutating func explainRest() {
    for one in found {
      let told = one.wanted.filter { one.solutions.untold[$0.name] == nil }
      let count = one.solutions.assignments.count
      guard count == 0 else {
        explain(told, .several(count, one.path))
        continue
      }
      let left = told.filter { decided[$0.name] == nil }
      let isUnmatched = left.contains {
        pool.wholes($0.shape).isEmpty && pool.parts($0.shape).isEmpty
      }
      explain(left, isUnmatched ? .unmatched(one.path) : .refuted(one.path))
    }
  }

  private mutating func note(_ probe: CaptureProbe) {
    let called = Set(probe.called)
    for wanted in demand.wanted where decided[wanted.name] == nil {
      let owner = ModulePath(wanted.name).parent ?? .root
      if probe.blocked.contains(owner) {
        open[wanted.name] = .notRecorded(owner)
      } else if !called.contains(owner) {
        open[wanted.name] = .notCalled(owner)
      }
    }
  }

  // MARK: What joins modules

  /// Parameters that a module of several modules computes with itself.
  private mutating func solveGlue(
    _ inputs: [Tensor], called: [ModulePath], blocked: Set<ModulePath>
  ) throws {
    let layers = Set(found.flatMap { $0.wanted.map(\.name) })
    var owners: Set<ModulePath> = []
    for path in called where owners.insert(path).inserted && !blocked.contains(path) {
      let wanted = (demand.byOwner[path] ?? []).filter {
        decided[$0.name] == nil && !layers.contains($0.name)
      }
      guard !wanted.isEmpty else { continue }
      meter.begin(.between, path, done: found.count, of: found.count)
      let problem = GlueProblem(path: path, wanted: wanted, reference: reference, inputs: inputs)
      switch try problem.solve(pool, model: { try model(changing: $0) }) {
      case .tooMany(let count): explain(wanted, .tooMany(count))
      case .solved(let solutions): _ = take(path, wanted, solutions)
      }
    }
    explainRest()
  }
}
