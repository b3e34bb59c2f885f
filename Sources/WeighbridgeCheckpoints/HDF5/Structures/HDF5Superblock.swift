import WeighbridgeTensors
import WeighbridgeWeights

/// The beginning of a file: the sizes of its addresses, and where its root is (specification II).
struct HDF5Superblock {
  /// What addresses count from: the end of the user block.
  let base: Int
  let offsetSize: Int
  let lengthSize: Int
  /// The header of the root group.
  let root: Int

  /// The address that stands for none.
  var noAddress: UInt64 { offsetSize == 8 ? .max : 1 << UInt64(offsetSize * 8) - 1 }

  /// Where HDF5 begins: at 0, or after a user block at 512, 1024, 2048 …
  static func offset(in bytes: UnsafeRawBufferPointer) -> Int? {
    let mark: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    var offset = 0
    while offset <= bytes.count - mark.count, offset < 1 << 32 {
      if bytes[offset...].starts(with: mark) { return offset }
      offset = offset == 0 ? 512 : offset * 2
    }
    return nil
  }

  init(_ file: UnsafeRawBufferPointer) throws {
    guard let start = HDF5Superblock.offset(in: file) else {
      throw HDF5Structure.damaged("its signature is missing")
    }
    base = start
    func u8(_ offset: Int) throws -> Int {
      guard let value: UInt8 = file.littleEndian(at: start + offset) else {
        throw HDF5Structure.damaged("its superblock is cut off")
      }
      return Int(value)
    }
    let version = try u8(8)
    guard version <= 3 else { throw HDF5Unreadable.newer("its superblock", version) }
    let sizes = version < 2 ? 13 : 9
    (offsetSize, lengthSize) = (try u8(sizes), try u8(sizes + 1))
    guard [2, 4, 8].contains(offsetSize), [2, 4, 8].contains(lengthSize) else {
      throw HDF5Structure.damaged("its addresses are \(offsetSize) bytes long")
    }
    let size = offsetSize
    func field(_ offset: Int) throws -> UInt64 {
      guard let bytes = file.slice(at: start + offset, count: size) else {
        throw HDF5Structure.damaged("its superblock is cut off")
      }
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    // The addresses: base, free space or extension, end of the file, driver or root.
    let fields = version == 0 ? 24 : version == 1 ? 28 : 12
    if version >= 2 {
      let count = fields + 4 * size
      guard let content = file.slice(at: start, count: count),
        let sum: UInt32 = file.littleEndian(at: start + count),
        Checksums.agree(sum, Lookup3.checksum(content))
      else { throw HDF5Structure.damaged("the checksum of its superblock is another") }
    }
    // libhdf5 too takes the place of the signature for the base where a user block came or went.
    let (declaredBase, declaredEnd) = (try field(fields), try field(fields + 2 * size))
    guard declaredEnd >= declaredBase else {
      throw HDF5Structure.damaged("its superblock says that it ends before it begins")
    }
    let (end, overflow) = (declaredEnd - declaredBase).addingReportingOverflow(UInt64(start))
    guard !overflow, end <= UInt64(file.count) else {
      throw WeighbridgeError(
        .malformed, "the HDF5 file is cut off: it should be \(end) bytes long",
        remedy: "Save or download the file again")
    }
    let address = try field(fields + (version < 2 ? 5 : 3) * size)
    guard address < UInt64(file.count - start) else {
      throw HDF5Structure.damaged("its root lies beyond its end")
    }
    root = start + Int(address)
  }
}
