import WeighbridgeTensors

/// Texts in the classic format: attributes, and elements of variable length in the global heap
/// (specification IV.A.2.m and III.E).
extension HDF5Structure {
  /// An attribute: its name, and its value where that is a scalar text or number.
  func attribute(_ message: HDF5ObjectHeader.Message) throws -> (name: String, value: String?) {
    let (at, end) = (message.offset, message.offset + message.count)
    let version = try u8(at)
    guard (1...3).contains(version) else {
      throw HDF5Structure.damaged("an attribute is of version \(version)")
    }
    let isShared = try version > 1 && u8(at + 1) != 0
    let lengths = [try u16(at + 2), try u16(at + 4), try u16(at + 6)]
    var position = at + (version == 3 ? 9 : 8)
    var parts: [HDF5ObjectHeader.Message] = []
    for length in lengths {
      parts.append(HDF5ObjectHeader.Message(offset: position, count: length))
      position += version == 1 ? (length + 7) / 8 * 8 : length
    }
    guard position <= end else { throw HDF5Structure.damaged("an attribute is cut off") }
    let name = try text(parts[0].offset, before: parts[0].offset + parts[0].count)
    guard !isShared else { return (name, nil) }
    let (type, shape) = (try datatype(parts[1]).0, try dataspace(parts[2]))
    guard shape.allSatisfy({ $0 == 1 }) else { return (name, nil) }
    return (name, try scalar(type, at: position, before: end))
  }

  /// A scalar written out as text; `nil` when it is neither text nor a number, or no UTF-8.
  func scalar(_ type: HDF5Datatype, at offset: Int, before end: Int) throws -> String? {
    switch type {
    case .text(let byteCount?):
      guard byteCount <= end - offset else { throw HDF5Structure.damaged("a text is cut off") }
      return String(validating: try slice(offset, byteCount).prefix { $0 != 0 }, as: UTF8.self)
    case .text(nil):
      guard end - offset >= 16 else { throw HDF5Structure.damaged("a text is cut off") }
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
    let (length, wanted) = (try u32(offset), try u32(offset + 12))
    guard length > 0, try u64(offset + 4) != 0, let heap = try optionalAddress(offset + 4) else {
      return ""
    }
    try expect("GCOL", at: heap)
    let size = try self.length(heap + 8)
    _ = try slice(heap, size)
    var position = heap + 16
    while position + 16 <= heap + size {
      let (index, count) = (try u16(position), try self.length(position + 8))
      guard index != 0 else { break }  // free space
      guard count <= heap + size - position - 16 else {
        throw HDF5Structure.damaged("a text lies beyond its heap")
      }
      if index == wanted {
        guard length <= count else { throw HDF5Structure.damaged("a text is cut off") }
        let bytes = try slice(position + 16, length)
        return String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      position += 16 + (count + 7) / 8 * 8
    }
    throw HDF5Structure.damaged("a text lies nowhere")
  }
}
