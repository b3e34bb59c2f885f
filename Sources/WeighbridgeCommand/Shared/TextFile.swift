import Weighbridge
import WeighbridgeWeights

/// Small text files, whole or not at all.
enum TextFile {
  /// The lines of a text of at most a megabyte; an empty last one is left out.
  ///
  /// - Throws: `unreadable`, and `malformed` when it is larger or no UTF-8.
  static func lines(of path: String) throws -> [String] {
    let file = try MappedFile(path: path)
    let text =
      file.byteCount <= 1 << 20 ? file.withBytes { String(validating: $0, as: UTF8.self) } : nil
    guard let text else {
      throw WeighbridgeError(
        .malformed, "is no text of at most a megabyte", file: path, remedy: "Give one name per line"
      )
    }
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map(String.init)
  }

  /// Writes a text; an existing file is replaced when the new one is complete.
  ///
  /// - Throws: `unwritable`.
  static func write(_ text: String, to path: String) throws {
    let file = try OutputFile(path: path)
    try file.append(Array(text.utf8))
    try file.commit()
  }
}
