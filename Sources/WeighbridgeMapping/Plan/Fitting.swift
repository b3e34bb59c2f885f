import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// One way to see a checkpoint, held against what a model wants.
struct Fit {
  var stateDict: StateDict
  var ledger: Ledger
  var report: MappingReport
}

/// A checkpoint after rules, in every way that wrappers allow.
struct Candidates {
  let checkpoint: any Checkpoint
  let application: RuleApplication
  let stateDicts: [StateDict]

  init(_ checkpoint: any Checkpoint, rules: Rules) throws {
    self.checkpoint = checkpoint
    do {
      application = try rules.apply(to: StateDict(entries: checkpoint.entries))
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path)
    }
    stateDicts = application.stateDict.unwrapped()
  }

  /// The way that fits best: the first that is one to one, else the one with the fewest problems,
  /// where not finding a name counts more than finding one too many.
  ///
  /// - Parameter describe: What the model wants, given optional parameters that are there. It may
  ///   throw for a way that contradicts the configuration.
  /// - Throws: The error of the first way, when no way can be described.
  func best(_ describe: (StateDict, any WeightSource) throws -> Ledger) throws -> Fit {
    var best: Fit?
    var failure: (any Error)?
    for stateDict in stateDicts {
      do {
        let source = CheckpointSource(checkpoint, stateDict)
        let ledger = try describe(stateDict, source)
        let report = MappingReport(ledger, stateDict, skipped: checkpoint.skipped)
        let fit = Fit(stateDict: stateDict, ledger: ledger, report: report)
        if report.isOneToOne { return finished(fit) }
        if fit.penalty < best?.penalty ?? .max { best = fit }
      } catch {
        failure = failure ?? error
      }
    }
    guard let best else { throw failure ?? WeighbridgeError(.mapping, "the checkpoint is empty") }
    // A way that fits badly must not hide a contradiction in one that was meant.
    if let failure, best.report.matched.isEmpty { throw failure }
    return finished(best)
  }

  private func finished(_ fit: Fit) -> Fit {
    var fit = fit
    fit.report.dropped = application.dropped.map { .init(name: $0.name, reason: $0.reason) }
    fit.report.notes += checkpoint.skipped.map { "'\($0.name)' is left out: \($0.reason.clause)" }
    if !fit.report.isOneToOne {
      fit.report.suggest()
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
}
