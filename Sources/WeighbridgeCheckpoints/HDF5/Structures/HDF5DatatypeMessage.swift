import WeighbridgeTensors

/// What elements are (specification IV.A.2.d).
extension HDF5Structure {
  func datatype(_ message: HDF5ObjectHeader.Message) throws -> HDF5Datatype {
    let (at, count) = (message.offset, message.count)
    func needs(_ wanted: Int) throws {
      guard count >= wanted else { throw HDF5Structure.damaged("a type is cut off") }
    }
    try needs(8)
    let (version, kind) = (try u8(at) >> 4, try u8(at) & 15)
    guard (1...5).contains(version) else { throw HDF5Unreadable.newer("its type", version) }
    let (bits, size) = (try u32(at) >> 8, try u32(at + 4))
    guard size > 0 else { throw HDF5Structure.damaged("a type has elements without bytes") }
    switch kind {
    case 0:
      try needs(12)
      return try integer(at, bits, size)
    case 1:
      try needs(20)
      return try float(at, bits, size)
    case 2: return .other("times")
    case 3: return .text(byteCount: size)
    case 4: return size == 1 ? .numbers(.bool, bigEndian: false) : .other("bit fields")
    case 5:
      // What NumPy has no name for, `V2`, is how bfloat16 reaches h5py.
      return size == 2
        ? .numbers(.bfloat16, bigEndian: false) : .other("raw bytes (an opaque type)")
    case 6: return .other("records (a compound type)")
    case 7: return .other("references")
    case 8: return try enumeration(message, version: version, count: bits & 0xffff)
    case 9:
      guard bits & 15 == 1, size == 8 + offsetSize else { return .other("lists of varying length") }
      return .text(byteCount: nil)
    case 10: return .other("small arrays (an array type)")
    case 11: return .other("complex numbers")
    default: return .other("an unknown type")
    }
  }

  private func integer(_ at: Int, _ bits: Int, _ size: Int) throws -> HDF5Datatype {
    HDF5Datatype.integer(
      size: size, isSigned: bits & 8 != 0, bigEndian: bits & 1 != 0,
      bitOffset: try u16(at + 8), precision: try u16(at + 10))
  }

  private func float(_ at: Int, _ bits: Int, _ size: Int) throws -> HDF5Datatype {
    let layout = HDF5Datatype.FloatLayout(
      sign: bits >> 8 & 0xff, exponent: try u8(at + 12), exponentSize: try u8(at + 13),
      mantissa: try u8(at + 14), mantissaSize: try u8(at + 15), bias: try u32(at + 16),
      isNormalized: bits >> 4 & 3 == 2)
    guard bits & 0x40 == 0 else { return .other("numbers of an unusual byte order") }
    return HDF5Datatype.float(size: size, layout, bigEndian: bits & 1 != 0)
  }

  /// An enumeration: a base type, names, values. h5py's booleans are one, of one byte with the names
  /// FALSE and TRUE; others are read by their numbers.
  private func enumeration(
    _ message: HDF5ObjectHeader.Message, version: Int, count: Int
  ) throws -> HDF5Datatype {
    let (base, end) = (message.offset + 8, message.offset + message.count)
    guard message.count >= 20, try u8(base) & 15 == 0 else { return .other("an enumeration") }
    let size = try u32(base + 4)
    let numbers = try integer(base, u32(base) >> 8, size)
    guard case .numbers = numbers, try u32(message.offset + 4) == size else {
      return .other("an enumeration")
    }
    guard size == 1, count == 2 else { return numbers }
    var position = base + 12
    var names: [String] = []
    for _ in 0..<count {
      let name = try textBytes(position, before: end)
      position += version < 3 ? (name.count + 8) / 8 * 8 : name.count + 1
      names.append(String(decoding: name, as: UTF8.self))
    }
    guard position + count <= end else { throw HDF5Structure.damaged("an enumeration is cut off") }
    let values = [try u8(position), try u8(position + 1)]
    let isBool =
      names == ["FALSE", "TRUE"] && values == [0, 1]
      || names == ["TRUE", "FALSE"] && values == [1, 0]
    return isBool ? .numbers(.bool, bigEndian: false) : numbers
  }
}
