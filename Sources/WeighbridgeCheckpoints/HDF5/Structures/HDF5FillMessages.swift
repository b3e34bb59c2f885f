import WeighbridgeTensors

/// The filters of a dataset's chunks, and the value of elements that are not stored (specification
/// IV.A.2.e, IV.A.2.f, IV.A.2.l).
extension HDF5Structure {
  /// A filter pipeline message.
  func filters(_ header: HDF5ObjectHeader) throws -> [HDF5Filter] {
    guard let message = try header.only(HDF5ObjectHeader.Kind.filters) else { return [] }
    let (version, count) = (try u8(message.offset), try u8(message.offset + 1))
    guard version == 1 || version == 2 else { throw HDF5Unreadable.newer("its filters", version) }
    guard count <= 32 else { throw HDF5Structure.damaged("a dataset has \(count) filters") }
    let end = message.offset + message.count
    var position = message.offset + (version == 1 ? 8 : 2)
    return try (0..<count).map { _ in
      let number = try u16(position)
      let hasName = version == 1 || number >= 256
      let nameLength = hasName ? try u16(position + 2) : 0
      position += hasName ? 4 : 2
      let flags = try u16(position)
      let values = try u16(position + 2)
      position += 4
      let name = try slice(position, nameLength).prefix { $0 != 0 }
      position += version == 1 ? (nameLength + 7) / 8 * 8 : nameLength
      guard position + values * 4 <= end else {
        throw HDF5Structure.damaged("a list of filters is cut off")
      }
      let parameters = try (0..<values).map { UInt32(try u32(position + $0 * 4)) }
      position += values * 4 + (version == 1 && values % 2 == 1 ? 4 : 0)
      return HDF5Filter(
        number: number, name: String(decoding: name, as: UTF8.self), values: parameters,
        isOptional: flags & 1 != 0)
    }
  }

  /// The bytes of an element that is not stored; zeros unless a message says otherwise.
  func fill(_ header: HDF5ObjectHeader, elementSize: Int) throws -> [UInt8] {
    var value: (offset: Int, count: Int)?
    if let message = try header.only(HDF5ObjectHeader.Kind.fill) {
      let at = message.offset
      let version = try u8(at)
      switch version {
      case 1, 2:
        if try u8(at + 3) == 1 { value = (at + 8, try u32(at + 4)) }
      case 3:
        if try u8(at + 1) & 0x20 != 0 { value = (at + 6, try u32(at + 2)) }
      default: throw HDF5Unreadable.newer("its fill value", version)
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
