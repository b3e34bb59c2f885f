import WeighbridgeTensors
import WeighbridgeWeights

/// The central directory of a zip archive, checked before anything relies on it.
///
/// libzip does not tell where an entry's bytes lie, which is what using them in place needs, so the
/// directory is parsed here. Source: PKWARE's APPNOTE.TXT 6.3.9, sections 4.3 and 4.5.3.
struct ZipDirectory {
  let entries: [ZipEntry]

  /// - Throws: `malformed` when records are cut off, contradict each other, leave the file or
  ///   overlap, `unsupported` for an archive in several parts.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    let end = try ZipEnd(bytes)
    guard let directory = bytes.slice(at: end.offset, count: end.byteCount) else {
      throw ZipDirectory.malformed("its directory lies beyond the file's end")
    }
    // 46 bytes is the least an entry takes, so the count is bounded before memory is reserved.
    guard end.entryCount <= directory.count / 46 else {
      throw ZipDirectory.malformed("its directory promises \(end.entryCount) entries")
    }
    var entries: [ZipEntry] = []
    entries.reserveCapacity(end.entryCount)
    var position = 0
    for _ in 0..<end.entryCount {
      var entry = try ZipEntry(directory, at: &position)
      try entry.locate(in: bytes, before: end.offset)
      entries.append(entry)
    }
    guard position == directory.count else {
      throw ZipDirectory.malformed("its directory holds more than its entries")
    }
    try ZipDirectory.checkNoOverlap(entries)
    self.entries = entries
  }

  static func malformed(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the zip archive is damaged: \(what)", remedy: "Save or download it again")
  }

  private static func checkNoOverlap(_ entries: [ZipEntry]) throws {
    var end = 0
    for entry in entries.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      guard entry.headerOffset >= end else {
        throw malformed("two entries share bytes").located(entry: entry.name)
      }
      end = entry.dataOffset + entry.storedByteCount
    }
  }
}

/// The record at a zip archive's end, in its 32- or 64-bit form.
private struct ZipEnd {
  var entryCount: Int
  var offset: Int
  var byteCount: Int

  init(_ bytes: UnsafeRawBufferPointer) throws {
    guard let position = ZipEnd.find(bytes) else {
      throw ZipDirectory.malformed("the record at its end is missing, so it was probably cut off")
    }
    let disk = bytes.littleEndian(at: position + 4, as: UInt16.self) ?? 0
    let count = bytes.littleEndian(at: position + 10, as: UInt16.self) ?? 0
    let size = bytes.littleEndian(at: position + 12, as: UInt32.self) ?? 0
    let start = bytes.littleEndian(at: position + 16, as: UInt32.self) ?? 0
    (entryCount, byteCount, offset) = (Int(count), Int(size), Int(start))
    var limit = position
    if bytes.littleEndian(at: position - 20, as: UInt32.self) == 0x0706_4b50 {
      limit = try readZip64(bytes, locator: position - 20)
    } else if disk != 0 {
      throw WeighbridgeError(.unsupported, "the zip archive is one of several parts")
    }
    guard offset <= limit, byteCount == limit - offset else {
      throw ZipDirectory.malformed("its directory is not where its end record says")
    }
  }

  /// The position of the end record: the last one whose comment reaches exactly to the file's end.
  private static func find(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let last = bytes.count - 22
    guard last >= 0 else { return nil }
    for position in stride(from: last, through: max(0, last - 0xffff), by: -1) {
      if bytes.littleEndian(at: position, as: UInt32.self) == 0x0605_4b50,
        Int(bytes.littleEndian(at: position + 20, as: UInt16.self) ?? 0) == last - position
      {
        return position
      }
    }
    return nil
  }

  /// Reads the 64-bit end record and returns where it begins.
  private mutating func readZip64(_ bytes: UnsafeRawBufferPointer, locator: Int) throws -> Int {
    guard
      let start = Int(exactly: bytes.littleEndian(at: locator + 8, as: UInt64.self) ?? .max),
      start <= locator,
      bytes.littleEndian(at: start, as: UInt32.self) == 0x0606_4b50,
      let count = Int(exactly: bytes.littleEndian(at: start + 32, as: UInt64.self) ?? .max),
      let size = Int(exactly: bytes.littleEndian(at: start + 40, as: UInt64.self) ?? .max),
      let directory = Int(exactly: bytes.littleEndian(at: start + 48, as: UInt64.self) ?? .max)
    else { throw ZipDirectory.malformed("its zip64 end record is wrong") }
    (entryCount, byteCount, offset) = (count, size, directory)
    return start
  }
}
