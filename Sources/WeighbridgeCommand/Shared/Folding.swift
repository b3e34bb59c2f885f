extension String {
  /// How many columns the text takes: characters, without escape sequences.
  var columns: Int {
    var count = 0
    var isEscape = false
    for character in self {
      if isEscape {
        isEscape = !character.isLetter
      } else if character == "\u{1b}" {
        isEscape = true
      } else {
        count += 1
      }
    }
    return count
  }

  /// One line as several of at most `width` columns: broken between words, then after the separators of
  /// paths and lists. Later ones stand two columns further in. A name without any is not broken.
  func folded(to width: Int) -> [String] {
    guard columns > width, width >= 20 else { return [self] }
    let indent = prefix { $0 == " " }
    let lead = String(repeating: " ", count: min(indent.count + 2, width / 2))
    let room = width - lead.count
    var lines: [String] = []
    var line = String(indent)
    var isEmpty = true
    for word in dropFirst(indent.count).split(separator: " ", omittingEmptySubsequences: false) {
      for (position, piece) in String(word).pieces(of: room).enumerated() {
        let space = isEmpty || position > 0 ? "" : " "
        if !isEmpty, line.columns + space.count + piece.columns > width {
          lines.append(line)
          line = lead + piece
        } else {
          line += space + piece
        }
        isEmpty = false
      }
    }
    return lines + [line]
  }

  /// A word in pieces of at most `room` columns, each but the last ending in a separator.
  private func pieces(of room: Int) -> [String] {
    guard columns > room else { return [self] }
    var pieces: [String] = []
    var piece = ""
    var part = ""
    for character in self {
      part.append(character)
      guard "/.,;=_-:".contains(character) else { continue }
      if !piece.isEmpty, piece.columns + part.columns > room {
        pieces.append(piece)
        piece = ""
      }
      piece += part
      part = ""
    }
    if !piece.isEmpty, piece.columns + part.columns > room {
      pieces.append(piece)
      piece = ""
    }
    return pieces + [piece + part]
  }
}

extension String {
  /// The text for terminals whose locale has no Unicode: signs become letters of the same width where
  /// there are any, what a file or a user named is escaped.
  var ascii: String {
    guard !utf8.allSatisfy({ $0 < 0x80 }) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.isASCII {
        text.unicodeScalars.append(scalar)
      } else {
        text += String.asciiSigns[scalar] ?? scalar.escaped(asASCII: true)
      }
    }
  }

  private static let asciiSigns: [Unicode.Scalar: String] = [
    "…": "~", "·": "-", "×": "x", "÷": "/", "Δ": "d", "→": ">", "≤": "<=", "≥": ">=", "–": "-",
    "—": "-", "†": "+", "‡": "#", "∞": "inf", "‘": "'", "’": "'", "“": "\"", "”": "\"",
    "⁻": "-", "α": "a", "β": "b", "ε": "e", "σ": "s", "²": "2", "√": "sqrt",
  ]
}
