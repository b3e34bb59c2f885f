import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge run`.
struct RunCommand: JSONCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a model on pictures, or on arrays from a file.",
    discussion: """
      Of pictures the likeliest classes are printed. Arrays are inputs/0, inputs/1 … of the file, or all \
      of its arrays in order. The outputs \
      are outputs/0 …; with --activations the file is a whole reference, as weighbridge-record writes it. \
      Its extension says the format: \(CheckpointFormat.writtenExtensions).

      EXAMPLES
        \(Tool.name) run --weights net.safetensors --input images.npz --output logits.npz
        \(Tool.name) run --weights net.safetensors --image cat.jpg --classes labels.txt \
      --transform resize=256,crop=224,normalize=imagenet
        \(Tool.name) run --weights digits.npz --input test.npz --labels labels --output logits.npz
        \(Tool.name) run --weights net.npz --input images.npz --output all.npz --activations
        \(Tool.name) run --weights net.npz --input images.npz --profile
        \(Tool.name) run --weights net.npz --input images.npz --profile --eager --json
        \(Tool.name) run --model recorded --weights net.pth --input net_reference.npz --explain
      """)

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      "The checkpoint. Architectures without weights need none.", valueName: "file"),
    completion: .files)
  var weights: String?

  @OptionGroup var rules: RulesOption

  @Option(
    help: ArgumentHelp("The inputs: \(CheckpointFormat.titles()).", valueName: "file"),
    completion: .files)
  var input: String?

  @OptionGroup var pictures: PictureOptions

  @Option(
    help: ArgumentHelp(
      "The names of the classes, one per line, printed with --image.", valueName: "file"),
    completion: .files)
  var classes: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many classes are printed with --image.", valueName: "n"))
  var top = 5

  @Option(
    help: ArgumentHelp(
      """
      Where the outputs go; needed with --input, but for --profile and --explain. An existing file is \
      replaced.
      """,
      valueName: "file"), completion: .files)
  var output: String?

  @Flag(help: "Also write what every module returned, and the inputs.")
  var activations = false

  @Option(
    help: ArgumentHelp(
      """
      An entry of the input file with each sample's class: prints how often the largest value of \
      output 0 stands there.
      """, valueName: "name"))
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "An entry with another program's predictions, scored beside ours.", valueName: "name"))
  var predictions: String?

  @Option(
    help: ArgumentHelp(
      "With --model recorded: the reference that holds the network; without it, the input file does.",
      valueName: "file"))
  var reference: String?

  @OptionGroup var insight: InsightOptions

  @OptionGroup var threads: ThreadsOption

  @OptionGroup var json: JSONFlag

  func run() throws {
    threads.apply()
    let format = try output.map { try CheckpointFormat(writing: $0) }
    try checkOptions()
    let best = try BestClasses(names: classes, count: top)
    let inputs = try RunInputs(input, pictures)
    let scored = try labels.map { try Accuracy.classes($0, of: inputs.path) }
    let others = try predictions.map { try Accuracy.classes($0, of: inputs.path) }
    let plan = try WeightsFile(weights, model, rules: rules.rules, recording: reference ?? input)
      .plan(reference: inputs.metadata)
    try plan.requireNames()
    Console.progress.show("loading \(plan.architecture.id)")
    let network = try plan.bind()
    Console.progress.show("running \(plan.architecture.id)")
    let seen: ModelRun
    do {
      seen = try ModelRun(network, inputs.tensors, activations: activations, insight)
    } catch var error as WeighbridgeError {
      if error.code == .shape {
        error.remedy = inputs.remedy(for: error) ?? error.remedy
        error = error.ofRun(
          on: "these inputs", inputs.tensors.map(\.shape), areRecorded: false)
      }
      throw error.located(file: inputs.path)
    }
    // What was read of a file that changed meanwhile is a mixture.
    try plan.checkpoint.checkUnchanged()
    try inputs.checkUnchanged()
    let lines = try scored.map { try scores(seen.outputs, $0, others, inputs.path) } ?? []
    var answers: [BestClasses.Answer] = []
    if !inputs.pictures.isEmpty, output == nil || seen.outputs.first?.rank == 2 {
      answers = try best.answers(seen.outputs, samples: inputs.pictures)
    }
    if let output, let format {
      try Checkpoints.write(
        output, format: format, tensors: seen.tensors,
        metadata: ["metadata": ReferenceText.metadata(plan.architecture.id, plan.configuration)])
    }
    try report(seen, plan, lines, answers)
  }

  /// - Throws: `usage` for options that do not go together.
  private func checkOptions() throws {
    guard labels != nil || predictions == nil else {
      throw WeighbridgeError(
        .usage, "--predictions are scored against labels", remedy: "Give --labels, too")
    }
    guard !(activations && insight.profile) else {
      throw WeighbridgeError(
        .usage,
        "--activations looks at every module, and then no steps are joined that --profile could time",
        remedy: "Give one of them at a time")
    }
    try OutputPaths.check(
      [output], against: [input, weights, rules.rules, classes, reference] + pictures.image)
    // Where pictures are given, too, that is said instead.
    guard output != nil || input == nil || insight.isInsight || !pictures.image.isEmpty else {
      throw WeighbridgeError(
        .usage, "the outputs of --input go nowhere", remedy: "Give --output FILE")
    }
  }

  private func report(
    _ seen: ModelRun, _ plan: ImportPlan, _ lines: [String], _ answers: [BestClasses.Answer]
  ) throws {
    Console.progress.clear()
    for note in plan.report.notes { Console.remark("note: \(note.escapingControlCharacters())") }
    let shapes = seen.outputs.map { "\($0.shape)" }.joined(separator: ", ")
    let console = json.console
    try console.say("\(plan.architecture.id): \(shapes)\(output.map { " → \($0)" } ?? "")")
    for line in lines + answers.flatMap(\.lines) { try console.say(line) }
    if json.isSet {
      try console.print(
        json: .answer(
          of: "run",
          [
            .init("model", .string(plan.architecture.id)),
            .init("config", plan.configuration.json),
            .init("output", output.map { .string($0) } ?? .null),
            .init("eager", .boolean(insight.eager || activations)),
            .init("answers", .array(answers.map(\.json))),
          ] + seen.members))
    } else {
      for line in seen.lines(width: Terminal.width()) { try console.say(line) }
    }
  }

  /// How often the largest value of output 0 stands at the labelled class, and how often others do.
  ///
  /// - Throws: `usage` when the outputs or the counts do not fit labels.
  private func scores(
    _ outputs: [Tensor], _ labels: Accuracy.Classes, _ others: Accuracy.Classes?,
    _ path: String
  ) throws -> [String] {
    guard let logits = outputs.first else { return [] }
    let accuracy = try Accuracy(logits: logits)
    for entry in [labels, others].compactMap({ $0 }) {
      try entry.check(count: accuracy.predictions.count, file: path)
    }
    var lines = ["accuracy: \(accuracy.summary(against: labels.values))"]
    if let others {
      lines.append("\(others.entry): \(Accuracy.summary(others.values, labels.values))")
      lines.append("the same class: \(accuracy.summary(against: others.values))")
    }
    return lines
  }
}
