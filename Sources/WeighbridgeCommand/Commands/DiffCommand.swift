import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge diff`.
struct DiffCommand: JSONCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two files of named tensors: checkpoints, references, exports.",
    discussion: """
      Formats and dtypes may differ. Values of checkpoints must be equal, unless a tolerance is \
      given; NaN is equal to NaN. Wrappers that only one of them has (`module.`, `state_dict` …) are \
      taken off, and said; --root chooses a part, in whichever of them has it.

      Two references, of two PyTorch versions or two exports, are compared layer by layer: an \
      activation holds when the difference is no larger than the noise that both recorded for \
      themselves explains, or within PyTorch's own tolerances where neither did. --html and --junit \
      are for references.

      EXAMPLES
        \(Tool.name) diff model.npz model.safetensors
        \(Tool.name) diff training.pth model.npz --root model_ema
        \(Tool.name) diff torch_2.5.npz torch_2.13.npz --html difference.html
      """)

  @Argument(help: "The first file.", completion: .files)
  var a: String

  @Argument(help: "The second file, to which relative errors refer.", completion: .files)
  var b: String

  @Option(
    help: ArgumentHelp(
      "The part that is compared, where a checkpoint holds several, such as ema.",
      valueName: "name"))
  var root: String?

  @OptionGroup var tolerance: ToleranceOptions
  @OptionGroup var json: JSONFlag

  @Option(help: ArgumentHelp("Write a JUnit report.", valueName: "file"), completion: .files)
  var junit: String?

  @Option(
    help: ArgumentHelp("Write a report with charts, one file.", valueName: "file"),
    completion: .files)
  var html: String?

  func run() throws {
    try OutputPaths.check([html, junit], against: [a, b])
    let (first, second) = try (Checkpoints.open(a), Checkpoints.open(b))
    let holds =
      if root == nil, ReferenceDiff.isReference(first), ReferenceDiff.isReference(second) {
        try compareReferences(first, second)
      } else {
        try compareTensors(first, second)
      }
    if !holds { throw ExitCode(1) }
  }

  private func compareTensors(_ first: any Checkpoint, _ second: any Checkpoint) throws -> Bool {
    guard html == nil, junit == nil else {
      throw WeighbridgeError(
        .usage, "--html and --junit show layers, and not both files are references",
        remedy: "Use --json")
    }
    let console = json.console
    let names = try CommonNames(first, second, root: root)
    let difference = try TensorDiff(
      names.first, names.second, tolerance: tolerance.tolerance,
      onProgress: { Console.progress.show("comparing \($0 + 1) of \($1)") })
    Console.progress.clear()
    for checkpoint in [first, second] { try checkpoint.checkUnchanged() }
    if difference.isIdentical { try refuseUnreadable([first, second]) }
    let notes = names.notes.map { "note: \($0.escapingControlCharacters())" }
    try console.say((difference.lines + notes).joined(separator: "\n"))
    if json.isSet {
      try print(
        difference.json, holds: difference.isIdentical, console,
        [
          .init("root_a", .string(names.roots.first)), .init("root_b", .string(names.roots.second)),
          .init("notes", .strings(names.notes)),
        ])
    }
    return difference.isIdentical
  }

  private func compareReferences(_ first: any Checkpoint, _ second: any Checkpoint) throws -> Bool {
    let console = json.console
    let difference = try ReferenceDiff(
      Reference(first), Reference(second), tolerance: tolerance.tolerance
    ) { done, count in
      Console.progress.show("comparing \(done + 1) of \(count)")
    }
    Console.progress.clear()
    for checkpoint in [first, second] { try checkpoint.checkUnchanged() }
    if difference.holds { try refuseUnreadable([first, second]) }
    let descriptor = console.jsonOnly ? Int32(2) : 1
    let report = TerminalReport(
      width: Terminal.width(descriptor), hasColor: Terminal.hasColor(descriptor))
    try console.say(report.text(difference.verdict))
    if json.isSet { try print(difference.json, holds: difference.holds, console) }
    if let html {
      let report = HTMLReport(difference.verdict, command: CommandText.current)
      try TextFile.write(report.text, to: html)
    }
    if let junit { try TextFile.write(JUnitReport().text(difference.verdict), to: junit) }
    return difference.holds
  }

  private func print(
    _ document: JSONDocument, holds: Bool, _ console: Console, _ more: [JSONDocument.Member] = []
  ) throws {
    try console.print(
      json: .answer(of: "diff", status: holds ? 0 : 1, document.objectMembers + more))
  }

  /// - Throws: `unsupported` when a file holds what cannot be compared.
  private func refuseUnreadable(_ checkpoints: [any Checkpoint]) throws {
    for checkpoint in checkpoints {
      guard let entry = checkpoint.unreadable.first else { continue }
      throw WeighbridgeError(
        .unsupported, "\(entry.reason.clause), so that the files cannot be called identical",
        file: checkpoint.path, entry: entry.name, remedy: "Leave it out of both files")
    }
  }
}
