import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// The bare `--json` of commands that print one document; `--json -` means the same.
struct JSONFlag: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print JSON alone on standard output.")
  var isSet = false

  var console: Console { Console(jsonOnly: isSet) }
}

/// A command that prints one JSON document when it is asked for, also where it fails.
protocol JSONCommand: ParsableCommand {
  var json: JSONFlag { get }
}

extension JSONDocument {
  /// The version of every document; it grows when a member changes its meaning.
  static let schemaVersion = Verdict.schemaVersion

  /// What all documents begin with, and then a command's own members.
  ///
  /// - Parameters:
  ///   - command: The subcommand.
  ///   - status: The exit status that the command ends with.
  ///   - error: What it says on standard error, where it fails.
  static func answer(
    of command: String, status: Int32 = 0, error: String? = nil, _ own: [Member] = []
  ) -> JSONDocument {
    let envelope: [Member] = [
      .init("schema_version", .integer(schemaVersion)), .init("command", .string(command)),
      .init("exit_code", .integer(Int(status))), .init("error", error.map { .string($0) } ?? .null),
    ]
    let keys = Set(envelope.map(\.key))
    return .object(envelope + own.filter { !keys.contains($0.key) })
  }

  /// The members of an object; none of anything else.
  var objectMembers: [Member] {
    guard case .object(let members) = self else { return [] }
    return members
  }
}
