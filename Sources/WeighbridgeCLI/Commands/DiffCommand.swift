import ArgumentParser
import Weighbridge

/// `weighbridge diff`.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two files of named tensors: checkpoints, references, exports.",
    discussion: """
      Without a tolerance values must be equal; NaN is equal to NaN. Formats and dtypes may differ.
      """)

  @Argument(help: "The first file.")
  var a: String

  @Argument(help: "The second file, to which relative errors refer.")
  var b: String

  @OptionGroup var tolerance: ToleranceOptions
  @OptionGroup var json: JSONFlag

  func run() throws {
    let console = json.console
    let (first, second) = try (Checkpoints.open(a), Checkpoints.open(b))
    let difference = try TensorDiff(first, second, tolerance: tolerance.tolerance) { done, count in
      Console.progress.show("comparing \(done + 1) of \(count)")
    }
    Console.progress.clear()
    for checkpoint in [first, second] where difference.isIdentical {
      guard let entry = checkpoint.unreadable.first else { continue }
      throw WeighbridgeError(
        .unsupported, "\(entry.reason), so that the files cannot be called identical",
        file: checkpoint.path, entry: entry.name, remedy: "Leave it out of both files")
    }
    try console.say(difference.lines.joined(separator: "\n"))
    if json.isSet { try console.print(json: difference.json) }
    if !difference.isIdentical { throw ExitCode(1) }
  }
}
