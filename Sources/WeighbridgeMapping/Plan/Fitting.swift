import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// One way to see a checkpoint, held against what a model wants.
struct Fit {
  var view: StateDictView
  var stateDict: StateDict
  var ledger: Ledger
  var report: MappingReport
}

/// A checkpoint after rules, in every way that wrappers allow.
struct Candidates {
  private static let alignments = 4
  let checkpoint: any Checkpoint
  let application: RuleApplication
  let views: [StateDictView]
  /// The state dict of each view.
  let stateDicts: [StateDict]

  /// - Parameter root: What `--root` names; only what stands under it is looked at.
  /// - Throws: `mapping` when a rule does not fit, or nothing stands under `root`.
  init(_ checkpoint: any Checkpoint, rules: Rules, root: String? = nil) throws {
    self.checkpoint = checkpoint
    do {
      application = try rules.apply(to: StateDict(checkpoint))
      var view = StateDictView(application.stateDict)
      if let root { view = try view.chosen(root) }
      views = (view.readingForms()?.unwrapped() ?? []) + view.unwrapped()
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path)
    }
    stateDicts = views.map(\.stateDict)
  }

  /// The way that is meant. Where a way has every tensor that the model asks for, it is that one:
  /// the outer one of two that stand one inside the other, so that exact names always win. Where none
  /// is complete, it is the one with the fewest problems; not finding a name counts more than finding
  /// one too many.
  ///
  /// - Parameter describe: What the model wants, given optional parameters that are there. It may
  ///   throw for a way that contradicts the configuration.
  /// - Throws: `mapping` when two ways are complete and neither stands inside the other; the error of
  ///   the first way, when no way can be described.
  func best(_ describe: (StateDict, any WeightSource) throws -> Ledger) throws -> Fit {
    var fits: [Fit] = []
    var failure: (any Error)?
    for (view, stateDict) in zip(views, stateDicts) {
      do {
        var (view, stateDict) = (view, stateDict)
        var ledger = try describe(stateDict, CheckpointSource(checkpoint, stateDict))
        // What is renamed may show what else the model has.
        for _ in 0..<Candidates.alignments {
          guard let aligned = view.aligned(to: ledger) else { break }
          (view, stateDict) = (aligned, aligned.stateDict)
          ledger = try describe(stateDict, CheckpointSource(checkpoint, stateDict))
        }
        var report = MappingReport(ledger, stateDict, skipped: checkpoint.skipped)
        report.setAsideAliases(checkpoint.aliases)
        report.addClashes(view, ledger)
        let fit = Fit(view: view, stateDict: stateDict, ledger: ledger, report: report)
        // Every tensor of the file is used: there is no other way.
        if report.isOneToOne, view.beside.isEmpty { return finished(fit, among: []) }
        fits.append(fit)
      } catch {
        failure = failure ?? error
      }
    }
    if let complete = try Candidates.outermost(fits, file: checkpoint.path) {
      return finished(complete, among: fits)
    }
    guard let best = fits.min(by: { $0.penalty < $1.penalty }) else {
      throw failure ?? WeighbridgeError(.mapping, "the checkpoint is empty")
    }
    // A way that fits badly must not hide a contradiction in one that was meant.
    if let failure, best.report.matched.isEmpty { throw failure }
    return finished(best, among: [])
  }

  /// The one complete way that no other one encloses; `nil` where none is complete.
  ///
  /// - Throws: `mapping`, listing them, where there are several.
  private static func outermost(_ fits: [Fit], file: String) throws -> Fit? {
    var found: [Fit] = []
    for fit in fits where fit.isComplete {
      // The same tensors, seen twice: the way that leaves less unexplained.
      if let same = found.firstIndex(where: { $0.used == fit.used }) {
        if fit.report.unexpected.count < found[same].report.unexpected.count { found[same] = fit }
      } else {
        found.append(fit)
      }
    }
    let outer = found.enumerated().filter { index, fit in
      !found.enumerated().contains { other, rival in
        other != index && rival.view.encloses(fit.view)
          && (rival.view.root != fit.view.root || other < index)
      }
    }.map(\.element)
    guard outer.count > 1 else { return outer.first }
    let names = outer.map(\.view.rootName)
    let listed = zip(names, outer).map { "under '\($0)' (\($1.report.matched.count) tensors)" }
    throw WeighbridgeError(
      .mapping,
      "holds \(outer.count) complete copies of the model: \(listed.joined(separator: ", "))",
      file: file,
      remedy: "Say which is meant: "
        + names.map { Setting.root($0).description }.joined(separator: " or "))
  }

  private func finished(_ fit: Fit, among others: [Fit]) -> Fit {
    var fit = fit
    fit.setAsideCopies(others)
    if !fit.view.root.isEmpty { fit.report.root = fit.view.rootName }
    fit.report.dropped = application.dropped.map { .init(name: $0.name, reason: $0.reason) }
    fit.report.notes += fit.ledger.remarks + checkpoint.remarks
    fit.report.notes += checkpoint.skipped.map { "'\($0.name)' is left out: \($0.reason.clause)" }
    fit.report.computed = fit.view.computed ?? []
    fit.report.dialect = fit.view.dialect
    fit.report.judgeLayouts(fit.ledger, fit.stateDict)
    fit.report.ask(fit.view.questions)
    if !fit.report.isOneToOne {
      let told = fit.view.dialect.isEmpty ? [] : fit.report.suggestByOrder()
      fit.report.suggest(besides: told)
      fit.report.restateSuggestions(fit.stateDict)
      fit.report.nameParts()
      fit.report.suggestDroppingCopies(CheckpointSource(checkpoint, fit.stateDict))
    }
    return fit
  }
}

extension Fit {
  fileprivate var penalty: Int {
    2 * report.missing.count + 2 * report.mismatched.count + report.unexpected.count
      + report.collisions.count
  }

  /// Whether everything that the model asks for is there, and there is something.
  fileprivate var isComplete: Bool {
    !report.matched.isEmpty && report.missing.isEmpty && report.mismatched.isEmpty
      && report.collisions.isEmpty
  }

  /// The file's entries that the parameters are made of.
  fileprivate var used: Set<String> { Set(report.matched.map(\.source)) }

  /// Takes what belongs to other copies of the model out of the unexpected tensors, and says so. A
  /// copy is what has at least half of the parameters, or nothing else, under a wrapper's name.
  fileprivate mutating func setAsideCopies(_ others: [Fit]) {
    let mine = used
    for other in others where other.view.root != view.root {
      let inner = view.encloses(other.view)
      guard let lead = other.view.root.dropFirst(inner ? view.root.count : 0).first else {
        continue
      }
      let theirs = other.used.subtracting(mine)
      let extras = other.view.inside.count - other.report.matched.count
      guard !theirs.isEmpty, 2 * theirs.count >= report.matched.count || extras == 0 else {
        continue
      }
      let copied = report.unexpected.filter { tensor in
        guard Wrappers.divided(tensor.name)?.lead == lead[...] else { return false }
        // Beside the copy's tensors, its counters: `ema.num_updates`, `ema.decay`.
        return theirs.contains(tensor.source) || tensor.shape.rank == 0
      }
      let sources = Set(copied.map(\.source))
      report.unexpected.removeAll { sources.contains($0.source) }
      guard !report.copies.contains(where: { $0.root == other.view.rootName }) else { continue }
      report.copies.append(.init(root: other.view.rootName, count: theirs.count))
    }
    for copy in report.copies {
      let taken = view.root.isEmpty ? "the file's own names are" : "'\(view.rootName)' is"
      report.notes.append(
        "\(taken) taken; another copy stands under '\(copy.root)' (\(copy.count.entries)) and is left "
          + "out: \(Setting.root(copy.root)) takes that")
    }
  }
}

extension MappingReport {
  /// Lists parameters that stand beside the wrapper under their exact names, too.
  fileprivate mutating func addClashes(_ view: StateDictView, _ ledger: Ledger) {
    guard !view.beside.isEmpty else { return }
    let asked = Dictionary(matched.map { ($0.parameter, $0.source) }) { first, _ in first }
    for tensor in view.beside {
      guard let source = asked[tensor.name], source != tensor.source else { continue }
      collisions.append(Collision(name: tensor.name, sources: [tensor.source, source]))
    }
  }
}
