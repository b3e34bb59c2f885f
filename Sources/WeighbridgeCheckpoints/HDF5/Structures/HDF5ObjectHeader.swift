import WeighbridgeTensors

/// The messages of an object header (specification IV.A.1), in the order of the file.
struct HDF5ObjectHeader {
  struct Message {
    let kind: Int
    /// Where its data begins in the file, and how long it is.
    let offset: Int
    let count: Int
    /// Whether the data is a reference to where the message stands.
    let isShared: Bool
  }

  private(set) var messages: [Message] = []
  private let file: HDF5Structure

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
    /// What versions up to 1.14 of the library know.
    static let last = 0x18
  }

  init(_ file: HDF5Structure, at address: Int) throws {
    self.file = file
    let first = try file.u8(address)
    if first == UInt8(ascii: "O") {
      try readSummed(address)
    } else if first == 1 {
      try readClassic(address)
    } else {
      throw HDF5Structure.damaged("an object header is neither of version 1 nor of 2")
    }
  }

  /// Version 1, without checksums.
  private mutating func readClassic(_ address: Int) throws {
    var remaining = try file.u16(address + 2)
    var blocks = [(offset: address + 16, count: try file.u32(address + 8))]
    var next = 0
    while next < blocks.count, remaining > 0 {
      let block = blocks[next]
      next += 1
      _ = try file.slice(block.offset, block.count)
      try file.work.charge(16 + block.count)
      var position = block.offset
      let end = block.offset + block.count
      while position + 8 <= end, remaining > 0 {
        remaining -= 1
        let (kind, size) = (try file.u16(position), try file.u16(position + 2))
        let flags = try file.u8(position + 4)
        position += 8
        guard size <= end - position else {
          throw HDF5Structure.damaged("a message is longer than its object header")
        }
        try add(kind, flags, position, size, &blocks)
        position += size
      }
    }
  }

  /// Version 2: every block has a checksum.
  private mutating func readSummed(_ address: Int) throws {
    try file.expect("OHDR", at: address)
    let (version, flags) = (try file.u8(address + 4), try file.u8(address + 5))
    guard version == 2 else { throw HDF5Unreadable.newer("its object header", version) }
    var start = address + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let width = 1 << (flags & 3)
    let count = try file.size(start, size: width)
    start += width
    _ = try file.slice(start, count)
    try file.work.charge(start - address + count)
    try file.checkSum(address, start - address + count + 4)
    var blocks: [(offset: Int, count: Int)] = []
    try readMessages(start, start + count, flags, &blocks)
    var next = 0
    while next < blocks.count {
      let block = blocks[next]
      next += 1
      try file.work.charge(block.count)
      try file.expect("OCHK", at: block.offset)
      try file.checkSum(block.offset, block.count)
      try readMessages(block.offset + 4, block.offset + block.count - 4, flags, &blocks)
    }
  }

  private mutating func readMessages(
    _ start: Int, _ end: Int, _ headerFlags: Int, _ blocks: inout [(offset: Int, count: Int)]
  ) throws {
    let head = headerFlags & 4 != 0 ? 6 : 4
    var position = start
    while position + head <= end {
      let (kind, size) = (try file.u8(position), try file.u16(position + 1))
      let flags = try file.u8(position + 3)
      position += head
      guard size <= end - position else {
        throw HDF5Structure.damaged("a message is longer than its object header")
      }
      try add(kind, flags, position, size, &blocks)
      position += size
    }
  }

  private mutating func add(
    _ kind: Int, _ flags: Int, _ offset: Int, _ size: Int,
    _ blocks: inout [(offset: Int, count: Int)]
  ) throws {
    switch kind {
    case 0: return
    case Kind.continuation:
      guard size >= file.offsetSize + file.lengthSize else {
        throw HDF5Structure.damaged("an object header is cut off")
      }
      blocks.append(
        (try file.address(offset), try file.length(offset + file.offsetSize)))
    default:
      // Whoever wrote a message of an unknown kind says whether others may pass over it.
      guard kind <= Kind.last || flags & 0x80 == 0 else {
        throw HDF5Unreadable(
          .version,
          "uses a message of kind \(kind): a newer version of HDF5 wrote it, or it is damaged",
          remedy: "Write the file again with h5py's libver=('earliest', 'v110')")
      }
      messages.append(
        Message(kind: kind, offset: offset, count: size, isShared: flags & 2 != 0))
    }
  }

  func has(_ kind: Int) -> Bool { messages.contains { $0.kind == kind } }

  /// The one message of a kind, found where it stands when it is shared.
  func only(_ kind: Int) throws -> Message? {
    var found: Message?
    for message in messages where message.kind == kind {
      guard found == nil else {
        throw HDF5Structure.damaged("an object header holds a message twice")
      }
      found = message
    }
    guard let found, found.isShared else { return found }
    return try file.shared(found)
  }
}

extension HDF5Structure {
  /// A message that another object header holds: a committed datatype.
  func shared(_ message: HDF5ObjectHeader.Message) throws -> HDF5ObjectHeader.Message {
    let at = message.offset
    guard message.count >= 2 + offsetSize else {
      throw HDF5Structure.damaged("a shared message is cut off")
    }
    let (version, place) = (try u8(at), try u8(at + 1))
    guard (1...3).contains(version) else {
      throw HDF5Unreadable.newer("a shared message", version)
    }
    guard version < 3 || place == 2 else {
      throw HDF5Unreadable(
        .encoding,
        "keeps its description in the file's table of shared messages, which is not read",
        remedy: "Copy the file with h5repack")
    }
    let header = try HDF5ObjectHeader(self, at: address(at + (version == 1 ? 8 : 2)))
    guard let target = header.messages.first(where: { $0.kind == message.kind }), !target.isShared
    else { throw HDF5Structure.damaged("a shared message lies nowhere") }
    return target
  }
}
