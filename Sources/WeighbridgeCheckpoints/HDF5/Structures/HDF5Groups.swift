import WeighbridgeTensors

/// The members of groups: links, in one of three forms (specification IV.A.2.c, IV.A.2.g, IV.A.2.r).
extension HDF5Structure {
  struct Member {
    /// What is not UTF-8 is replaced.
    var name: String
    var isUTF8: Bool
    var link: Link
  }

  enum Link {
    case hard(header: Int)
    case soft(target: String)
    case external
    case other
  }

  /// The members of a group, in the order of their creation where the file keeps it, else of their
  /// names; `nil` for an object that is no group.
  func members(of header: HDF5ObjectHeader) throws -> [Member]? {
    typealias Kind = HDF5ObjectHeader.Kind
    if let table = try header.only(Kind.symbolTable) { return try symbolTable(table) }
    guard let info = try header.only(Kind.linkInfo) else { return nil }
    let (version, flags) = (try u8(info.offset), try u8(info.offset + 1))
    guard version == 0 else { throw HDF5Unreadable.newer("its list of links", version) }
    let heapField = info.offset + 2 + (flags & 1 != 0 ? 8 : 0)
    guard heapField + 2 * offsetSize <= info.offset + info.count else {
      throw HDF5Structure.damaged("a group is cut off")
    }
    var links: [OrderedMember] = []
    for message in header.messages where message.kind == Kind.link {
      links.append(try linkMessage(message.offset, message.count))
    }
    if let heap = try optionalAddress(heapField) {
      try denseLinks(heap: heap, names: address(heapField + offsetSize), into: &links)
    }
    let isOrdered = flags & 1 != 0
    return links.sorted {
      isOrdered && $0.order != $1.order
        ? $0.order < $1.order
        : $0.member.name.utf8.lexicographicallyPrecedes($1.member.name.utf8)
    }.map(\.member)
  }

  private struct OrderedMember {
    var order: UInt64
    var member: Member
  }

  /// Links in a fractal heap, found through the index of their names: records of a hash and a heap
  /// identifier (III.A.2, type 5).
  private func denseLinks(
    heap: Int, names: Int, into links: inout [OrderedMember]
  ) throws {
    let heap = try HDF5FractalHeap(self, at: heap)
    try forEachRecord(ofTree: names, kind: 5) { record, count in
      guard count > 4 else { throw HDF5Structure.damaged("an index of links is wrong") }
      let (offset, length) = try heap.object(record + 4, count: count - 4)
      links.append(try linkMessage(offset, length))
    }
  }

  /// A link message (IV.A.2.g).
  private func linkMessage(_ offset: Int, _ count: Int) throws -> OrderedMember {
    let (version, flags) = (try u8(offset), try u8(offset + 1))
    guard version == 1 else { throw HDF5Unreadable.newer("a link", version) }
    var position = offset + 2
    let end = offset + count
    var (kind, order) = (0, UInt64(0))
    if flags & 8 != 0 {
      kind = try u8(position)
      position += 1
    }
    if flags & 4 != 0 {
      order = try u64(position)
      position += 8
    }
    if flags & 16 != 0 { position += 1 }
    let width = 1 << (flags & 3)
    let length = try size(position, size: width)
    position += width
    guard position <= end, length > 0, length <= end - position else {
      throw HDF5Structure.damaged("a link is cut off")
    }
    let name = try slice(position, length)
    position += length
    let link: Link
    switch kind {
    case 0:
      guard position + offsetSize <= end else { throw HDF5Structure.damaged("a link is cut off") }
      link = .hard(header: try address(position))
    case 1:
      let size = try u16(position)
      guard position + 2 + size <= end else { throw HDF5Structure.damaged("a link is cut off") }
      link = .soft(target: String(decoding: try slice(position + 2, size), as: UTF8.self))
    case 64: link = .external
    default: link = .other
    }
    return OrderedMember(order: order, member: member(name, link))
  }

  private func member(_ name: UnsafeRawBufferPointer, _ link: Link) -> Member {
    if let text = String(validating: name, as: UTF8.self) {
      return Member(name: text, isUTF8: true, link: link)
    }
    return Member(name: String(decoding: name, as: UTF8.self), isUTF8: false, link: link)
  }

  // MARK: The classic form

  /// The members of a group that keeps them in a symbol table: a B-tree of symbol nodes, with names in
  /// a local heap (III.A.1, III.B to III.D).
  private func symbolTable(_ table: HDF5ObjectHeader.Message) throws -> [Member] {
    guard table.count >= 2 * offsetSize else { throw HDF5Structure.damaged("a group is cut off") }
    let tree = try address(table.offset)
    let heap = try address(table.offset + offsetSize)
    try expect("HEAP", at: heap)
    let names = (
      offset: try address(heap + 8 + 2 * lengthSize), count: try length(heap + 8)
    )
    _ = try slice(names.offset, names.count)
    var members: [Member] = []
    var visited: Set<Int> = []
    try visitGroupTree(tree, level: nil, &visited) { node in
      try expect("SNOD", at: node)
      let count = try u16(node + 6)
      let entrySize = 2 * offsetSize + 24
      try work.charge(8 + count * entrySize)
      for position in 0..<count {
        members.append(try symbol(node + 8 + position * entrySize, names))
      }
    }
    return members
  }

  private func symbol(_ entry: Int, _ names: (offset: Int, count: Int)) throws -> Member {
    func text(_ offset: Int) throws -> UnsafeRawBufferPointer {
      guard offset < names.count else { throw HDF5Structure.damaged("a name lies nowhere") }
      return try textBytes(names.offset + offset, before: names.offset + names.count)
    }
    let name = try text(size(entry, size: offsetSize))
    guard !name.isEmpty else { throw HDF5Structure.damaged("a member has no name") }
    let scratch = entry + 2 * offsetSize + 8
    if try u32(scratch - 8) == 2 {
      return member(name, .soft(target: String(decoding: try text(u32(scratch)), as: UTF8.self)))
    }
    return member(name, .hard(header: try address(entry + offsetSize)))
  }

  /// Calls `leaf` for every symbol node under a node of a group's tree. Levels fall by one from node
  /// to node and no node is met twice, so the walk ends.
  private func visitGroupTree(
    _ node: Int, level: Int?, _ visited: inout Set<Int>, _ leaf: (Int) throws -> Void
  ) throws {
    let (actual, count) = try treeNode(node, kind: 0, level: level, &visited)
    let (first, step) = (node + 8 + 2 * offsetSize + lengthSize, lengthSize + offsetSize)
    try work.charge(8 + count * step)
    for position in 0..<count {
      let child = try address(first + position * step)
      if actual == 0 {
        guard visited.insert(child).inserted else {
          throw HDF5Structure.damaged("a group's tree meets itself")
        }
        try leaf(child)
      } else {
        try visitGroupTree(child, level: actual - 1, &visited, leaf)
      }
    }
  }

  /// The level of a tree node and how many children it has.
  func treeNode(
    _ node: Int, kind: Int, level: Int?, _ visited: inout Set<Int>
  ) throws -> (level: Int, count: Int) {
    try expect("TREE", at: node)
    let actual = try u8(node + 5)
    guard try u8(node + 4) == kind, level == nil || level == actual, actual <= 32,
      visited.insert(node).inserted
    else { throw HDF5Structure.damaged("a tree's nodes do not fit together") }
    return (actual, try u16(node + 6))
  }
}
