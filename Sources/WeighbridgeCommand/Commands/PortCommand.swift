import ArgumentParser
import Foundation
import Weighbridge
import WeighbridgePort
import WeighbridgeWeights

/// `weighbridge port`: a recorded network as a package of Swift.
struct PortCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "port",
    abstract: "Write the Swift of a network that a reference holds, with its weights and a test.",
    discussion: """
      The reference was recorded with network=True. The package has one struct for each class of \
      PyTorch's, one file for each of its source modules, the native weight file, an architecture of \
      its own, a command that knows it, and a test that holds every module against the reference. It \
      is yours from then on: where it is there already, what would change is shown, and nothing is \
      written without --force.

      What cannot be ported is named with the line of Python; its forward throws an error that says \
      so, and the test fails until it is written by hand.

      EXAMPLES
        \(Tool.name) port net_reference.npz --weights net.pth --package NetSwift
        \(Tool.name) port net_reference.npz --weights net.pth --package NetSwift --force
        swift test --package-path NetSwift

      Exit status: 0 written, or there is nothing to change; 1 the package differs and was left as it \
      is, or a part is not ported.
      """)

  @Argument(help: "A reference that holds the network.", completion: .files) var reference: String
  @Option(help: ArgumentHelp("The checkpoint.", valueName: "file"), completion: .files)
  var weights: String
  @Option(
    help: ArgumentHelp("The folder of the package.", valueName: "folder"), completion: .directory)
  var package: String
  @Option(
    help: ArgumentHelp(
      "What the library is called; without it as the folder.", valueName: "name"))
  var name: String?
  @Option(
    help: ArgumentHelp(
      "Where Weighbridge is: a folder or a repository's address; without it what this command was built from.",
      valueName: "place"), completion: .directory)
  var weighbridge: String?
  @Option(
    help: ArgumentHelp(
      "The part of the checkpoint that is meant, where it holds several.", valueName: "name"))
  var root: String?
  @OptionGroup var rules: RulesOption
  @Flag(help: "Write over files that are there and differ.") var force = false

  func run() throws {
    let folder = URL(filePath: package).standardizedFileURL
    try OutputFolder.check(folder.path)
    let library = try library(from: folder)
    let recorded = try Reference(path: reference)
    Console.progress.show("reading the network")
    let checkpoint = try Checkpoints.open(reference)
    guard let network = try Network(in: checkpoint) else {
      throw WeighbridgeError(
        .malformed, "holds no network", file: reference, entry: "network",
        remedy: "Record it with record(..., network=True)")
    }
    let architecture = AnyArchitecture(id: AnyArchitecture.recordedID, summary: "") {
      try RecordedNetwork($0, network, isLenient: true)
    }
    let plan = try Loader(ArchitectureRegistry([architecture])).plan(
      Checkpoints.open(weights), model: architecture.id, rules: rules.read(), root: root)
    try plan.requireNames()
    Console.progress.show("running the network")
    let ported = try recorded.computing {
      try PortedPackage(
        network, model: plan.bind(), inputs: recorded.inputs(),
        recorded: { path, call in PortCommand.returned(path, call, recorded) },
        name: name ?? folder.lastPathComponent, library: library, reference: reference)
    }
    let writing = PortedFiles(ported, folder)
    let changes = try writing.changes()
    Console.progress.clear()
    if !changes.isEmpty, writing.isThere, !force {
      Console.fail(
        "\(package.escapingControlCharacters()): is there and differs; nothing was written. "
          + "--force writes over it")
      sayLinks(writing)
      for line in changes { try Console().say(line) }
      throw ExitCode(1)
    }
    try writing.check()
    sayLinks(writing)
    try writing.write(plan, reference: reference)
    let path = package.escapingControlCharacters()
    for file in writing.others() {
      Console.remark(
        "\(path): \(file.escapingControlCharacters()) is there, too, and is not of this port: delete it if an "
          + "earlier one left it")
    }
    try Console().say(
      "\(path): \(network.className.escapingControlCharacters()) in "
        + "\(ported.structCount.counted("struct")); `\(testCommand)` holds it "
        + "against the recording")
    guard ported.limits.isEmpty else {
      Console.fail(
        "\(path): \(ported.limits.count.counted("forward")) could not be ported and must be written "
          + "by hand; the test fails until then")
      for limit in ported.limits { try Console().say("not ported: \(limit)") }
      throw ExitCode(1)
    }
  }

  /// What runs the package's test, as a shell reads it.
  private var testCommand: String {
    "swift test --package-path \(CommandText.quoted(package))".escapingControlCharacters()
  }

  /// Says what lies elsewhere than in the folder that was named.
  private func sayLinks(_ files: PortedFiles) {
    for (path, place) in files.links() {
      Console.remark(
        "\(package)/\(path) is a link: what is written to it lies in \(place)"
          .escapingControlCharacters())
    }
  }

  /// Zeros of the shapes of what a module returned.
  private static func returned(_ path: String, _ call: Int, _ reference: Reference) -> [Tensor] {
    reference.keys.filter { $0.path.name == path && $0.call == call }.compactMap { key in
      reference.description(of: key).flatMap { try? Tensor.zeros($0.shape, dtype: $0.dtype) }
    }
  }

  /// Weighbridge's place as the package names it.
  ///
  /// - Throws: `usage` where it is not known.
  private func library(from folder: URL) throws -> String {
    if let weighbridge, weighbridge.contains("://") { return weighbridge }
    if let weighbridge { return try PackagePlace.checked(weighbridge) }
    if let known = PackagePlace.known(to: URL(filePath: CommandLine.arguments[0])) { return known }
    throw WeighbridgeError(
      .usage, "it is not known where Weighbridge is, which the package depends on",
      remedy: "Give --weighbridge with its folder or its repository's address")
  }
}
