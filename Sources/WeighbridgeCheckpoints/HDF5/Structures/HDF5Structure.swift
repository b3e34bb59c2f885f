import WeighbridgeTensors
import WeighbridgeWeights

/// The bytes of an HDF5 file, read with every offset checked and the work counted.
///
/// Source: "HDF5 File Format Specification Version 3.0", by whose sections the readers of the single
/// structures are named. libhdf5 has been seen to crash, loop and swell on damaged files, so it never
/// sees one.
struct HDF5Structure {
  let bytes: UnsafeRawBufferPointer
  let superblock: HDF5Superblock
  let work: HDF5Work

  /// - Throws: `malformed` when the file is shorter than its superblock says.
  init(_ file: UnsafeRawBufferPointer) throws {
    bytes = file
    superblock = try HDF5Superblock(file)
    work = HDF5Work(fileByteCount: file.count)
  }

  static func damaged(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the HDF5 file is damaged: \(what)", remedy: "Save or download the file again")
  }

  var count: Int { bytes.count }
  /// The bytes of an address, and of a length.
  var offsetSize: Int { superblock.offsetSize }
  var lengthSize: Int { superblock.lengthSize }

  func u8(_ offset: Int) throws -> Int { Int(try word(offset, UInt8.self)) }
  func u16(_ offset: Int) throws -> Int { Int(try word(offset, UInt16.self)) }
  func u32(_ offset: Int) throws -> Int { Int(try word(offset, UInt32.self)) }
  func u64(_ offset: Int) throws -> UInt64 { try word(offset, UInt64.self) }

  private func word<Word: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, _ type: Word.Type
  ) throws -> Word {
    guard let word = bytes.littleEndian(at: offset, as: type) else {
      throw HDF5Structure.damaged("a structure lies beyond its end")
    }
    return word
  }

  /// A little-endian number of 0 to 8 bytes.
  func number(_ offset: Int, size: Int) throws -> UInt64 {
    try slice(offset, size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A number of 0 to 8 bytes that fits an `Int`.
  func size(_ offset: Int, size: Int) throws -> Int {
    guard let value = Int(exactly: try number(offset, size: size)) else {
      throw HDF5Structure.damaged("a length is larger than any memory")
    }
    return value
  }

  /// A length that fits an `Int`.
  func length(_ offset: Int) throws -> Int { try size(offset, size: lengthSize) }

  /// Where in the file an address leads.
  func address(_ offset: Int) throws -> Int {
    guard let value = try optionalAddress(offset) else {
      throw HDF5Structure.damaged("an address is missing")
    }
    return value
  }

  /// Where in the file an address leads, or `nil` for "none".
  func optionalAddress(_ offset: Int) throws -> Int? {
    let value = try number(offset, size: offsetSize)
    if value == superblock.noAddress { return nil }
    guard value < UInt64(bytes.count - superblock.base) else {
      throw HDF5Structure.damaged("an address lies beyond its end")
    }
    return superblock.base + Int(value)
  }

  /// The bytes of a range.
  func slice(_ offset: Int, _ count: Int) throws -> UnsafeRawBufferPointer {
    guard let slice = bytes.slice(at: offset, count: count) else {
      throw HDF5Structure.damaged("a structure lies beyond its end")
    }
    return slice
  }

  /// Checks a structure's four-letter mark.
  func expect(_ mark: StaticString, at offset: Int) throws {
    guard try slice(offset, 4).elementsEqual("\(mark)".utf8) else {
      throw HDF5Structure.damaged("a structure marked \(mark) is not where it should be")
    }
  }

  /// Checks the mark, the version (0 unless told otherwise) and the checksum of a structure that ends
  /// in one; `count` counts it too.
  func expectSummed(_ mark: StaticString, at offset: Int, count: Int, version: Int = 0) throws {
    try work.charge(count)
    try expect(mark, at: offset)
    let found = try u8(offset + 4)
    guard found == version else { throw HDF5Unreadable.newer("a structure marked \(mark)", found) }
    try checkSum(offset, count)
  }

  /// Checks that the last four bytes of a range are the checksum of the others.
  func checkSum(_ offset: Int, _ count: Int) throws {
    guard count >= 4 else { throw HDF5Structure.damaged("a structure is cut off") }
    let sum = Lookup3.checksum(try slice(offset, count - 4))
    guard Checksums.agree(UInt32(try u32(offset + count - 4)), sum) else {
      throw HDF5Structure.damaged("the checksum of a structure is another")
    }
  }

  /// The text from an offset to its zero byte, which must come before `end`.
  func text(_ offset: Int, before end: Int) throws -> String {
    let bytes = try textBytes(offset, before: end)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw HDF5Structure.damaged("a name is not UTF-8 text")
    }
    return text
  }

  /// The bytes from an offset to a zero byte, which must come before `end`.
  func textBytes(_ offset: Int, before end: Int) throws -> UnsafeRawBufferPointer {
    guard offset >= 0, offset < end, end <= bytes.count,
      let zero = bytes[offset..<end].firstIndex(of: 0)
    else { throw HDF5Structure.damaged("a name does not end") }
    try work.charge(zero - offset)
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<zero])
  }
}

/// An object uses something that is not read; the rest of the file is.
struct HDF5Unreadable: Error {
  let reason: SkipReason

  init(_ kind: SkipReason.Kind, _ clause: String, remedy: String? = nil) {
    reason = SkipReason(kind, clause, remedy: remedy)
  }

  static func newer(_ what: String, _ version: Int) -> HDF5Unreadable {
    HDF5Unreadable(
      .version,
      "\(what) is of version \(version): a newer version of HDF5 wrote it, or it is damaged",
      remedy: "Write the file again with h5py's libver=('earliest', 'v110')")
  }
}

/// How much of a file's structure has been read. Structures may point at each other at will, so a small
/// file could be read without end: what is read in all is bounded by the file's size.
final class HDF5Work {
  /// Structures are read this often at most, on average.
  static let factor = 16
  /// What small files have beside.
  static let allowance = 1 << 20
  /// What an entry takes beside its name.
  private static let entryByteCount = 64

  private var left: Int
  private var namesLeft: Int

  init(fileByteCount: Int) {
    left = HDF5Work.allowance + fileByteCount.multipliedReportingOverflow(by: HDF5Work.factor).0
    namesLeft = left / 2
  }

  /// Counts bytes that are about to be read.
  func charge(_ count: Int) throws {
    guard count >= 0, count <= left else { throw HDF5Work.usedUp }
    left -= count
  }

  /// Counts an entry that is about to be listed, whose path has a number of bytes.
  func name(_ count: Int) throws {
    guard count <= namesLeft - HDF5Work.entryByteCount else { throw HDF5Work.usedUp }
    namesLeft -= count + HDF5Work.entryByteCount
  }

  private static let usedUp = HDF5Structure.damaged(
    "its structures refer to the same bytes again and again")

  /// Whether an error ends the reading of the file, and not of an object alone.
  static func isUsedUp(_ error: WeighbridgeError) -> Bool { error.message == usedUp.message }
}
