import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Finds out which parameters the compared values react to.
struct Reaching {
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
      options.reach == .always ? .infinity : max(options.reachSeconds, result.seconds.forward)
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
    var entries = probe.entries
    let open = entries.indices.filter { !entries[$0].isSettled }
    if reactsToAll(open.map { entries[$0] }) {
      for index in Self.spread(open) { runOn(&entries[index], &pace) }
    } else {
      for index in open { entries[index].isByRun = true }
    }
    let parameters = entries.map { verdict($0) }
    let isDecided = try judge.comparesDecisions()
    guard let rebinding else {
      return Reach(parameters: parameters, change: nudge.relative, isDecided: isDecided)
    }
    var found = Dictionary(
      parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let others = rebinding.requests.filter { $0.role.isComputedWith && found[$0.name] == nil }
    for request in Self.spread(others) { found[request.name] = rebound(request, rebinding, &pace) }
    return Reach(
      parameters: rebinding.requests.compactMap { found[$0.name] }, change: nudge.relative,
      isDecided: isDecided)
  }

  /// The items in an order in which any first few of them come from all over: by their indices' bits,
  /// the last one first (van der Corput).
  static func spread<T>(_ items: [T]) -> [T] {
    let width = UInt64.bitWidth - max(0, items.count - 1).leadingZeroBitCount
    return (0..<UInt64(1) << width).compactMap { index in
      var (reversed, rest) = (UInt64(0), index)
      for _ in 0..<width { (reversed, rest) = (reversed << 1 | rest & 1, rest >> 1) }
      return reversed < items.count ? items[Int(reversed)] : nil
    }
  }

  /// Whether a compared value reacts where all of these are changed at once: if not, to none of them, and
  /// one run has shown it.
  private func reactsToAll(_ open: [ReachEntry]) -> Bool {
    guard open.count > 1 else { return true }
    let grouped = Dictionary(grouping: open, by: \.path)
    let nudge = nudge
    do {
      return try NudgingProbe.reacts(model, inputs, judge, Set(grouped.keys)) { path in
        var changed: [String: Tensor] = [:]
        for entry in grouped[path] ?? [] {
          changed[entry.parameter.name] = try entry.openSections.reduce(entry.parameter.tensor) {
            var parameter = entry.parameter
            parameter.tensor = $0
            return try nudge.changed(parameter, $1)
          }
        }
        return changed
      }
    } catch {
      // One by one they may run.
      return true
    }
  }

  /// Tells whether another run is due: as long as there is time, and beyond it until a sample of the
  /// parameters tells, a larger one where most of them are not seen.
  private struct Pace {
    /// How many runs are made in any case.
    private static let least = Reach.leastSample
    /// How many where compared values do not react to most of what was changed.
    private static let leastUnseen = 32
    /// How many times as long as there is time for that may take at most.
    private static let patience = 3.0

    let budget: Double
    let clock: Stopwatch
    private var longest = 0.0
    private var (runs, unseen) = (0, 0)

    init(budget: Double, clock: Stopwatch) { (self.budget, self.clock) = (budget, clock) }

    private var isDue: Bool {
      let isTelling = runs >= (2 * unseen > runs ? Self.leastUnseen : Self.least)
      return clock.seconds + longest < (isTelling ? budget : Self.patience * max(budget, longest))
    }

    /// - Returns: Whether a compared value reacts; `nil` where enough was run.
    mutating func run(_ body: () throws -> Bool) throws -> Bool? {
      guard isDue else { return nil }
      let start = clock.seconds
      defer { longest = max(longest, clock.seconds - start) }
      runs += 1
      let reacts = try body()
      if !reacts { unseen += 1 }
      return reacts
    }
  }

  /// Runs the model on from a module with its parameter changed.
  private func runOn(_ entry: inout ReachEntry, _ pace: inout Pace) {
    do {
      for section in entry.openSections {
        let (parameter, nudge) = (entry.parameter, nudge)
        let reacts = try pace.run {
          try NudgingProbe.reacts(model, inputs, judge, [entry.path]) { _ in
            [parameter.name: try nudge.changed(parameter, section)]
          }
        }
        guard let reacts else {
          entry.obstacle = .time
          return
        }
        entry.isByRun = true
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
        name: request.name, count: count, unseenCount: unseen, standing: standing, cause: cause,
        isByRun: standing == .seen || standing == .unseen)
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
          rebinding.changing([request.name: changed]), inputs, judge, [owner(of: request.name)])
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
      name: entry.fullName, count: count, unseenCount: 0, standing: .seen, cause: nil,
      isByRun: entry.isByRun)
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
