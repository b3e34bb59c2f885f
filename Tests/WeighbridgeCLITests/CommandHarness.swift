import Foundation
import TestSupport
import Testing

/// Runs the built command as a user does, and gives what it printed and its exit status.
struct CommandRun {
  let status: Int32
  let output: String
  let errors: String

  /// The first line on standard error.
  var firstErrorLine: String { errors.split(separator: "\n").first.map(String.init) ?? "" }

  init(
    _ arguments: String..., directory: URL? = nil, environment: [String: String] = [:]
  ) throws {
    try self.init(list: arguments, directory: directory, environment: environment)
  }

  init(
    list arguments: [String], directory: URL? = nil, environment: [String: String] = [:],
    output destination: String? = nil, fileSizeLimit kilobytes: Int? = nil,
    executable: URL? = nil
  ) throws {
    let process = Process()
    let command = try executable ?? CommandRun.executable
    if let kilobytes {
      // As on a disk that fills up, writes fail midway.
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      let script = "ulimit -f \(kilobytes); exec \"$0\" \"$@\""
      process.arguments = ["-c", script, command.path] + arguments
    } else {
      process.executableURL = command
      process.arguments = arguments
    }
    process.currentDirectoryURL = directory
    var variables = ProcessInfo.processInfo.environment
    variables["COLUMNS"] = "100"
    process.environment = variables.merging(environment) { $1 }
    let temporary = try TemporaryDirectory()
    let folder = temporary.url
    // Files, not pipes: a pipe that fills up would hold the command back.
    let (out, err) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
    for url in [out, err] { _ = FileManager.default.createFile(atPath: url.path, contents: nil) }
    process.standardOutput = try FileHandle(
      forWritingTo: destination.map { URL(fileURLWithPath: $0) } ?? out)
    process.standardError = try FileHandle(forWritingTo: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    // A signal is no exit status: a trap must not look like one.
    status = process.terminationReason == .exit ? process.terminationStatus : -1
    output = String(decoding: try Data(contentsOf: out), as: UTF8.self)
    errors = String(decoding: try Data(contentsOf: err), as: UTF8.self)
  }

  /// The command, beside the test bundle.
  static var executable: URL {
    get throws {
      var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      for _ in 0..<6 {
        let candidate = folder.appendingPathComponent("weighbridge")
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isDirectory),
          !isDirectory.boolValue
        {
          return candidate
        }
        folder.deleteLastPathComponent()
      }
      throw CocoaError(.fileNoSuchFile)
    }
  }
}
