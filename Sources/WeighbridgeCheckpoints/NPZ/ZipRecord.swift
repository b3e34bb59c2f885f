import WeighbridgeTensors

/// The two headers of a zip entry, in 64 bits where sizes need it.
struct ZipRecord {
  private let name: [UInt8]
  private let crc: UInt32
  private let byteCount: Int
  private let storedByteCount: Int
  private let method: UInt16
  private let offset: Int

  /// The largest value of a 32-bit field; itself the mark for "see the 64-bit field".
  private static let narrow = 0xffff_ffff
  /// An extra field without meaning, which other zip tools write for alignment too.
  private static let padding: UInt16 = 0xd935

  /// - Parameters:
  ///   - method: How the content is compressed; 0 is not at all.
  ///   - storedByteCount: Its compressed size; without it, it is stored as it is.
  /// - Throws: `unsupported` for a name longer than zip holds.
  init(
    name: String, method: UInt16 = 0, crc: UInt32, byteCount: Int, storedByteCount: Int? = nil,
    offset: Int
  ) throws {
    self.name = Array(name.utf8)
    guard self.name.count <= 0xffff else {
      throw WeighbridgeError(.unsupported, "the name is too long for a zip archive")
    }
    (self.crc, self.byteCount, self.offset, self.method) = (crc, byteCount, offset, method)
    self.storedByteCount = storedByteCount ?? byteCount
  }

  private var isWide: Bool { max(byteCount, storedByteCount) >= ZipRecord.narrow }

  /// The fields that both headers share, from the version that is needed to the length of the name.
  private func common() -> ByteWriter {
    var bytes = ByteWriter()
    bytes.u16(isWide || offset >= ZipRecord.narrow ? 45 : 20)
    bytes.u16(0x0800)  // the name is UTF-8
    bytes.u16(method)
    bytes.u16(0)
    bytes.u16(0x0021)  // 1980-01-01: files that are equal have equal bytes
    bytes.u32(crc)
    // Both are in the 64-bit field, or none.
    bytes.u32(UInt32(isWide ? ZipRecord.narrow : storedByteCount))
    bytes.u32(UInt32(isWide ? ZipRecord.narrow : byteCount))
    bytes.u16(UInt16(name.count))
    return bytes
  }

  /// The header before the content, padded so that the content begins at a multiple of 64.
  var local: [UInt8] {
    var extra = ByteWriter()
    if isWide {
      extra.u16(1)
      extra.u16(16)
      extra.u64(UInt64(byteCount))
      extra.u64(UInt64(storedByteCount))
    }
    let end = offset + 30 + name.count + extra.bytes.count
    if end % 64 != 0 {
      let fill = (64 - (end + 4) % 64) % 64
      extra.u16(ZipRecord.padding)
      extra.u16(UInt16(fill))
      extra.bytes += [UInt8](repeating: 0, count: fill)
    }
    var bytes = ByteWriter()
    bytes.u32(0x0403_4b50)
    bytes.bytes += common().bytes
    bytes.u16(UInt16(extra.bytes.count))
    return bytes.bytes + name + extra.bytes
  }

  /// The entry's record in the directory.
  var central: [UInt8] {
    var extra = ByteWriter()
    if isWide || offset >= ZipRecord.narrow {
      extra.u16(1)
      extra.u16((isWide ? 16 : 0) + (offset >= ZipRecord.narrow ? 8 : 0))
      if isWide {
        extra.u64(UInt64(byteCount))
        extra.u64(UInt64(storedByteCount))
      }
      if offset >= ZipRecord.narrow { extra.u64(UInt64(offset)) }
    }
    var bytes = ByteWriter()
    bytes.u32(0x0201_4b50)
    bytes.u16(45)
    bytes.bytes += common().bytes
    bytes.u16(UInt16(extra.bytes.count))
    bytes.u16(0)  // no comment
    bytes.u16(0)  // the first disk
    bytes.u16(0)
    bytes.u32(0)
    bytes.u32(UInt32(min(offset, ZipRecord.narrow)))
    return bytes.bytes + name + extra.bytes
  }

  /// The records after the directory.
  static func end(_ count: Int, from start: Int, to end: Int) -> [UInt8] {
    var bytes = ByteWriter()
    if count >= 0xffff || end >= narrow {
      bytes.u32(0x0606_4b50)
      bytes.u64(44)
      bytes.u16(45)
      bytes.u16(45)
      bytes.u32(0)
      bytes.u32(0)
      bytes.u64(UInt64(count))
      bytes.u64(UInt64(count))
      bytes.u64(UInt64(end - start))
      bytes.u64(UInt64(start))
      bytes.u32(0x0706_4b50)
      bytes.u32(0)
      bytes.u64(UInt64(end))
      bytes.u32(1)
    }
    bytes.u32(0x0605_4b50)
    bytes.u32(0)
    bytes.u16(UInt16(min(count, 0xffff)))
    bytes.u16(UInt16(min(count, 0xffff)))
    bytes.u32(UInt32(min(end - start, narrow)))
    bytes.u32(UInt32(min(start, narrow)))
    bytes.u16(0)
    return bytes.bytes
  }
}

/// Little-endian integers, one after another.
private struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func u16(_ value: UInt16) { add(value.littleEndian) }
  mutating func u32(_ value: UInt32) { add(value.littleEndian) }
  mutating func u64(_ value: UInt64) { add(value.littleEndian) }

  private mutating func add(_ value: some BitwiseCopyable) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
}
