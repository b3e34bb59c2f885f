import ArgumentParser
import Weighbridge

/// `weighbridge validate`.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Run a model in Swift and hold every layer against what PyTorch recorded.",
    discussion: """
      The reference is a file that tools/record writes. Each layer is judged twice: as the model \
      runs on its own results, and alone, on the recorded results of the layers before it.

      An error passes when it is no larger than float32 rounding explains: PyTorch's own noise \
      where the reference records it, else ours, measured by a float64 run of the same model.

      THE TABLE
        source     wrong by itself
        glue       its children are right, what joins them is wrong
        inherited  right by itself, an earlier error arrives here
        nonfinite  NaN or infinite where the recording is not
        reshaped   right, and recorded under another shape: a warning

        alone      the ratio of the layer on recorded inputs
        in all     its ratio in the whole run
        max|Δ|     the largest difference from recorded values, whole run
        ULP, SNR   the same in float32 steps; signal to noise (with room)

      A ratio is the error over the noise: about 1 for a right layer, too large beyond the limit that \
      the line above the table names. With †, where no noise is known, it is the largest \
      |Δ| / (atol + rtol·|recorded|), and 1 is the limit. `ok ×12` stands for twelve layers in a row, \
      with the figures of the worst, and `inherited ×58` likewise. The headline's "largest error 0.3 of its limit" is the largest \
      share of its own limit that any layer takes.

      CAUSES
      A wrong layer is run again with one thing changed; what puts it right is named. Causes that \
      begin with "recording-" are faults of the recording: values that a later step changed in place, \
      batch statistics or dropout, chance, rows that are masked whole, another module's name. All of \
      them, as "cause" in the JSON:

      \(Cause.Kind.all.map(\.rawValue).joined(separator: ", ")).
      """)

  @OptionGroup var model: ModelOptions

  @Option(help: "The checkpoint. Architectures without weights need none.")
  var weights: String?

  @Option(help: "The recorded inputs, activations and outputs.")
  var reference: String

  @Option(help: "Rules that map the checkpoint's names (YAML).")
  var rules: String?

  @OptionGroup var tolerance: ToleranceOptions

  @Option(help: "When to run the model in float64 too: auto, always or never.")
  var oracle = OracleMode.auto

  @Option(
    help: """
      When a pass also tells which parameters the reference cannot show: auto (as far as one more \
      forward's time goes), always or never.
      """)
  var reach = ReachMode.auto

  @Flag(
    help: ArgumentHelp(
      "Hold every layer against its own rounding, channel by channel, whatever its error.",
      discussion:
        "Otherwise only layers whose error is large for one layer, or beside its neighbours."))
  var ownRounding = false

  @Flag(
    help: "Fail when a recorded activation or a module has no counterpart, or another shape.")
  var requireAll = false

  @Flag(
    help: "Pass without compared outputs, or with less than half of what is recorded compared.")
  var allowPartial = false

  @Option(
    help: ArgumentHelp("Write the verdict as JSON; - for standard output.", valueName: "path"))
  var json: String?

  @Option(help: ArgumentHelp("Write a JUnit report.", valueName: "path"))
  var junit: String?

  @Option(help: ArgumentHelp("Write a report with charts, one file.", valueName: "path"))
  var html: String?

  @Option(
    help: ArgumentHelp(
      "Write a rules file that puts right what is found wrong in the checkpoint.",
      discussion: """
        It begins with the rules of --rules, and is given in their place: validating with it passes \
        when nothing else is wrong. Nothing is written when no such fix is found.
        """,
      valueName: "path"))
  var fixRules: String?

  @OptionGroup(title: "Pictures that inputs/0 is held against") var pictures: PictureOptions

  @Flag(help: "Put the SHA-256 sums of both files into the reports; --html always does.")
  var checksums = false

  @OptionGroup var threads: ThreadsOption

  func run() throws {
    threads.apply()
    try OutputPaths.check(
      [json == "-" ? nil : json, html, junit, fixRules], against: [weights, reference, rules])
    let console = Console(jsonOnly: json == "-")
    var verdict = Verdict(model: model.identifier ?? "auto")
    do {
      try judge(&verdict)
    } catch let error as WeighbridgeError {
      verdict.failure = error
    }
    Console.progress.clear()
    try report(verdict, console)
    if verdict.exitStatus != 0 { throw ExitCode(verdict.exitStatus) }
  }

  private func judge(_ verdict: inout Verdict) throws {
    let reading = Stopwatch()
    let reference = try Reference(path: reference)
    verdict.environment.framework = reference.metadata.framework
    for (role, path) in [("weights", weights), ("reference", reference.path)] {
      guard let path else { continue }
      let sum = checksums || html != nil ? try SHA256Sum.ofFile(path) : nil
      verdict.environment.files.append(.init(role: role, path: path, sha256: sum))
    }
    let plan = try WeightsFile(weights, model, rules: rules).plan(reference: reference.metadata)
    let opened = reading.seconds
    verdict.model = plan.architecture.id
    verdict.configuration = plan.configuration
    verdict.mapping = plan.report
    try refuseOtherModel(plan, reference)
    guard plan.report.isOneToOne else { return }

    do {
      try compare(plan, reference, opened, &verdict)
    } catch {
      try checkUnchanged(plan, reference)
      throw error
    }
    try checkUnchanged(plan, reference)
  }

  /// What was read of a file that changed meanwhile is a mixture, and what went wrong may come of that.
  private func checkUnchanged(_ plan: ImportPlan, _ reference: Reference) throws {
    try plan.checkpoint.checkUnchanged()
    try reference.checkUnchanged()
  }

  private func compare(
    _ plan: ImportPlan, _ reference: Reference, _ opened: Double, _ verdict: inout Verdict
  ) throws {
    let binding = Stopwatch()
    let (network, rebinding) = try plan.bindKeeping()
    let bound = binding.seconds
    var options = ValidationOptions()
    options.tolerance = tolerance.tolerance(completedBy: .pyTorchDefault(.float32, .float32))
    options.oracle = oracle
    options.measuresAll = ownRounding
    options.requiresAll = requireAll
    options.allowsPartial = allowPartial
    options.reach = reach
    let validator = Validator(reference, options: options) { progress in
      Console.progress.show(
        "\(progress.run): \(progress.calls)\(progress.expected.map { " of \($0)" } ?? "") layers")
    }
    var result = try validator.validate(
      network, oracle: { try plan.bind(dtype: .float64) }, rebinding: rebinding)
    result.seconds.read += opened
    result.seconds.bind = bound
    try pictures.check(reference, &result)
    result.otherDifferences += try plan.differencesAlone(on: reference, network)
    verdict.result = result
  }

  /// - Throws: `mapping` when the reference says that another architecture was recorded.
  private func refuseOtherModel(_ plan: ImportPlan, _ reference: Reference) throws {
    let id = plan.architecture.id
    guard let recorded = reference.metadata.model, recorded != id,
      (try? Tool.current.registry.architecture(recorded)) != nil
    else { return }
    throw WeighbridgeError(
      .mapping, "was recorded from \(recorded), and these weights are of \(id)",
      file: reference.path, remedy: "Give the reference that belongs to the weights")
  }

  private func report(_ verdict: Verdict, _ console: Console) throws {
    if let failure = verdict.failure {
      Console.fail(failure.description)
    } else {
      if let mapping = verdict.mapping, let error = mapping.error(file: weights) {
        Console.fail(error.description)
      }
      let descriptor = console.jsonOnly ? Int32(2) : 1
      try console.say(
        TerminalReport(
          width: Terminal.width(descriptor), hasColor: Terminal.hasColor(descriptor)
        ).text(verdict))
    }
    if json == "-" {
      try console.print(json: verdict.json)
    } else if let json {
      try TextFile.write(verdict.json.text(indented: true) + "\n", to: json)
    }
    if let html {
      let report = HTMLReport(verdict, command: CommandText.current)
      try TextFile.write(report.text, to: html)
    }
    if let junit { try TextFile.write(JUnitReport().text(verdict), to: junit) }
    if let fixRules { try writeRules(verdict, to: fixRules, console) }
  }
}

extension ValidateCommand {
  /// Writes the rules that put right what was found, if there are any.
  private func writeRules(_ verdict: Verdict, to path: String, _ console: Console) throws {
    let existing = try rules.map { try Rules.read($0) } ?? verdict.mapping?.shipped ?? Rules()
    var fixed = verdict.result?.fixRules(after: existing, mapping: verdict.mapping) ?? existing
    var rest = ""
    if let mapping = verdict.mapping, !mapping.isOneToOne,
      let repair = repaired(mapping, existing)
    {
      fixed = repair.rules
      rest = repair.isOneToOne ? "" : "; not all names and shapes fit then"
    }
    let words: String
    if fixed.rules.count > existing.rules.count {
      try TextFile.write(fixed.yaml, to: path)
      words = "wrote \(path): give it as --rules\(rest)"
    } else {
      words = "no rules were found that would put it right; \(path) was not written"
    }
    try console.say(words)
  }
}

extension ValidateCommand {
  /// The rules that make what was probably meant of names and shapes; `nil` where they do not help.
  private func repaired(
    _ report: MappingReport, _ existing: Rules
  ) -> (rules: Rules, isOneToOne: Bool)? {
    guard !report.suggestions.isEmpty else { return nil }
    let rules = Rules(existing.rules + report.suggestions.map(\.rule))
    let recorded = try? Reference(path: reference).metadata
    guard
      let plan = try? WeightsFile(weights, model, applying: rules).plan(reference: recorded)
    else { return nil }
    let before = report.missing.count + report.mismatched.count
    let after = plan.report.missing.count + plan.report.mismatched.count
    guard plan.report.isOneToOne || after < before else { return nil }
    return (rules, plan.report.isOneToOne)
  }
}

extension OracleMode: ExpressibleByArgument {}
extension ReachMode: ExpressibleByArgument {}
