import WeighbridgeTensors

/// The extents of a dataset, and how far they may grow (specification IV.A.2.b).
struct HDF5Dataspace: Sendable, Hashable {
  /// `[0]` for the null space.
  var extents: [Int]
  /// `nil` for an axis without a limit.
  var maximum: [Int?]
}

extension HDF5Structure {
  func dataspace(_ message: HDF5ObjectHeader.Message) throws -> HDF5Dataspace {
    guard message.count >= 4 else { throw HDF5Structure.damaged("a shape is cut off") }
    let (version, rank) = (try u8(message.offset), try u8(message.offset + 1))
    guard version == 1 || version == 2 else { throw HDF5Unreadable.newer("its shape", version) }
    let hasMaximum = try u8(message.offset + 2) & 1 != 0
    let start = version == 1 ? 8 : 4
    guard rank <= 32, start + rank * lengthSize * (hasMaximum ? 2 : 1) <= message.count else {
      throw HDF5Structure.damaged("a shape is cut off")
    }
    if version == 2, try u8(message.offset + 3) == 2 {
      return HDF5Dataspace(extents: [0], maximum: [0])
    }
    func value(_ index: Int) throws -> UInt64 {
      try number(message.offset + start + index * lengthSize, size: lengthSize)
    }
    let extents = try (0..<rank).map { axis in
      guard let extent = Int(exactly: try value(axis)) else {
        throw WeighbridgeError(
          .malformed, "an extent of \(try value(axis)) is larger than any memory")
      }
      return extent
    }
    let unlimited = lengthSize == 8 ? UInt64.max : 1 << UInt64(lengthSize * 8) - 1
    let maximum: [Int?] = try (0..<rank).map { axis in
      guard hasMaximum else { return extents[axis] }
      let limit = try value(rank + axis)
      guard limit != unlimited else { return nil }
      guard let most = Int(exactly: limit), most >= extents[axis] else {
        throw HDF5Structure.damaged("an extent is beyond its own limit")
      }
      return most
    }
    return HDF5Dataspace(extents: extents, maximum: maximum)
  }
}
