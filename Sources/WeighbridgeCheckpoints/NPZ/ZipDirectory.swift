import WeighbridgeTensors
import WeighbridgeWeights

/// The central directory of a zip archive, checked before anything relies on it.
///
/// libzip does not tell where an entry's bytes lie, which is what using them in place needs, so the
/// directory is parsed here. Source: PKWARE's APPNOTE.TXT 6.3.9, sections 4.3 and 4.5.3.
///
/// Bytes before the archive and after its end are passed over, as other zip tools do. An entry that is
/// wrong keeps the reason; the others are usable.
struct ZipDirectory {
  private(set) var entries: [ZipEntry]

  /// How many entries are looked at before the memory of what was read is given back.
  static let batch = 1 << 15

  /// - Parameter letGo: Called after every `batch` of entries.
  /// - Throws: `malformed` when the directory itself is cut off or contradicts itself, `unsupported`
  ///   for an archive in several parts.
  init(_ bytes: UnsafeRawBufferPointer, letGo: () -> Void = {}) throws {
    let end = try ZipEnd(bytes)
    guard let directory = bytes.slice(at: end.base + end.offset, count: end.byteCount) else {
      throw ZipDirectory.malformed("its directory lies beyond the file's end")
    }
    // 46 bytes is the least an entry takes, so the count is bounded before memory is reserved.
    guard end.entryCount <= directory.count / 46 else {
      throw ZipDirectory.malformed("its directory promises \(end.entryCount) entries")
    }
    var entries: [ZipEntry] = []
    entries.reserveCapacity(end.entryCount)
    var position = 0
    for count in 0..<end.entryCount {
      if count % ZipDirectory.batch == ZipDirectory.batch - 1 { letGo() }
      let start = position
      var entry = try ZipEntry(directory, at: &position)
      let record = UnsafeRawBufferPointer(rebasing: directory[start..<position])
      entry.locate(record, in: bytes, from: end.base, before: end.base + end.offset)
      entries.append(entry)
    }
    guard position == directory.count else {
      throw ZipDirectory.malformed("its directory holds more than its entries")
    }
    self.entries = entries
    markOverlaps()
  }

  /// Whether a file ends in a zip archive.
  static func isPresent(_ bytes: UnsafeRawBufferPointer) -> Bool { (try? ZipEnd(bytes)) != nil }

  static func malformed(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the zip archive is damaged: \(what)", remedy: "Save or download it again")
  }

  /// An entry whose bytes reach beyond the next one's header shares them with it: overlapping entries
  /// are how an archive of little bytes holds much.
  private mutating func markOverlaps() {
    let order = entries.indices.filter { entries[$0].problem == nil }
      .sorted { (entries[$0].headerOffset, $0) < (entries[$1].headerOffset, $1) }
    for (position, next) in zip(order, order.dropFirst())
    where entries[position].dataEnd > entries[next].headerOffset {
      entries[position].problem = ZipEntry.damage(
        "shares bytes with \(entries[next].name.shortened()): the archive is damaged")
    }
  }
}

/// The record at a zip archive's end, in its 32- or 64-bit form.
private struct ZipEnd {
  var entryCount: Int
  var offset: Int
  var byteCount: Int
  /// Where the archive begins in the file: its offsets count from there.
  private(set) var base = 0

  init(_ bytes: UnsafeRawBufferPointer) throws {
    guard let position = ZipEnd.find(bytes) else {
      throw ZipDirectory.malformed(
        "there is no end record in its last \(min(bytes.count, ZipEnd.reach)) bytes, so it was "
          + "probably cut off")
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
    // The directory ends where the end record begins; what it lies behind its offset, lies before the
    // archive.
    guard byteCount <= limit, offset <= limit - byteCount,
      byteCount == 0
        || bytes.littleEndian(at: limit - byteCount, as: UInt32.self) == 0x0201_4b50
    else { throw ZipDirectory.malformed("its directory is not where its end record says") }
    base = limit - byteCount - offset
  }

  /// How far from the file's end an end record is looked for: its own bytes and the longest comment.
  static let reach = 22 + 0xffff

  /// The position of the end record: the last one whose comment reaches exactly to the file's end, or
  /// the last one.
  private static func find(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let last = bytes.count - 22
    guard last >= 0 else { return nil }
    var latest: Int?
    for position in stride(from: last, through: max(0, last - 0xffff), by: -1)
    where bytes.littleEndian(at: position, as: UInt32.self) == 0x0605_4b50 {
      if Int(bytes.littleEndian(at: position + 20, as: UInt16.self) ?? 0) == last - position {
        return position
      }
      latest = latest ?? position
    }
    return latest
  }

  /// Reads the 64-bit end record and returns where it begins.
  private mutating func readZip64(_ bytes: UnsafeRawBufferPointer, locator: Int) throws -> Int {
    // Its own offset does not count bytes before the archive, and then it lies right before.
    let said = Int(exactly: bytes.littleEndian(at: locator + 8, as: UInt64.self) ?? .max) ?? -1
    let start =
      bytes.littleEndian(at: said, as: UInt32.self) == 0x0606_4b50 ? said : locator - 56
    guard
      start >= 0, start <= locator,
      bytes.littleEndian(at: start, as: UInt32.self) == 0x0606_4b50,
      let count = Int(exactly: bytes.littleEndian(at: start + 32, as: UInt64.self) ?? .max),
      let size = Int(exactly: bytes.littleEndian(at: start + 40, as: UInt64.self) ?? .max),
      let directory = Int(exactly: bytes.littleEndian(at: start + 48, as: UInt64.self) ?? .max)
    else { throw ZipDirectory.malformed("its zip64 end record is wrong") }
    (entryCount, byteCount, offset) = (count, size, directory)
    return start
  }
}
