import WeighbridgeTensors
import WeighbridgeWeights

/// A file uses a structure that only libhdf5 reads. All of those carry checksums.
struct HDF5NeedsLibrary: Error {
  /// What it is, for whoever debugs this.
  let what: String
}

/// The bytes of an HDF5 file in the classic format, read with every offset checked.
///
/// What h5py and MATLAB write by default has a superblock of version 0, and structures without
/// checksums, on which libhdf5 has been seen to crash when bytes are damaged. They are few and simple,
/// so they are read here, in Swift, within bounds; everything newer carries checksums and is left to
/// the library. Source: "HDF5 File Format Specification Version 2.0", sections II.A, III and IV.
struct HDF5Structure {
  private let bytes: UnsafeRawBufferPointer
  /// What addresses count from: the end of the user block.
  private let base: Int
  /// The header of the root group.
  private(set) var root = 0

  /// The address that stands for none.
  static let noAddress = UInt64.max

  /// - Throws: `HDF5NeedsLibrary` for a newer format, `malformed` when the file is shorter than its
  ///   superblock says.
  init(_ file: UnsafeRawBufferPointer) throws {
    guard let start = FileSignature.hdf5Offset(file) else {
      throw HDF5Structure.damaged("its signature is missing")
    }
    bytes = file
    base = start
    let version = try u8(start + 8)
    switch version {
    case 0, 1: break
    case 2, 3: throw HDF5NeedsLibrary(what: "a superblock of version \(version)")
    default: throw HDF5Structure.damaged("its superblock is of version \(version)")
    }
    let (offsetSize, lengthSize) = (try u8(start + 13), try u8(start + 14))
    guard offsetSize == lengthSize, offsetSize == 4 || offsetSize == 8 else {
      throw HDF5Structure.damaged("its superblock is wrong")
    }
    guard offsetSize == 8 else {
      throw WeighbridgeError(
        .unsupported, "is an HDF5 file whose offsets are not 8 bytes long",
        remedy: "Copy it with h5repack")
    }
    let fields = start + (version == 0 ? 24 : 28)
    guard try u64(fields) == UInt64(start), try u64(fields + 24) == HDF5Structure.noAddress else {
      throw HDF5Structure.damaged("its superblock is wrong")
    }
    let end = try u64(fields + 16)
    guard end <= UInt64(file.count) else {
      throw WeighbridgeError(
        .malformed, "the HDF5 file is cut off: it should be \(end) bytes long",
        remedy: "Save or download the file again")
    }
    root = try address(fields + 40)
  }

  static func damaged(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the HDF5 file is damaged: \(what)", remedy: "Save or download the file again")
  }

  var count: Int { bytes.count }

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

  /// A length that fits an `Int`.
  func length(_ offset: Int) throws -> Int {
    guard let value = Int(exactly: try u64(offset)) else {
      throw HDF5Structure.damaged("a length is larger than any memory")
    }
    return value
  }

  /// Where in the file an address leads.
  func address(_ offset: Int) throws -> Int {
    guard let value = try optionalAddress(offset) else {
      throw HDF5Structure.damaged("an address is missing")
    }
    return value
  }

  /// Where in the file an address leads, or `nil` for "none".
  func optionalAddress(_ offset: Int) throws -> Int? {
    let value = try u64(offset)
    if value == HDF5Structure.noAddress { return nil }
    guard value < UInt64(bytes.count - base) else {
      throw HDF5Structure.damaged("an address lies beyond its end")
    }
    return base + Int(value)
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

  /// Passes a structure that begins with a mark on to the library, which checks its checksum.
  func leaveToLibrary(_ mark: StaticString, at offset: Int) throws -> Never {
    try expect(mark, at: offset)
    throw HDF5NeedsLibrary(what: "\(mark)")
  }

  /// The text from an offset to its zero byte, which must come before `end`.
  func text(_ offset: Int, before end: Int) throws -> String {
    guard offset >= 0, offset < end, end <= bytes.count,
      let zero = bytes[offset..<end].firstIndex(of: 0)
    else { throw HDF5Structure.damaged("a name does not end") }
    guard let text = String(validating: bytes[offset..<zero], as: UTF8.self) else {
      throw HDF5Structure.damaged("a name is not UTF-8 text")
    }
    return text
  }
}
