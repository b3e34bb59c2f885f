import ArgumentParser
import Dispatch
import Weighbridge
import WeighbridgeCheckpoints

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
    // A reader that goes away must not kill a command before it has tidied up: writes then fail
    // with EPIPE, which `Console` takes as the end of interest.
    signal(SIGPIPE, SIG_IGN)
    // Likewise a file beyond the size limit: the write fails and is reported.
    signal(SIGXFSZ, SIG_IGN)
    surviveHDF5()
    let interruptions = removingTemporaryFilesWhenInterrupted()
    defer { withExtendedLifetime(interruptions) {} }
    do {
      var command = try WeighbridgeCommand.parseAsRoot(withoutDashes(arguments))
      try command.run()
      try Console.flush()
      exit(0)
    } catch {
      exit(report(error))
    }
  }

  /// libhdf5 crashes on some damaged files whose structure only it reads. Such a crash ends the
  /// command as any other malformed file does: one line, exit status 3, nothing left behind.
  /// Elsewhere a crash stays a crash.
  private static func surviveHDF5() {
    for number in [SIGSEGV, SIGBUS, SIGFPE] {
      signal(number) { number in
        signal(number, SIG_DFL)
        guard HDF5Library.isRunning else {
          raise(number)
          return
        }
        Console.fail(
          "an HDF5 file is damaged in a way that libhdf5 does not survive: "
            + CommandLine.arguments.dropFirst().joined(separator: " ").escapingControlCharacters()
            + ". Save or download it again")
        TemporaryFiles.shared.removeAll()
        _exit(3)
      }
    }
  }

  /// Has an interrupted command remove the files that it was writing before it ends.
  private static func removingTemporaryFilesWhenInterrupted() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        TemporaryFiles.shared.removeAll()
        _exit(128 + number)
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

  /// Prints what is to be said about an error; gives the exit status.
  private static func report(_ error: any Error) -> Int32 {
    if let error = error as? WeighbridgeError {
      Console.fail(error.description)
      return error.code.exitStatus
    }
    if let status = error as? ExitCode {
      do { try Console.flush() } catch { return report(error) }
      return status.rawValue
    }
    let status = WeighbridgeCommand.exitCode(for: error)
    let text = WeighbridgeCommand.fullMessage(for: error)
    guard status != .success else {
      do { try Console.printAndFlush(text) } catch { return report(error) }
      return 0
    }
    let lead = "Error: "
    Console.fail(text.hasPrefix(lead) ? String(text.dropFirst(lead.count)) : text)
    // Status 1 is kept for comparisons: what else can go wrong is the system's.
    return status == .validationFailure
      ? WeighbridgeError.Code.usage.exitStatus : WeighbridgeError.Code.unreadable.exitStatus
  }
}
