import Weighbridge

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the terminal can show.
enum Terminal {
  /// Whether a descriptor is a terminal that understands control sequences.
  static func isInteractive(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && environment("TERM") != "dumb"
  }

  /// Whether text on a descriptor may be coloured: never with `NO_COLOR`, always with `FORCE_COLOR` (any
  /// value but 0), else on a terminal. Set to nothing, neither counts.
  static func hasColor(_ descriptor: Int32) -> Bool {
    guard (environment("NO_COLOR") ?? "").isEmpty else { return false }
    if let forced = environment("FORCE_COLOR"), !forced.isEmpty { return forced != "0" }
    return isInteractive(descriptor)
  }

  /// Whether the locale asks for ASCII: `LC_ALL`, else `LC_CTYPE`, else `LANG`, is C or POSIX. Where none
  /// is set, as in containers, text is UTF-8.
  static let isASCII: Bool = {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(environment).first { !$0.isEmpty }
    return locale == "C" || locale == "POSIX"
  }()

  /// More columns than any line has: nothing is shortened.
  static let unlimited = 1 << 20

  /// The columns to fit text into: the terminal's, else those of `COLUMNS`; without limit where the
  /// output goes to a file or another program.
  static func width(_ descriptor: Int32 = STDOUT_FILENO) -> Int {
    let isTerminal = isatty(descriptor) == 1
    if isTerminal {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 {
        return Int(size.ws_col)
      }
    }
    if let text = environment("COLUMNS"), let columns = Int(text), columns >= 20 { return columns }
    return isTerminal ? 80 : unlimited
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

/// A text style on a terminal that has colour.
enum Style: String {
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"

  /// The text in this style, or plain.
  func callAsFunction(_ text: String, enabled: Bool) -> String {
    enabled ? "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" : text
  }
}

extension String {
  /// The text safe to print, with tabs as they are.
  func escapingForTerminalKeepingTabs() -> String {
    split(separator: "\t", omittingEmptySubsequences: false)
      .map { String($0).escapingControlCharacters() }.joined(separator: "\t")
  }
}
