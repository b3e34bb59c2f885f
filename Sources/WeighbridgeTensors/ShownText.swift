/// Text from files and users made safe to show: the one escaper of terminals, messages and reports.
extension Unicode.Scalar {
  /// Whether a terminal or a browser would obey this and not show it: control characters, line and
  /// paragraph separators, and what changes the direction of text or is invisible.
  package var isObeyed: Bool {
    if value < 0x7f { return value < 0x20 }
    return switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

extension String {
  /// How much of a name a message shows.
  package static let longestShown = 200
  /// How long a line becomes by one text.
  package static let longestLine = 2000

  /// This text with everything that would be obeyed written as escapes, so that a hostile name stays on
  /// one line and in its place; a text of more than `count` scalars loses its middle.
  package func escapingControlCharacters(upTo count: Int = String.longestLine) -> String {
    let text = shortened(to: count)
    guard !text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }),
      text.unicodeScalars.contains(where: \.isObeyed)
    else { return text }
    return text.unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.isObeyed {
        text += scalar.escaped(asASCII: true)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  /// This text with its middle left out where it has more than `count` scalars.
  package func shortened(to count: Int = String.longestShown) -> String {
    // Scalars and not characters: a single character may be a megabyte of accents.
    guard utf8.count > count, unicodeScalars.count > count else { return self }
    let tail = count / 3
    return String(unicodeScalars.prefix(count - 1 - tail)) + "…"
      + String(unicodeScalars.suffix(tail))
  }
}
