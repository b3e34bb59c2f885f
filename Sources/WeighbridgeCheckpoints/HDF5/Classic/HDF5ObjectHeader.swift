import WeighbridgeTensors

/// The messages of an object header of version 1 (specification IV.A.1.a).
struct HDF5ObjectHeader {
  struct Message {
    /// Where its data begins in the file, and how long it is.
    var offset: Int
    var count: Int
  }

  private(set) var messages: [Int: [Message]] = [:]

  enum Kind {
    static let dataspace = 0x01
    static let linkInfo = 0x02
    static let datatype = 0x03
    static let oldFill = 0x04
    static let fill = 0x05
    static let link = 0x06
    static let external = 0x07
    static let layout = 0x08
    static let filters = 0x0b
    static let attribute = 0x0c
    static let continuation = 0x10
    static let symbolTable = 0x11
    static let attributeInfo = 0x15
  }

  private static let mostBlocks = 4096

  init(_ file: HDF5Structure, at address: Int) throws {
    guard try file.u8(address) == 1 else { try file.leaveToLibrary("OHDR", at: address) }
    var remaining = try file.u16(address + 2)
    var blocks = [(offset: address + 16, count: try file.u32(address + 8))]
    var next = 0
    while next < blocks.count, remaining > 0 {
      guard blocks.count <= HDF5ObjectHeader.mostBlocks else {
        throw HDF5Structure.damaged("an object header does not end")
      }
      let block = blocks[next]
      next += 1
      _ = try file.slice(block.offset, block.count)
      var position = block.offset
      let end = block.offset + block.count
      while position + 8 <= end, remaining > 0 {
        remaining -= 1
        let (kind, size) = (try file.u16(position), try file.u16(position + 2))
        let flags = try file.u8(position + 4)
        guard position + 8 + size <= end else {
          throw HDF5Structure.damaged("a message is longer than its object header")
        }
        if kind == Kind.continuation {
          guard size >= 16 else { throw HDF5Structure.damaged("an object header is cut off") }
          blocks.append((try file.address(position + 8), try file.length(position + 16)))
        } else if flags & 2 != 0 {
          guard kind == Kind.datatype, messages[kind] == nil else {
            throw HDF5Structure.damaged("a message is shared that cannot be")
          }
          messages[kind] = [try HDF5ObjectHeader.named(file, position + 8)]
        } else {
          messages[kind, default: []].append(Message(offset: position + 8, count: size))
        }
        position += 8 + size
      }
    }
  }

  /// A datatype that is an object of its own, by the reference to it.
  private static func named(_ file: HDF5Structure, _ reference: Int) throws -> Message {
    let version = try file.u8(reference)
    guard (1...3).contains(version) else {
      throw HDF5Structure.damaged("a shared type is of version \(version)")
    }
    let address = try file.address(reference + (version == 1 ? 8 : 2))
    guard try file.u8(address) == 1 else { try file.leaveToLibrary("OHDR", at: address) }
    // Only the first block is searched: a named type has little else.
    let count = min(try file.u32(address + 8), 1 << 20)
    var position = address + 16
    while position + 8 <= address + 16 + count {
      let (kind, size) = (try file.u16(position), try file.u16(position + 2))
      if kind == Kind.datatype, try file.u8(position + 4) & 2 == 0 {
        return Message(offset: position + 8, count: size)
      }
      position += 8 + size
    }
    throw HDF5Structure.damaged("a shared type lies nowhere")
  }

  /// The one message of a kind.
  func only(_ kind: Int) throws -> Message? {
    guard let found = messages[kind] else { return nil }
    guard found.count == 1 else {
      throw HDF5Structure.damaged("an object header holds a message twice")
    }
    return found[0]
  }
}
