import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge validate`.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Run a model in Swift and hold every layer against what PyTorch recorded.",
    discussion: """
      The reference is a file that weighbridge-record writes. Each layer is judged twice: as the model \
      runs on its own results, end to end, and isolated, on the recorded results of the layers before it.

      An error passes when it is no larger than float32 rounding explains: PyTorch's own noise \
      where the reference records it, else ours, measured by a float64 run of the same model.

      THE TABLE
      \(Glossary.statuses)

        isolated    the ratio of the layer on recorded inputs
        end to end  its ratio in the whole run
        max|Δ|      the largest difference from recorded values, whole run
        ULP, SNR    the same in float32 steps; signal to noise (with room)

      A ratio is the error over the noise: about 1 for a right layer, too large beyond the limit that \
      the line above the table names. With †, where no noise is known, it is the largest \
      |Δ| / (atol + rtol·|recorded|), and 1 is the limit. `ok ×12` stands for twelve layers in a row, \
      with the figures of the worst, and `inherited ×58` likewise. The headline's "largest error 0.3 of \
      its limit" is the largest share of its own limit that any layer takes.

      The row `production` is the model as a program runs it: unprobed, with layers fused. `unseen` names \
      parameters to which no compared value reacts: they could be anything. `unused` ones are loaded, and \
      no output depends on them.

      EXAMPLES
        \(Tool.name) validate --weights vit.npz --reference vit_reference.npz
        \(Tool.name) validate --weights vit.npz --reference vit_reference.npz --model vit \
      --config heads=8
        \(Tool.name) validate --weights net.pth --reference net_reference.npz --html report.html
        \(Tool.name) validate --weights net.npz --reference net_reference.npz --fix-rules fixed.yaml
        \(Tool.name) validate --weights net.npz --reference net_reference.npz --json - | jq .verdict

      CAUSES
      A wrong layer is run again with one thing changed; what puts it right is named. Causes that \
      begin with "recording-" are faults of the recording: values that a later step changed in place, \
      batch statistics or dropout, chance, rows that are masked whole, another module's name. All of \
      them, as "cause" in the JSON:

      \(Cause.Kind.all.map(\.rawValue).joined(separator: ", ")).
      """)

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      "The checkpoint. Architectures without weights need none.", valueName: "file"),
    completion: .files)
  var weights: String?

  @Option(
    help: ArgumentHelp("The recorded inputs, activations and outputs.", valueName: "file"),
    completion: .files)
  var reference: String

  @Option(
    help: ArgumentHelp(
      "With --model recorded: another reference, which holds the network.", valueName: "file"))
  var network: String?

  @OptionGroup var rules: RulesOption

  @OptionGroup var tolerance: ToleranceOptions

  @Option(
    help: ArgumentHelp(
      "When to run the model in float64 too: auto, always or never.", valueName: "when"),
    completion: .list(["auto", "always", "never"]))
  var oracle = OracleMode.auto

  @Option(
    help: ArgumentHelp(
      """
      When a pass also tells which parameters the reference cannot show: auto (as far as one more \
      forward's time goes), always or never.
      """, valueName: "when"),
    completion: .list(["auto", "always", "never"]))
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
    help: ArgumentHelp("Write the verdict as JSON; - for standard output.", valueName: "file"),
    completion: .files)
  var json: String?

  @Option(help: ArgumentHelp("Write a JUnit report.", valueName: "file"), completion: .files)
  var junit: String?

  @Option(
    help: ArgumentHelp("Write a report with charts, one file.", valueName: "file"),
    completion: .files)
  var html: String?

  @Option(
    help: ArgumentHelp(
      "Write a rules file that puts right what is found wrong in the checkpoint.",
      discussion: """
        It begins with the rules of --rules, and is given in their place: validating with it passes \
        when nothing else is wrong. Nothing is written when no such fix is found.
        """,
      valueName: "file"), completion: .files)
  var fixRules: String?

  @OptionGroup(title: "Pictures that inputs/0 is held against") var pictures: PictureOptions

  @Flag(help: "Put the SHA-256 sums of both files into the reports; --html always does.")
  var checksums = false

  @OptionGroup var threads: ThreadsOption

  func run() throws {
    threads.apply()
    try OutputPaths.check(
      [json == "-" ? nil : json, html, junit, fixRules], against: [weights, reference, rules.rules])
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
    let plan = try WeightsFile(
      weights, model, rules: rules.rules, recording: network ?? reference.path
    )
    .plan(reference: reference.metadata)
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
    // A picture that cannot be read is said before there is anything to wait for.
    let picture = try pictures.finding(reference)
    let binding = Stopwatch()
    let (module, rebinding) = try plan.bindKeeping()
    let bound = binding.seconds
    var options = ValidationOptions()
    options.tolerance = tolerance.tolerance(completedBy: .pyTorchDefault(.float32, .float32))
    options.oracle = oracle
    options.measuresAll = ownRounding
    options.requiresAll = requireAll
    options.allowsPartial = allowPartial
    options.reach = reach
    options.forwardIsRecorded =
      network == nil && plan.architecture.id == AnyArchitecture.recordedID
    let validator = Validator(reference, options: options) { progress in
      Console.progress.show(
        "\(progress.run): \(progress.calls)\(progress.expected.map { " of \($0)" } ?? "") layers")
    }
    var result = try validator.validate(
      module, oracle: { try plan.bind(dtype: .float64) }, rebinding: rebinding)
    result.seconds.read += opened
    result.seconds.bind = bound
    if let note = picture?.note { result.remarks.append(.said(note)) }
    if let difference = picture?.difference { result.otherDifferences.append(difference) }
    result.otherDifferences += try plan.differencesAlone(on: reference, module)
    verdict.result = result
  }

  /// - Throws: `mapping` when the reference says that another architecture was recorded.
  private func refuseOtherModel(_ plan: ImportPlan, _ reference: Reference) throws {
    let id = plan.architecture.id
    guard let recorded = reference.metadata.model, recorded != id,
      id != AnyArchitecture.recordedID,
      (try? Tool.current.registry.architecture(recorded)) != nil
    else { return }
    throw WeighbridgeError(
      .mapping, "was recorded from \(recorded), and these weights are of \(id)",
      file: reference.path, remedy: "Give the reference that belongs to the weights")
  }

  /// The verdict behind what all commands' documents begin with.
  private func document(_ verdict: Verdict) -> JSONDocument {
    .answer(
      of: "validate", status: verdict.exitStatus, error: verdict.failure?.description,
      verdict.json.objectMembers)
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
      try console.print(json: document(verdict))
    } else if let json {
      try TextFile.write(document(verdict).text(indented: true) + "\n", to: json)
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
    let existing =
      rules.rules == nil ? verdict.mapping?.shipped ?? Rules() : try rules.read()
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
      words =
        verdict.passes
        ? "nothing is wrong, so no rules are needed; \(path) was not written"
        : "no rules were found that would put it right; \(path) was not written"
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
      let plan = try? WeightsFile(weights, model, applying: rules, recording: network ?? reference)
        .plan(reference: recorded)
    else { return nil }
    let before = report.missing.count + report.mismatched.count
    let after = plan.report.missing.count + plan.report.mismatched.count
    guard plan.report.isOneToOne || after < before else { return nil }
    return (rules, plan.report.isOneToOne)
  }
}

extension OracleMode: ExpressibleByArgument {}
extension ReachMode: ExpressibleByArgument {}
