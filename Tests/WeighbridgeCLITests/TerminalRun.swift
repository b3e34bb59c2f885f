import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs the built command with a terminal of so many columns as its standard output.
struct TerminalRun {
  let status: Int32
  let output: String

  /// The lines without colour.
  var lines: [String] {
    output.replacingOccurrences(of: "\u{1b}\\[[0-9;]*m", with: "", options: .regularExpression)
      .split(separator: "\r\n").map(String.init)
  }

  /// - Parameter hasErrors: Whether standard error is the terminal, too.
  init(
    columns: UInt16, _ arguments: [String], environment: [String: String] = [:],
    hasErrors: Bool = false
  ) throws {
    let (master, name) = try TerminalRun.pseudoterminal()
    var size = winsize()
    (size.ws_col, size.ws_row) = (columns, 40)
    guard ioctl(master, UInt(TIOCSWINSZ), &size) == 0 else { throw CocoaError(.fileNoSuchFile) }
    let slave = open(name, O_RDWR | O_NOCTTY)
    guard slave >= 0 else { throw CocoaError(.fileNoSuchFile) }
    let process = Process()
    process.executableURL = try CommandRun.executable
    process.arguments = arguments
    var variables = ProcessInfo.processInfo.environment
    for name in ["COLUMNS", "NO_COLOR"] { variables[name] = nil }
    variables["TERM"] = "xterm"
    process.environment = variables.merging(environment) { $1 }
    process.standardOutput = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
    process.standardError =
      hasErrors
      ? FileHandle(fileDescriptor: slave, closeOnDealloc: false) : FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    // A terminal holds little: what is not read holds the command back.
    let bytes = Mutex([UInt8]())
    let reading = DispatchGroup()
    try process.run()
    close(slave)
    DispatchQueue.global().async(group: reading) {
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(master, &buffer, buffer.count)
        guard count > 0 else { return }
        bytes.withLock { $0 += buffer[..<count] }
      }
    }
    process.waitUntilExit()
    reading.wait()
    close(master)
    status = process.terminationStatus
    output = bytes.withLock { String(decoding: $0, as: UTF8.self) }
  }

  /// The controlling end of a new pseudoterminal, and the name of the other.
  private static func pseudoterminal() throws -> (Int32, String) {
    #if canImport(Darwin)
      let master = posix_openpt(O_RDWR | O_NOCTTY)
      guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0, let name = ptsname(master)
      else { throw CocoaError(.fileNoSuchFile) }
      return (master, String(cString: name))
    #else
      // What glibc's posix_openpt and its kin do: TIOCSPTLCK unlocks, TIOCGPTN tells the number.
      let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var (lock, number) = (Int32(0), Int32(0))
      guard master >= 0, ioctl(master, 0x4004_5431, &lock) == 0,
        ioctl(master, 0x8004_5430, &number) == 0
      else { throw CocoaError(.fileNoSuchFile) }
      return (master, "/dev/pts/\(number)")
    #endif
  }
}
