import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Finds out which parameters the compared values react to.
struct Reaching {
  /// Seconds that are spent in any case.
  private static let leastBudget = 0.5

  private let runner: Runner
  private let judge: Judge
  private let options: ValidationOptions

  init(_ runner: Runner, _ judge: Judge, _ options: ValidationOptions) {
    (self.runner, self.judge, self.options) = (runner, judge, options)
  }

  /// The verdict with what a pass says nothing of, where it is one.
  ///
  /// A layer that is linear in a parameter shows it wherever what the parameter multiplies is not zero:
  /// a look at the recorded inputs tells, exactly, and without running anything. What that leaves open
  /// is run with the parameter changed, up to the first compared value that is then wrong.
  func reached(
    _ diagnosed: ParityResult, _ model: any Module, _ inputs: [Tensor], _ rebinding: Rebinding?
  ) throws -> ParityResult {
    guard options.reach != .never, diagnosed.passes else { return diagnosed }
    var result = diagnosed
    let clock = Stopwatch()
    let budget =
      options.reach == .always ? .infinity : max(Self.leastBudget, result.seconds.forward)
    let reference = runner.reference
    let shaped = runner.on(reference.reshaped(result.reshapings))
    let study = ReachStudy(
      judge: ReactionJudge(shaped, judge, options.tolerance, result),
      nudge: Nudge(reference, options.tolerance),
      model: model, inputs: inputs, rebinding: rebinding, budget: budget, clock: clock,
      called: Set(result.layers.map(\.path)))
    do {
      result.reach = try study.reach()
    } catch let error as WeighbridgeError {
      result.remarks.append(.reachUnknown(error))
    }
    result.seconds.reach = clock.seconds
    return result
  }
}

/// One model, and what is needed to try its parameters.
struct ReachStudy {
  let judge: ReactionJudge
  let nudge: Nudge
  let model: any Module
  let inputs: [Tensor]
  let rebinding: Rebinding?
  /// Seconds after which no more is tried.
  let budget: Double
  let clock: Stopwatch
  /// The paths that are called.
  let called: Set<ModulePath>

  func reach() throws -> Reach {
    let probe = ReachProbe(judge, nudge, budget: budget)
    _ = try ProbeRun.with(probe) { try model.run(inputs) }
    var pace = Pace(budget: budget, clock: clock)
    var parameters: [Reach.Parameter] = []
    for var entry in probe.entries {
      if !entry.isSettled { runOn(&entry, &pace) }
      parameters.append(verdict(entry))
    }
    guard let rebinding else { return Reach(parameters: parameters, change: nudge.relative) }
    var found = Dictionary(
      parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for request in rebinding.requests
    where request.role.isComputedWith && found[request.name] == nil {
      found[request.name] = rebound(request, rebinding, &pace)
    }
    return Reach(
      parameters: rebinding.requests.compactMap { found[$0.name] }, change: nudge.relative)
  }

  /// Tells when there is no time for another run.
  private struct Pace {
    let budget: Double
    let clock: Stopwatch
    private var longest = 0.0

    init(budget: Double, clock: Stopwatch) { (self.budget, self.clock) = (budget, clock) }

    /// - Returns: `nil` where there is no time left.
    mutating func run(_ body: () throws -> Bool) throws -> Bool? {
      let start = clock.seconds
      guard start + longest < budget else { return nil }
      defer { longest = max(longest, clock.seconds - start) }
      return try body()
    }
  }

  /// Runs the model on from a module with its parameter changed.
  private func runOn(_ entry: inout ReachEntry, _ pace: inout Pace) {
    do {
      for section in entry.openSections {
        let reacts = try pace.run {
          try NudgingProbe.reacts(
            model, inputs, judge, entry.path,
            changed: [entry.parameter.name: nudge.changed(entry.parameter, section)])
        }
        guard let reacts else {
          entry.obstacle = .time
          return
        }
        if reacts { entry.react(section) }
      }
    } catch {
      entry.obstacle = .doesNotRun
    }
  }

  /// Runs the model built with a parameter changed that no module gives out.
  private func rebound(
    _ request: ParameterRequest, _ rebinding: Rebinding, _ pace: inout Pace
  ) -> Reach.Parameter {
    let count = request.shape.elementCount
    func parameter(
      _ standing: Reach.Standing, _ unseen: Int, _ cause: Reach.Cause?
    ) -> Reach.Parameter {
      Reach.Parameter(
        name: request.name, count: count, unseenCount: unseen, standing: standing, cause: cause)
    }
    if let reason = request.deadReason {
      return parameter(.neverApplied, count, .neverApplied(reason))
    }
    guard let tensor = rebinding[request.name] else {
      return parameter(.untried, 0, .untried(.notKept))
    }
    do {
      let reacts = try pace.run {
        let changed = try nudge.changed(request.name, tensor)
        return try NudgingProbe.reacts(
          rebinding.changing([request.name: changed]), inputs, judge, owner(of: request.name))
      }
      guard let reacts else { return parameter(.untried, 0, .untried(.time)) }
      return reacts ? parameter(.seen, 0, nil) : parameter(.unseen, count, unmoved)
    } catch {
      return parameter(.untried, 0, .untried(.doesNotRun))
    }
  }

  /// The innermost module that is called and may compute with a parameter of this name.
  private func owner(of name: String) -> ModulePath {
    var path = ModulePath(name).parent
    while let candidate = path, candidate != .root, !called.contains(candidate) {
      path = candidate.parent
    }
    return path ?? .root
  }

  private var unmoved: Reach.Cause { .unmoved(by: nudge.relative) }

  private func verdict(_ entry: ReachEntry) -> Reach.Parameter {
    let (count, sections) = (entry.parameter.tensor.elementCount, entry.parameter.sections)
    var verdict = Reach.Parameter(
      name: entry.fullName, count: count, unseenCount: 0, standing: .seen, cause: nil)
    if let exposure = entry.exposure, exposure.hiddenCount > 0 {
      (verdict.unseenCount, verdict.cause) = (exposure.hiddenCount, .hidden(exposure.hiding))
      verdict.standing = exposure.isHidden ? .unseen : .partly
      if exposure.isHidden { return verdict }
    }
    if let obstacle = entry.obstacle, !entry.reacts {
      (verdict.standing, verdict.cause) = (.untried, .untried(obstacle))
    } else if !entry.reacts {
      (verdict.standing, verdict.unseenCount, verdict.cause) = (.unseen, count, unmoved)
    } else if !entry.openSections.isEmpty, entry.obstacle == nil {
      let open = entry.openSections.map { sections[$0] }
      verdict.standing = .partly
      verdict.unseenCount = count / sections.count * open.count
      verdict.cause = .rows(open)
    }
    return verdict
  }
}
