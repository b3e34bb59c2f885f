import Synchronization
import Weighbridge
import WeighbridgeWeights

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command's words go.
///
/// The result goes to standard output; remarks and progress go to standard error. With JSON asked
/// for on standard output, everything for people goes to standard error instead.
struct Console {
  /// Whether standard output carries JSON alone.
  var jsonOnly = false

  /// Prints text for people: a line or several.
  ///
  /// A line that is longer than a terminal is goes on in the next one, two columns further in.
  func say(_ text: String) throws {
    if jsonOnly {
      Console.remark(text)
    } else {
      try Console.output.write(Console.fitted(text, to: STDOUT_FILENO) + "\n")
    }
  }

  /// The text as a descriptor's terminal shows it best; unchanged where it is a file or a pipe, but for
  /// signs that the locale does not have.
  private static func fitted(_ text: String, to descriptor: Int32) -> String {
    let text = Terminal.isASCII ? text.ascii : text
    guard isatty(descriptor) == 1 else { return text }
    let width = Terminal.width(descriptor)
    return text.split(separator: "\n", omittingEmptySubsequences: false)
      .flatMap { String($0).folded(to: width) }.joined(separator: "\n")
  }

  /// Prints a JSON document on standard output.
  func print(json: JSONDocument) throws {
    try Console.output.write(json.text(indented: true) + "\n")
  }

  /// Prints a part of a result on standard output, as it is.
  func print(_ text: String) throws { try Console.output.write(text) }

  private static let output = OutputStream()

  static func printAndFlush(_ text: String) throws {
    try output.write((Terminal.isASCII ? text.ascii : text) + "\n")
    try output.flush()
  }

  /// Hands everything printed so far to the system.
  ///
  /// - Throws: `unwritable` when standard output is full or broken.
  static func flush() throws { try output.flush() }

  /// Prints a remark on standard error.
  static func remark(_ text: String) {
    progress.clear()
    OutputStream.writeAll(Array((fitted(text, to: STDERR_FILENO) + "\n").utf8), to: STDERR_FILENO)
  }

  /// Prints the one line that a failure starts with, after whatever was printed before it.
  static func fail(_ text: String) {
    try? output.flush()
    remark("\(Tool.name): error: \(text)")
  }

  /// Progress on standard error, to a terminal only.
  static let progress = Progress()
}

/// Buffered standard output.
private final class OutputStream: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var closed = false
  }
  private let state = Mutex(State())

  func write(_ text: String) throws {
    let full = state.withLock { state in
      if !state.closed { state.bytes += Array(text.utf8) }
      return state.bytes.count > 1 << 16
    }
    if full { try flush() }
  }

  func flush() throws {
    let failure: Int32 = state.withLock { state in
      let bytes = state.bytes
      state.bytes = []
      let code = OutputStream.writeAll(bytes, to: STDOUT_FILENO)
      if code != 0 { state.closed = true }
      return code
    }
    // A closed pipe means that the reader has seen enough.
    guard failure != 0, failure != EPIPE else { return }
    throw WeighbridgeError(
      .unwritable, "cannot write to standard output: \(String(cString: strerror(failure)))")
  }

  /// Writes all bytes; gives the system's error number, or 0.
  @discardableResult
  static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    var start = 0
    while start < bytes.count {
      let written = bytes[start...].withUnsafeBytes { rest in
        write(descriptor, rest.baseAddress, rest.count)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return written < 0 ? errno : EIO }
      start += written
    }
    return 0
  }

  private static func write(
    _ descriptor: Int32, _ base: UnsafeRawPointer?, _ count: Int
  ) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, base, count)
    #elseif canImport(Musl)
      Musl.write(descriptor, base, count)
    #else
      Darwin.write(descriptor, base, count)
    #endif
  }
}

/// A line that is overwritten as work goes on. Nothing at all unless standard error is a terminal.
final class Progress: Sendable {
  private let shown = Mutex(false)
  private let isTerminal = Terminal.isInteractive(STDERR_FILENO)

  /// Shows what is being done.
  func show(_ text: @autoclosure () -> String) {
    guard isTerminal else { return }
    let shownText = text().escapingControlCharacters()
    let line = (Terminal.isASCII ? shownText.ascii : shownText)
      .fitted(to: Terminal.width(STDERR_FILENO) - 1)
    shown.withLock { $0 = true }
    OutputStream.writeAll(Array("\r\u{1b}[K\(line)".utf8), to: STDERR_FILENO)
  }

  /// Removes the line.
  func clear() {
    guard isTerminal,
      shown.withLock({ was in
        defer { was = false }; return was
      })
    else { return }
    OutputStream.writeAll(Array("\r\u{1b}[K".utf8), to: STDERR_FILENO)
  }
}
