import ArgumentParser
import CFaults
import Dispatch
import Weighbridge
import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeWeights

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The one place where a command ends: help goes to standard output, a failure becomes one line on
/// standard error first, and the exit status is that of the failure's kind.
enum Entry {
  static func run(arguments: [String]) -> Never {
    if arguments == [HDF5FilterServer.word] { exit(HDF5FilterServer.run()) }
    if let path = executable() { HDF5OtherFilters.useChild(path) }
    // A reader that goes away must not kill a command before it has tidied up: writes then fail
    // with EPIPE, which `Console` takes as the end of interest.
    signal(SIGPIPE, SIG_IGN)
    // Likewise a file beyond the size limit: the write fails and is reported.
    signal(SIGXFSZ, SIG_IGN)
    // A file that another program cuts short is gone from the memory that it was mapped to: one line,
    // and nothing left behind.
    wb_faults_handle_signals(WeighbridgeError.Code.malformed.exitStatus)
    let interruptions = removingTemporaryFilesWhenInterrupted()
    defer { withExtendedLifetime(interruptions) {} }
    var called: (any ParsableCommand)?
    do {
      try checkArguments()
      try checkSubcommand(arguments)
      var command = try RootCommand.parseAsRoot(withoutDashes(arguments))
      called = command
      try command.run()
      try Console.flush()
      exit(0)
    } catch {
      exit(report(error, called))
    }
  }

  /// The path of this very program.
  private static func executable() -> String? {
    #if canImport(Darwin)
      var size: UInt32 = 0
      _ = _NSGetExecutablePath(nil, &size)
      var path = [CChar](repeating: 0, count: Int(size) + 1)
      guard _NSGetExecutablePath(&path, &size) == 0 else { return nil }
      return path.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    #else
      return "/proc/self/exe"
    #endif
  }

  /// Paths are text here, so an argument that is none would name another file.
  ///
  /// - Throws: `usage`.
  private static func checkArguments() throws {
    for index in 0..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[index] else { continue }
      guard String(validatingCString: argument) == nil else { continue }
      throw WeighbridgeError(
        .usage, "the argument '\(String(cString: argument))' is not UTF-8 text",
        remedy: "Give the file a name in UTF-8, or reach it through a link that has one")
    }
  }

  /// - Throws: `usage` for a subcommand that there is not, with the one that was probably meant.
  private static func checkSubcommand(_ arguments: [String]) throws {
    guard let name = arguments.first, !name.hasPrefix("-"), name != "help" else { return }
    let names = RootCommand.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard !names.contains(name) else { return }
    let meant = Spelling.meant(name, in: names)
    throw WeighbridgeError(
      .usage, "there is no subcommand '\(name)'",
      remedy: (meant.isEmpty ? "" : "Did you mean \(meant.joined(separator: " or "))? ")
        + "They are \(names.joined(separator: ", "))")
  }

  /// Has an interrupted command remove the files that it was writing before it ends, by the signal that
  /// ends it. What the caller has it ignore, as `nohup` does, stays ignored.
  private static func removingTemporaryFilesWhenInterrupted() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM, SIGHUP].compactMap { number in
      guard wb_signal_is_ignored(number) == 0 else { return nil }
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        TemporaryFiles.shared.removeAll()
        wb_end_by_signal(number)
      }
      source.activate()
      return source
    }
  }

  /// `--json -` as the bare `--json` of commands where it takes no path; `validate` takes one.
  static func withoutDashes(_ arguments: [String]) -> [String] {
    guard arguments.first != "validate" else { return arguments }
    return arguments.indices.filter { index in
      index == 0 || arguments[index] != "-" || arguments[index - 1] != "--json"
    }.map { arguments[$0] }
  }

  /// What a program reads that asked for JSON; gives another exit status where that cannot be written.
  private static func answer(
    _ error: WeighbridgeError, _ called: (any ParsableCommand)?
  ) -> Int32? {
    guard let command = called as? any JSONCommand, command.json.isSet else { return nil }
    let name = type(of: command).configuration.commandName ?? ""
    do {
      try Console(jsonOnly: true).print(
        json: .answer(of: name, status: error.code.exitStatus, error: error.description))
      try Console.flush()
      return nil
    } catch {
      return report(error, nil)
    }
  }

  /// Prints what is to be said about an error; gives the exit status.
  private static func report(_ error: any Error, _ called: (any ParsableCommand)?) -> Int32 {
    if let error = error as? WeighbridgeError {
      Console.fail(error.description)
      return answer(error, called) ?? error.code.exitStatus
    }
    if let status = error as? ExitCode {
      do { try Console.flush() } catch { return report(error, nil) }
      return status.rawValue
    }
    let status = RootCommand.exitCode(for: error)
    let text = RootCommand.fullMessage(for: error)
    guard status != .success else {
      do { try Console.printAndFlush(text) } catch { return report(error, nil) }
      return 0
    }
    let lead = "Error: "
    Console.fail(text.hasPrefix(lead) ? String(text.dropFirst(lead.count)) : text)
    // Status 1 is kept for comparisons: what else can go wrong is the system's.
    return status == .validationFailure
      ? WeighbridgeError.Code.usage.exitStatus : WeighbridgeError.Code.unreadable.exitStatus
  }
}
