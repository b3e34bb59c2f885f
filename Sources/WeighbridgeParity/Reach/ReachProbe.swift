import Synchronization
import WeighbridgeModules
import WeighbridgeRunning

/// What was found out of one parameter.
struct ReachEntry: Sendable {
  let path: ModulePath
  let parameter: ModuleParameter
  /// Which of its sections compared values react to.
  var seenSections: Set<Int> = []
  /// What is known without running anything.
  var exposure: Exposure?
  /// Whether a compared value reacts to it.
  var reacts = false
  /// Whether the model was run with it changed.
  var isByRun = false
  /// Why it could not be found out.
  var obstacle: Reach.Obstacle?

  var fullName: String { (path / parameter.name).name }

  /// Whether nothing is left to find out by running the model with it changed.
  var isSettled: Bool {
    if let exposure, exposure.isHidden { return true }
    return openSections.isEmpty
  }

  /// The parts to which nothing reacts so far; the parameter itself is section 0 where it is one.
  var openSections: [Int] {
    let sections = parameter.sections
    if sections.isEmpty { return reacts ? [] : [0] }
    return sections.indices.filter { !seenSections.contains($0) }
  }

  mutating func react(_ section: Int) {
    reacts = true
    seenSections.insert(section)
  }
}

extension Nudge {
  /// The parameter with one of its sections changed.
  func changed(_ parameter: ModuleParameter, _ section: Int) throws -> Tensor {
    let count = parameter.sections.count
    return try changed(
      parameter.name, parameter.tensor, section: count == 0 ? nil : (section, count))
  }
}

/// Runs the model on recorded results, without computing what is recorded of layers, and looks at what
/// every module with parameters is given: which of their values its result shows.
final class ReachProbe: Probe {
  private let judge: ReactionJudge
  private let nudge: Nudge
  /// Seconds after which no more is tried.
  private let budget: Double
  private let clock = Stopwatch()
  private let state = Mutex((entries: [ReachEntry](), index: [String: Int]()))

  init(_ judge: ReactionJudge, _ nudge: Nudge, budget: Double) {
    (self.judge, self.nudge, self.budget) = (judge, nudge, budget)
  }

  /// In the order in which their modules were called first.
  var entries: [ReachEntry] { state.withLock { $0.entries } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    if let module = module as? any ParameterizedModule {
      try examine(module, call, input)
    }
    if let recorded = try judge.standIn(module.path, call),
      let output: M.Output = try Substitution.standIn(recorded)
    {
      return output
    }
    return try forward(input)
  }

  private func examine(
    _ module: any ParameterizedModule, _ call: Int, _ input: any TensorBundle
  ) throws {
    let parameters = module.parameters
    var entries = parameters.map { entry(module.path, $0) }
    guard entries.contains(where: { !$0.isSettled || $0.exposure?.hiddenCount ?? 0 > 0 }) else {
      return
    }
    let exposures = try Exposure.of(module, input) ?? [:]
    let limit = judge.limit(module.path, call)
    for (index, parameter) in parameters.enumerated() {
      if let found = exposures[parameter.name] {
        if entries[index].exposure?.join(found) == nil { entries[index].exposure = found }
      }
      guard !entries[index].isSettled, let limit else { continue }
      if let gain = exposures[parameter.name]?.gain,
        gain * (try nudge.amount(parameter.name, parameter.tensor)) > 16 * limit
      {
        entries[index].reacts = true
      } else if judge.layer(module.path, call)?.isLeaf == true, clock.seconds < budget {
        try run(module, call, input, parameter, &entries[index])
      }
    }
    let known = entries
    state.withLock { state in
      for entry in known {
        if let index = state.index[entry.fullName] { state.entries[index] = entry }
      }
    }
  }

  /// Runs a layer with a parameter changed, section by section.
  private func run(
    _ module: any ParameterizedModule, _ call: Int, _ input: any TensorBundle,
    _ parameter: ModuleParameter, _ entry: inout ReachEntry
  ) throws {
    for section in entry.openSections {
      let changed = try nudge.changed(parameter, section)
      let output = try ProbeRun.without {
        try NudgingProbe.forward(module.replacing([parameter.name: changed]), input)
      }
      if try judge.fails(output.tensors, module.path, call) { entry.react(section) }
    }
  }

  /// What is known of a parameter so far.
  private func entry(_ path: ModulePath, _ parameter: ModuleParameter) -> ReachEntry {
    state.withLock { state in
      let new = ReachEntry(path: path, parameter: parameter)
      if let index = state.index[new.fullName] { return state.entries[index] }
      state.index[new.fullName] = state.entries.count
      state.entries.append(new)
      return new
    }
  }
}
