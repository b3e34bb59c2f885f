import WeighbridgeTensors

/// Where a dataset's elements are (specification IV.A.2.i).
extension HDF5Structure {
  /// - Parameter byteCount: The size of all elements, as old layouts do not say it.
  func layout(
    _ header: HDF5ObjectHeader, _ message: HDF5ObjectHeader.Message, _ space: HDF5Dataspace,
    elementSize: Int, byteCount: Int
  ) throws -> HDF5Layout {
    let reader = LayoutReader(
      file: self, at: message.offset, end: message.offset + message.count, space: space,
      elementSize: elementSize)
    let version = try u8(message.offset)
    switch version {
    case 1, 2: return try reader.old(filters(header), byteCount: byteCount)
    case 3: return try reader.plain(filters(header))
    case 4, 5: return try reader.indexed(filters(header))
    default: throw HDF5Unreadable.newer("its layout", version)
    }
  }
}

private struct LayoutReader {
  let file: HDF5Structure
  let at: Int
  let end: Int
  let space: HDF5Dataspace
  let elementSize: Int

  private var rank: Int { space.extents.count }

  private func needs(_ count: Int) throws {
    guard count <= end - at else { throw HDF5Structure.damaged("a layout is cut off") }
  }

  private func contiguous(_ address: Int, _ byteCount: () throws -> Int) throws -> HDF5Layout {
    guard let offset = try file.optionalAddress(address) else {
      return HDF5Layout(kind: .absent, storedByteCount: 0)
    }
    return HDF5Layout(kind: .contiguous(offset: offset), storedByteCount: try byteCount())
  }

  private func compact(_ offset: Int, _ count: Int) throws -> HDF5Layout {
    try needs(offset - at + count)
    return HDF5Layout(kind: .compact(offset: offset), storedByteCount: count)
  }

  /// Versions 1 and 2, of libraries before 1.6.3.
  func old(_ filters: [HDF5Filter], byteCount: Int) throws -> HDF5Layout {
    try needs(8)
    let (dimensions, kind) = (try file.u8(at + 1), try file.u8(at + 2))
    let sizes = at + 8 + (kind == 0 ? 0 : file.offsetSize)
    try needs(sizes - at + dimensions * 4)
    switch kind {
    case 0:
      let size = sizes + dimensions * 4
      try needs(size - at + 4)
      return try compact(size + 4, file.u32(size))
    case 1: return try contiguous(at + 8) { byteCount }
    case 2: return try chunked(tree: at + 8, sizes: sizes, dimensions, filters)
    default: throw HDF5Structure.damaged("a layout is of an unknown kind")
    }
  }

  /// Version 3.
  func plain(_ filters: [HDF5Filter]) throws -> HDF5Layout {
    let (o, kind) = (file.offsetSize, try file.u8(at + 1))
    guard kind == 2 else { return try unchunked(kind) }
    try needs(3)
    let dimensions = try file.u8(at + 2)
    try needs(3 + o + dimensions * 4)
    return try chunked(tree: at + 3, sizes: at + 3 + o, dimensions, filters)
  }

  /// What versions 3 and later have in common.
  private func unchunked(_ kind: Int) throws -> HDF5Layout {
    switch kind {
    case 0:
      try needs(4)
      return try compact(at + 4, file.u16(at + 2))
    case 1:
      try needs(2 + file.offsetSize + file.lengthSize)
      return try contiguous(at + 2) { try file.length(at + 2 + file.offsetSize) }
    case 3: throw HDF5Dataset.isVirtual
    default: throw HDF5Structure.damaged("a layout is of an unknown kind")
    }
  }

  private func chunked(
    tree: Int, sizes: Int, _ dimensions: Int, _ filters: [HDF5Filter]
  ) throws -> HDF5Layout {
    try checkRank(dimensions)
    let extents = try (0..<rank).map { try file.u32(sizes + $0 * 4) }
    let tree = try file.optionalAddress(tree)
    return try chunked(
      extents: extents, elementSize: file.u32(sizes + rank * 4), filters,
      tree.map { .tree($0) } ?? .none)
  }

  /// The chunks' rank counts the bytes of an element as an axis.
  private func checkRank(_ dimensions: Int) throws {
    guard dimensions == rank + 1 else {
      throw HDF5Structure.damaged("the chunks have another rank than the shape")
    }
  }

  private func chunked(
    extents: [Int], elementSize size: Int, _ filters: [HDF5Filter], _ index: HDF5ChunkIndex,
    skipsPartial: Bool = false
  ) throws -> HDF5Layout {
    guard extents.allSatisfy({ $0 > 0 }), size == elementSize || elementSize == 0 else {
      throw HDF5Structure.damaged("the chunks have elements of another size")
    }
    let chunking = HDF5Chunking(
      extents: extents, maximum: space.maximum, elementSize: size, filters: filters, index: index,
      leavesPartialChunksPlain: skipsPartial)
    return HDF5Layout(kind: .chunked(chunking), storedByteCount: 0)
  }

  /// Versions 4 and 5: chunks have indexes of several kinds.
  func indexed(_ filters: [HDF5Filter]) throws -> HDF5Layout {
    let kind = try file.u8(at + 1)
    guard kind == 2 else { return try unchunked(kind) }
    try needs(5)
    let (flags, dimensions, width) = (
      try file.u8(at + 2), try file.u8(at + 3), try file.u8(at + 4)
    )
    try checkRank(dimensions)
    guard (1...8).contains(width) else { throw HDF5Structure.damaged("a layout is wrong") }
    var position = at + 5 + dimensions * width
    try needs(position + 1 - at)
    let sizes = try (0..<dimensions).map { try file.size(at + 5 + $0 * width, size: width) }
    let indexKind = try file.u8(position)
    position += 1
    let singleFiltered = indexKind == 1 && flags & 2 != 0
    switch indexKind {
    case 1: position += singleFiltered ? file.lengthSize + 4 : 0
    case 2: break
    case 3: position += 1
    case 4: position += 5
    case 5: position += 6
    default: throw HDF5Unreadable.newer("the index of its chunks", indexKind)
    }
    try needs(position + file.offsetSize - at)
    let index: HDF5ChunkIndex
    if let address = try file.optionalAddress(position) {
      switch indexKind {
      case 1:
        index = .single(
          offset: address,
          byteCount: singleFiltered ? try file.length(position - 4 - file.lengthSize) : nil,
          skippedFilters: singleFiltered ? UInt32(try file.u32(position - 4)) : 0)
      case 2: index = .implicit(address)
      case 3: index = .fixedArray(address)
      case 4: index = .extensibleArray(address)
      default: index = .tree2(address)
      }
    } else {
      index = .none
    }
    return try chunked(
      extents: Array(sizes.dropLast()), elementSize: sizes[rank], filters, index,
      skipsPartial: flags & 1 != 0)
  }
}
