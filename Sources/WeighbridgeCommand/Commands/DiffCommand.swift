import ArgumentParser
import Weighbridge

/// `weighbridge diff`.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two files of named tensors: checkpoints, references, exports.",
    discussion: """
      Formats and dtypes may differ. Values of checkpoints must be equal, unless a tolerance is \
      given; NaN is equal to NaN.

      Two references, of two PyTorch versions or two exports, are compared layer by layer: an \
      activation holds when the difference is no larger than the noise that both recorded for \
      themselves explains, or within PyTorch's own tolerances where neither did. --html and --junit \
      are for references.

      EXAMPLES
        weighbridge diff model.npz model.safetensors
        weighbridge diff torch_2.5.npz torch_2.13.npz --html difference.html
      """)

  @Argument(help: "The first file.")
  var a: String

  @Argument(help: "The second file, to which relative errors refer.")
  var b: String

  @OptionGroup var tolerance: ToleranceOptions
  @OptionGroup var json: JSONFlag

  @Option(help: ArgumentHelp("Write a JUnit report.", valueName: "path"))
  var junit: String?

  @Option(help: ArgumentHelp("Write a report with charts, one file.", valueName: "path"))
  var html: String?

  func run() throws {
    try OutputPaths.check([html, junit], against: [a, b])
    let (first, second) = try (Checkpoints.open(a), Checkpoints.open(b))
    let holds =
      if ReferenceDiff.isReference(first), ReferenceDiff.isReference(second) {
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
    let difference = try TensorDiff(
      first, second, tolerance: tolerance.tolerance,
      onProgress: { Console.progress.show("comparing \($0 + 1) of \($1)") })
    Console.progress.clear()
    for checkpoint in [first, second] { try checkpoint.checkUnchanged() }
    if difference.isIdentical { try refuseUnreadable([first, second]) }
    try console.say(difference.lines.joined(separator: "\n"))
    if json.isSet { try console.print(json: difference.json) }
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
    if json.isSet { try console.print(json: difference.json) }
    if let html {
      let report = HTMLReport(difference.verdict, command: CommandText.current)
      try TextFile.write(report.text, to: html)
    }
    if let junit { try TextFile.write(JUnitReport().text(difference.verdict), to: junit) }
    return difference.holds
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
