import WeighbridgeTensors

/// The texts of a file: attributes (specification IV.A.2.m, IV.A.2.v), and elements of variable length
/// in global heaps (III.E).
extension HDF5Structure {
  /// Calls `body` with each attribute of an object: where its message lies.
  func forEachAttribute(
    of header: HDF5ObjectHeader, _ body: (_ offset: Int, _ count: Int) throws -> Void
  ) throws {
    typealias Kind = HDF5ObjectHeader.Kind
    for message in header.messages where message.kind == Kind.attribute {
      guard !message.isShared else { continue }
      try body(message.offset, message.count)
    }
    guard let info = try header.only(Kind.attributeInfo) else { return }
    let (version, flags) = (try u8(info.offset), try u8(info.offset + 1))
    guard version == 0 else { throw HDF5Unreadable.newer("its list of attributes", version) }
    let heapField = info.offset + 2 + (flags & 1 != 0 ? 2 : 0)
    guard heapField + 2 * offsetSize <= info.offset + info.count else {
      throw HDF5Structure.damaged("a list of attributes is cut off")
    }
    guard let address = try optionalAddress(heapField) else { return }
    let heap = try HDF5FractalHeap(self, at: address)
    let names = try self.address(heapField + offsetSize)
    try forEachRecord(ofTree: names, kind: 8) { record, count in
      guard count > 9 else { throw HDF5Structure.damaged("an index of attributes is wrong") }
      // An identifier, flags, an order of creation, a hash.
      guard try u8(record + count - 9) & 2 == 0 else { return }
      let (offset, length) = try heap.object(record, count: count - 9)
      try body(offset, length)
    }
  }

  /// An attribute's name, and where its parts are.
  func attribute(_ at: Int, _ count: Int) throws -> HDF5Attribute {
    guard count >= 8 else { throw HDF5Structure.damaged("an attribute is cut off") }
    let version = try u8(at)
    guard (1...3).contains(version) else { throw HDF5Unreadable.newer("an attribute", version) }
    let flags = version > 1 ? try u8(at + 1) : 0
    let lengths = [try u16(at + 2), try u16(at + 4), try u16(at + 6)]
    var position = at + (version == 3 ? 9 : 8)
    var parts: [Int] = []
    for length in lengths {
      parts.append(position)
      position += version == 1 ? (length + 7) / 8 * 8 : length
    }
    guard position <= at + count else { throw HDF5Structure.damaged("an attribute is cut off") }
    let name = try textBytes(parts[0], before: parts[0] + lengths[0])
    return HDF5Attribute(
      name: String(decoding: name, as: UTF8.self),
      type: HDF5ObjectHeader.Message(
        kind: HDF5ObjectHeader.Kind.datatype, offset: parts[1], count: lengths[1],
        isShared: flags & 1 != 0),
      space: HDF5ObjectHeader.Message(
        kind: HDF5ObjectHeader.Kind.dataspace, offset: parts[2], count: lengths[2],
        isShared: flags & 2 != 0),
      value: position, end: at + count)
  }

  /// An attribute's value where it is a scalar text or number.
  func value(of attribute: HDF5Attribute) throws -> String? {
    func found(_ message: HDF5ObjectHeader.Message) throws -> HDF5ObjectHeader.Message {
      message.isShared ? try shared(message) : message
    }
    let (type, space) = (
      try datatype(found(attribute.type)), try dataspace(found(attribute.space))
    )
    guard space.extents.allSatisfy({ $0 == 1 }) else { return nil }
    return try scalar(type, at: attribute.value, before: attribute.end)
  }

  /// A scalar written out as text; `nil` when it is neither text nor a number, or no UTF-8.
  func scalar(_ type: HDF5Datatype, at offset: Int, before end: Int) throws -> String? {
    switch type {
    case .text(let byteCount?):
      guard byteCount <= end - offset else { throw HDF5Structure.damaged("a text is cut off") }
      try work.charge(byteCount)
      return String(validating: try slice(offset, byteCount).prefix { $0 != 0 }, as: UTF8.self)
    case .text(nil):
      guard end - offset >= 8 + offsetSize else {
        throw HDF5Structure.damaged("a text is cut off")
      }
      return try variableText(at: offset)
    case .numbers(let dtype, let bigEndian):
      guard dtype.byteCount <= end - offset else {
        throw HDF5Structure.damaged("a number is cut off")
      }
      let storage = try TensorStorage(byteCount: dtype.byteCount) {
        $0.copyMemory(from: try slice(offset, dtype.byteCount))
      }
      let tensor = try Tensor(dtype: dtype, shape: [], storage: storage)
      let value = bigEndian ? try tensor.byteSwapped() : tensor
      return dtype.isFloatingPoint
        ? try value.elements(as: Double.self).first.map { "\($0)" }
        : dtype == .uint64
          ? try value.elements(as: UInt64.self).first.map { "\($0)" }
          : try value.elements(as: Int64.self).first.map { "\($0)" }
    case .other: return nil
    }
  }

  /// A text of variable length: its length, and its place in a global heap.
  private func variableText(at offset: Int) throws -> String? {
    let (length, wanted) = (try u32(offset), try u32(offset + 4 + offsetSize))
    guard length > 0, try number(offset + 4, size: offsetSize) != 0,
      let heap = try optionalAddress(offset + 4)
    else { return "" }
    try expect("GCOL", at: heap)
    let size = try self.length(heap + 8)
    _ = try slice(heap, size)
    let (end, head) = (heap + size, 8 + lengthSize)
    // Every step goes forward, whatever the objects claim.
    var position = heap + 8 + lengthSize
    while end - position >= head {
      try work.charge(head)
      let (index, count) = (try u16(position), try self.length(position + 8))
      guard index != 0 else { break }  // free space
      guard count <= end - position - head else {
        throw HDF5Structure.damaged("a text lies beyond its heap")
      }
      if index == wanted {
        guard length <= count else { throw HDF5Structure.damaged("a text is cut off") }
        try work.charge(length)
        let bytes = try slice(position + head, length)
        return String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      position += head + (count + 7) / 8 * 8
    }
    throw HDF5Structure.damaged("a text lies nowhere")
  }
}

/// The parts of an attribute's message.
struct HDF5Attribute {
  let name: String
  let type: HDF5ObjectHeader.Message
  let space: HDF5ObjectHeader.Message
  /// Where its value begins, and where the message ends.
  let value: Int
  let end: Int
}
