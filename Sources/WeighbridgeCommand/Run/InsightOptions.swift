import ArgumentParser
import Weighbridge

/// `--profile`, `--explain` and `--eager`: how a model runs.
struct InsightOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Print where the time goes, by operator and by module, and what ran as one.",
      discussion: """
        The model runs once to get warm, and then --runs times, of which the fastest counts. Nothing is \
        probed: it is the run that a program has.
        """))
  var profile = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many runs --profile looks at.", valueName: "n"))
  var runs = 5

  @Flag(
    help: """
      Print for every module what runs it, or which other module's step does its work, and what keeps it \
      from being joined; and the module whose values decide what runs, where one does.
      """)
  var explain = false

  @Flag(help: "Run every module for itself, without joint steps, as a validation looks at them.")
  var eager = false

  /// Whether the run has something to say besides its outputs.
  var isInsight: Bool { profile || explain }

  func validate() throws {
    if !(1...10_000).contains(runs) {
      throw ValidationError("--runs takes a number from 1 to 10000, not \(runs)")
    }
  }
}
