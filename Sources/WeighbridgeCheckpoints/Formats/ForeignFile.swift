import WeighbridgeTensors

/// Files that are taken for checkpoints and are none: each is called what it is.
enum ForeignFile {
  /// What a file is that begins like something well known.
  static func known(_ bytes: UnsafeRawBufferPointer) -> WeighbridgeError? {
    if text(bytes).starts(with: "version https://git-lfs".utf8) { return pointerError(bytes) }
    let lowercased = text(bytes).prefix(64).map { (65...90).contains($0) ? $0 | 0x20 : $0 }
    if ["<!doctype html", "<html", "<head", "<body"].contains(where: {
      lowercased.starts(with: $0.utf8)
    }) {
      return pageError("is a web page (HTML), not a checkpoint")
    }
    if lowercased.starts(with: "<?xml".utf8) || lowercased.starts(with: "<error".utf8) {
      return pageError("is an XML document, not a checkpoint")
    }
    return packed(bytes)
  }

  /// The first byte that is neither space nor a byte order mark.
  static func firstLetter(_ bytes: UnsafeRawBufferPointer) -> UInt8? {
    text(bytes).first
  }

  /// The beginning of a text, after a byte order mark and space.
  private static func text(_ bytes: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
    let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
    return start.prefix(4096).drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
  }
}

extension ForeignFile {
  private static func packed(_ bytes: UnsafeRawBufferPointer) -> WeighbridgeError? {
    let kinds: [(mark: [UInt8], name: String)] = [
      ([0x1f, 0x8b], "gzip"), ([0x42, 0x5a, 0x68], "bzip2"),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd"),
      ([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "7-Zip"), (Array("Rar!".utf8), "RAR"),
    ]
    if let kind = kinds.first(where: { bytes.starts(with: $0.mark) }) {
      return WeighbridgeError(
        .unsupported, "is compressed with \(kind.name)", remedy: "Unpack it first")
    }
    if bytes.count > 262, bytes[257...].starts(with: "ustar".utf8) {
      return WeighbridgeError(.unsupported, "is a tar archive", remedy: "Unpack it first")
    }
    return nil
  }

  /// A pointer that Git LFS leaves in the place of a large file.
  private static func pointerError(_ bytes: UnsafeRawBufferPointer) -> WeighbridgeError {
    let lines = String(decoding: text(bytes).prefix(1024), as: UTF8.self).split(separator: "\n")
    let size = lines.first { $0.hasPrefix("size ") }?.dropFirst(5).prefix(20)
    return WeighbridgeError(
      .malformed,
      "is a Git LFS pointer, \(bytes.count) bytes in the place of the checkpoint"
        + (size.map { " of \($0)" } ?? ""),
      remedy: "Fetch the file itself: git lfs pull")
  }

  private static func pageError(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, what,
      remedy: "Check the address that it was downloaded from, and whether it wants a login")
  }

  /// What is to be said of bytes that nothing begins with.
  static func unknown(_ bytes: UnsafeRawBufferPointer) -> WeighbridgeError {
    let remedy = CheckpointFormat.remedy
    let start = UnsafeRawBufferPointer(rebasing: bytes.prefix(64))
    if bytes.allZero(upTo: 1 << 20) {
      return WeighbridgeError(
        .malformed, "begins with nothing but zeros, as a broken download does", remedy: remedy)
    }
    if let text = String(validating: start, as: UTF8.self)?.split(separator: "\n").first,
      text.unicodeScalars.allSatisfy({ !$0.isObeyed })
    {
      return WeighbridgeError(
        .malformed, "is no format that is known: it begins with the text '\(text)'", remedy: remedy)
    }
    return WeighbridgeError(.malformed, "is no format that is known", remedy: remedy)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes, at most `count` of them, are all 0.
  fileprivate func allZero(upTo count: Int) -> Bool { prefix(count).allSatisfy { $0 == 0 } }
}
