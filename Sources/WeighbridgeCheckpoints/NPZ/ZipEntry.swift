import WeighbridgeTensors
import WeighbridgeWeights

/// One entry of a zip archive: what the central directory says, and where its bytes lie.
struct ZipEntry: Sendable, Hashable {
  enum Method: Sendable, Hashable {
    case stored, deflated
    case other(UInt16)
  }

  private(set) var name: String
  let method: Method
  let isEncrypted: Bool
  let crc: UInt32
  /// The size in the archive.
  let storedByteCount: Int
  /// The size of the content.
  let byteCount: Int
  /// Where the entry's local header begins.
  private(set) var headerOffset: Int
  /// Where its bytes begin.
  private(set) var dataOffset = 0
  /// Why its bytes cannot be used; `nil` where they can.
  var problem: SkipReason? {
    get { boxed?.reason }
    set { boxed = newValue.map(Problem.init) }
  }
  /// Apart: hardly an entry has one, and there may be a million entries.
  private var boxed: Problem?

  private final class Problem: Sendable, Hashable {
    let reason: SkipReason

    init(_ reason: SkipReason) { self.reason = reason }

    static func == (a: Problem, b: Problem) -> Bool { a.reason == b.reason }
    func hash(into hasher: inout Hasher) { hasher.combine(reason) }
  }

  /// The same without its name, which whoever keeps a million entries has elsewhere.
  var unnamed: ZipEntry {
    var copy = self
    copy.name = ""
    return copy
  }

  var isDirectory: Bool { name.utf8.last == UInt8(ascii: "/") }
  var dataEnd: Int { dataOffset + storedByteCount }

  static func damage(_ clause: String) -> SkipReason {
    SkipReason(.damaged, clause, remedy: "Save or download the file again")
  }

  /// Reads the entry at `position` of the central directory and moves past it.
  ///
  /// - Throws: `malformed` when that is no entry: what follows cannot be found then.
  init(_ directory: UnsafeRawBufferPointer, at position: inout Int) throws {
    guard let fixed = directory.slice(at: position, count: 46),
      fixed.littleEndian(at: 0, as: UInt32.self) == 0x0201_4b50
    else { throw ZipDirectory.malformed("an entry of its directory is wrong or cut off") }
    func u16(_ offset: Int) -> UInt16 { fixed.littleEndian(at: offset) ?? 0 }
    func u32(_ offset: Int) -> UInt32 { fixed.littleEndian(at: offset) ?? 0 }
    let (nameLength, extraLength, commentLength) = (Int(u16(28)), Int(u16(30)), Int(u16(32)))
    guard let nameBytes = directory.slice(at: position + 46, count: nameLength),
      let extra = directory.slice(at: position + 46 + nameLength, count: extraLength),
      position + 46 + nameLength + extraLength + commentLength <= directory.count
    else { throw ZipDirectory.malformed("an entry of its directory is cut off") }
    position += 46 + nameLength + extraLength + commentLength
    // Without the mark for UTF-8 a name is in code page 437, but many tools write UTF-8 all the same.
    name =
      String(validating: nameBytes, as: UTF8.self)
      ?? (u16(8) & 0x800 == 0
        ? CodePage437.text(nameBytes) : String(decoding: nameBytes, as: UTF8.self))
    isEncrypted = u16(8) & 0x2041 != 0  // bit 0, strong encryption, or a masked header
    method =
      switch u16(10) {
      case 0: .stored
      case 8: .deflated
      default: .other(u16(10))
      }
    crc = u32(16)
    var wide = Zip64Extra(extra)
    let sizes = wide.value(u32(24), then: u32(20), u32(42))
    (byteCount, storedByteCount, headerOffset) = sizes ?? (0, 0, 0)
    if name.isEmpty {
      problem = ZipEntry.damage("it has no name")
    } else if sizes == nil {
      problem = ZipEntry.damage("its 64-bit sizes are missing or beyond any memory")
    } else if method == .stored, byteCount != storedByteCount, !isEncrypted {
      problem = ZipEntry.damage("its two sizes differ though it is not compressed")
    }
  }

  /// Finds the entry's bytes by its local header, which must repeat the directory. Offsets count from
  /// `base` on before, and from the file's start afterwards.
  ///
  /// - Parameter record: The entry's record in the directory.
  mutating func locate(
    _ record: UnsafeRawBufferPointer, in archive: UnsafeRawBufferPointer, from base: Int,
    before limit: Int
  ) {
    guard problem == nil else { return }
    problem = located(record, archive, base, limit)
  }

  private mutating func located(
    _ record: UnsafeRawBufferPointer, _ archive: UnsafeRawBufferPointer, _ base: Int, _ limit: Int
  ) -> SkipReason? {
    guard headerOffset <= limit - base else {
      return ZipEntry.damage("its header is not where the zip directory says")
    }
    headerOffset += base
    guard let local = archive.slice(at: headerOffset, count: 30),
      local.littleEndian(at: 0, as: UInt32.self) == 0x0403_4b50,
      let nameLength = local.littleEndian(at: 26, as: UInt16.self),
      let extraLength = local.littleEndian(at: 28, as: UInt16.self),
      let localMethod = local.littleEndian(at: 8, as: UInt16.self)
    else { return ZipEntry.damage("its header is not where the zip directory says") }
    dataOffset = headerOffset + 30 + Int(nameLength) + Int(extraLength)
    guard dataOffset <= limit, storedByteCount <= limit - dataOffset else {
      return ZipEntry.damage("its bytes reach beyond where the archive's entries end")
    }
    let repeated = archive.slice(at: headerOffset + 30, count: Int(nameLength))
    let length = Int(record.littleEndian(at: 28, as: UInt16.self) ?? 0)
    guard let repeated, let name = record.slice(at: 46, count: length),
      repeated.elementsEqual(name), methodNumber == localMethod
    else {
      return ZipEntry.damage("its header contradicts the zip directory")
    }
    return nil
  }

  var methodNumber: UInt16 {
    switch method {
    case .stored: 0
    case .deflated: 8
    case .other(let number): number
    }
  }
}

/// The 64-bit sizes of an entry, which stand for those that are all ones in the 32-bit fields.
private struct Zip64Extra {
  private var rest: UnsafeRawBufferPointer?

  init(_ extra: UnsafeRawBufferPointer) {
    var position = 0
    while let kind = extra.littleEndian(at: position, as: UInt16.self),
      let size = extra.littleEndian(at: position + 2, as: UInt16.self)
    {
      if kind == 1 {
        rest = extra.slice(at: position + 4, count: Int(size))
        return
      }
      position += 4 + Int(size)
    }
  }

  /// Size, stored size and header offset; `nil` when one is missing or fits no `Int`.
  mutating func value(
    _ size: UInt32, then stored: UInt32, _ offset: UInt32
  ) -> (Int, Int, Int)? {
    guard let size = next(size), let stored = next(stored), let offset = next(offset) else {
      return nil
    }
    return (size, stored, offset)
  }

  private mutating func next(_ narrow: UInt32) -> Int? {
    guard narrow == .max else { return Int(narrow) }
    guard let bytes = rest, let wide = bytes.littleEndian(at: 0, as: UInt64.self) else {
      return nil
    }
    rest = bytes.slice(at: 8, count: bytes.count - 8)
    return Int(exactly: wide)
  }
}
