import WeighbridgeTensors

/// What the messages of object headers say (specification IV.A.2).
extension HDF5Structure {
  /// A dataspace message: the extents; `[0]` for the null space.
  func dataspace(_ message: HDF5ObjectHeader.Message) throws -> [Int] {
    guard message.count >= 4 else { throw HDF5Structure.damaged("a shape is cut off") }
    let (version, rank) = (try u8(message.offset), try u8(message.offset + 1))
    guard version == 1 || version == 2 else {
      throw HDF5Structure.damaged("a shape is of version \(version)")
    }
    let start = version == 1 ? 8 : 4
    guard rank <= 32, start + rank * 8 <= message.count else {
      throw HDF5Structure.damaged("a shape is cut off")
    }
    if version == 2, try u8(message.offset + 3) == 2 { return [0] }
    return try (0..<rank).map { axis in
      let extent = try u64(message.offset + start + axis * 8)
      guard let value = Int(exactly: extent) else {
        throw WeighbridgeError(.malformed, "an extent of \(extent) is larger than any memory")
      }
      return value
    }
  }

  /// A datatype message, and how many bytes it takes where that is known.
  func datatype(_ message: HDF5ObjectHeader.Message) throws -> (HDF5Datatype, byteCount: Int?) {
    guard message.count >= 8 else { throw HDF5Structure.damaged("a type is cut off") }
    let at = message.offset
    let (version, kind) = (try u8(at) >> 4, try u8(at) & 15)
    guard (1...3).contains(version) else {
      return (.other("a type of version \(version)"), nil)
    }
    let (bits, size) = (try u32(at) >> 8, try u32(at + 4))
    guard size > 0 else { throw HDF5Structure.damaged("a type has elements without bytes") }
    func needs(_ count: Int) throws {
      guard message.count >= count else { throw HDF5Structure.damaged("a type is cut off") }
    }
    switch kind {
    case 0:
      try needs(12)
      return (
        HDF5Datatype.integer(
          size: size, isSigned: bits & 8 != 0, bigEndian: bits & 1 != 0,
          bitOffset: try u16(at + 8), precision: try u16(at + 10)), 12
      )
    case 1:
      try needs(20)
      let layout = HDF5Datatype.FloatLayout(
        sign: bits >> 8 & 0xff, exponent: try u8(at + 12), exponentSize: try u8(at + 13),
        mantissa: try u8(at + 14), mantissaSize: try u8(at + 15), bias: try u32(at + 16),
        isNormalized: bits >> 4 & 3 == 2)
      guard bits & 0x40 == 0 else { return (.other("numbers of an unusual byte order"), 20) }
      return (HDF5Datatype.float(size: size, layout, bigEndian: bits & 1 != 0), 20)
    case 3: return (.text(byteCount: size), 8)
    case 4:
      return (size == 1 ? .numbers(.bool, bigEndian: false) : .other("bit fields"), 12)
    case 5: return (.other("raw bytes (an opaque type)"), nil)
    case 6: return (.other("records (a compound type)"), nil)
    case 7: return (.other("references"), 8)
    case 8: return (try enumeration(message, version: version, count: bits & 0xffff), nil)
    case 9:
      guard bits & 15 == 1, size == 16 else { return (.other("lists of varying length"), nil) }
      return (.text(byteCount: nil), nil)
    case 10: return (.other("small arrays (an array type)"), nil)
    default: return (.other("an unknown type"), nil)
    }
  }

  /// An enumeration: a base type, names, values.
  private func enumeration(
    _ message: HDF5ObjectHeader.Message, version: Int, count: Int
  ) throws -> HDF5Datatype {
    let end = message.offset + message.count
    let (base, byteCount) = try datatype(
      HDF5ObjectHeader.Message(offset: message.offset + 8, count: message.count - 8))
    guard case .numbers(let dtype, _) = base, let byteCount, dtype != .bool,
      !dtype.isFloatingPoint, try u32(message.offset + 4) == dtype.byteCount
    else { return .other("an enumeration") }
    guard dtype == .int8, count == 2 else { return base }
    var position = message.offset + 8 + byteCount
    var names: [String] = []
    for _ in 0..<count {
      let name = try text(position, before: end)
      let length = name.utf8.count + 1
      position += version < 3 ? (length + 7) / 8 * 8 : length
      names.append(name)
    }
    guard position + count <= end else { throw HDF5Structure.damaged("an enumeration is cut off") }
    let values = try (0..<count).map { try u8(position + $0) }
    return Dictionary(zip(names, values)) { first, _ in first } == ["FALSE": 0, "TRUE": 1]
      ? .numbers(.bool, bigEndian: false) : base
  }

  /// A layout message of version 3; and a chunked dataset's index.
  func layout(
    _ message: HDF5ObjectHeader.Message, filters: [HDF5Filter], rank: Int
  ) throws -> HDF5Layout {
    let at = message.offset
    guard message.count >= 2 else { throw HDF5Structure.damaged("a layout is cut off") }
    let (version, kind) = (try u8(at), try u8(at + 1))
    guard version == 3 else {
      let isVirtual = version == 4 && kind == 3
      throw WeighbridgeError(
        .unsupported,
        isVirtual ? HDF5Dataset.virtualReason : "its layout is of version \(version)",
        remedy: "Copy it with h5repack")
    }
    func needs(_ count: Int) throws {
      guard message.count >= count else { throw HDF5Structure.damaged("a layout is cut off") }
    }
    switch kind {
    case 0:
      try needs(4)
      let size = try u16(at + 2)
      try needs(4 + size)
      return HDF5Layout(kind: .compact(offset: at + 4), storedByteCount: size)
    case 1:
      try needs(18)
      guard let offset = try optionalAddress(at + 2) else {
        return HDF5Layout(kind: .absent, storedByteCount: 0)
      }
      return HDF5Layout(kind: .contiguous(offset: offset), storedByteCount: try length(at + 10))
    case 2:
      try needs(3)
      let dimensions = try u8(at + 2)
      try needs(11 + dimensions * 4)
      guard dimensions == rank + 1 else {
        throw HDF5Structure.damaged("the chunks have another rank than the shape")
      }
      let extents = try (0..<rank).map { try u32(at + 11 + $0 * 4) }
      let tree = try optionalAddress(at + 3)
      return HDF5Layout(
        kind: .chunked(extents: extents, filters: filters, index: .tree(tree)),
        storedByteCount: try tree.map { try storedByteCount(tree: $0, rank: rank) } ?? 0)
    default: throw HDF5Structure.damaged("a layout is of an unknown kind")
    }
  }

  /// A filter pipeline message.
  func filters(_ message: HDF5ObjectHeader.Message) throws -> [HDF5Filter] {
    let (version, count) = (try u8(message.offset), try u8(message.offset + 1))
    guard version == 1 || version == 2, count <= 32 else {
      throw HDF5Structure.damaged("a list of filters is wrong")
    }
    let end = message.offset + message.count
    var position = message.offset + (version == 1 ? 8 : 2)
    return try (0..<count).map { _ in
      let number = try u16(position)
      let hasName = version == 1 || number >= 256
      let nameLength = hasName ? try u16(position + 2) : 0
      position += hasName ? 4 : 2
      let values = try u16(position + 2)
      position += 4
      let name = nameLength > 0 ? try text(position, before: min(end, position + nameLength)) : ""
      position += version == 1 ? (nameLength + 7) / 8 * 8 : nameLength
      position += values * 4 + (version == 1 && values % 2 == 1 ? 4 : 0)
      guard position <= end else { throw HDF5Structure.damaged("a list of filters is cut off") }
      return HDF5Filter(number: number, name: name)
    }
  }

  /// The bytes of an element that is not stored; zeros unless a message says otherwise.
  func fill(_ header: HDF5ObjectHeader, elementSize: Int) throws -> [UInt8] {
    var value: (offset: Int, count: Int)?
    if let message = try header.only(HDF5ObjectHeader.Kind.fill) {
      let at = message.offset
      switch try u8(at) {
      case 1, 2:
        if try u8(at + 3) == 1 { value = (at + 8, try u32(at + 4)) }
      case 3:
        if try u8(at + 1) & 0x20 != 0 { value = (at + 6, try u32(at + 2)) }
      default: throw HDF5Structure.damaged("a fill value is of an unknown version")
      }
    } else if let message = try header.only(HDF5ObjectHeader.Kind.oldFill) {
      value = (message.offset + 4, try u32(message.offset))
    }
    guard let value, value.count > 0, elementSize > 0 else {
      return [UInt8](repeating: 0, count: elementSize)
    }
    guard value.count == elementSize else {
      throw HDF5Structure.damaged("a fill value has another size than the elements")
    }
    return Array(try slice(value.offset, value.count))
  }
}
