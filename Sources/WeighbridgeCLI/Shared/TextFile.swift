import Weighbridge

/// Small text files, whole or not at all.
enum TextFile {
  /// Writes a text; an existing file is replaced when the new one is complete.
  ///
  /// - Throws: `unwritable`.
  static func write(_ text: String, to path: String) throws {
    let file = try OutputFile(path: path)
    try file.append(Array(text.utf8))
    try file.commit()
  }
}
