import WeighbridgeTensors

/// The members of groups: a B-tree of symbol nodes, with names in a local heap (specification III.A.1,
/// III.B to III.D).
extension HDF5Structure {
  enum Link {
    case hard(header: Int)
    case soft(target: String)
    case external
    case other
  }

  private static let mostMembers = 200_000

  /// The members of a group, in the order of their creation where the file keeps it, else of their
  /// names; `nil` for an object that is no group.
  func members(of header: HDF5ObjectHeader) throws -> [(name: String, link: Link)]? {
    typealias Kind = HDF5ObjectHeader.Kind
    if let table = try header.only(Kind.symbolTable) { return try members(table) }
    guard let info = try header.only(Kind.linkInfo) else { return nil }
    guard info.count >= 18, try u8(info.offset) == 0 else {
      throw HDF5Structure.damaged("a group is cut off")
    }
    let heap = info.offset + 2 + (try u8(info.offset + 1) & 1 != 0 ? 8 : 0)
    if let heap = try optionalAddress(heap) { try leaveToLibrary("FRHP", at: heap) }
    return try (header.messages[Kind.link] ?? []).map(linkMessage)
      .sorted { ($0.order, $0.name) < ($1.order, $1.name) }.map { ($0.name, $0.link) }
  }

  /// A link message (IV.A.2.g).
  private func linkMessage(
    _ message: HDF5ObjectHeader.Message
  ) throws -> (order: UInt64, name: String, link: Link) {
    let flags = try u8(message.offset + 1)
    var position = message.offset + 2
    let end = message.offset + message.count
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
    let length: Int
    switch flags & 3 {
    case 0: length = try u8(position)
    case 1: length = try u16(position)
    case 2: length = try u32(position)
    default: length = try self.length(position)
    }
    position += 1 << (flags & 3)
    guard try u8(message.offset) == 1, length > 0, length <= end - position,
      let name = String(validating: try slice(position, length), as: UTF8.self)
    else { throw HDF5Structure.damaged("a link is wrong") }
    position += length
    switch kind {
    case 0: return (order, name, .hard(header: try address(position)))
    case 1:
      let target = try slice(position + 2, u16(position))
      guard let text = String(validating: target, as: UTF8.self) else {
        throw HDF5Structure.damaged("a link is wrong")
      }
      return (order, name, .soft(target: text))
    case 64: return (order, name, .external)
    default: return (order, name, .other)
    }
  }

  /// The members of a group that keeps them in a symbol table.
  private func members(_ symbolTable: HDF5ObjectHeader.Message) throws -> [(
    name: String, link: Link
  )] {
    guard symbolTable.count >= 16 else { throw HDF5Structure.damaged("a group is cut off") }
    let tree = try address(symbolTable.offset)
    let heap = try address(symbolTable.offset + 8)
    try expect("HEAP", at: heap)
    let names = (try address(heap + 24), try length(heap + 8))
    _ = try slice(names.0, names.1)
    var members: [(name: String, link: Link)] = []
    var visited: Set<Int> = []
    try visitGroupTree(tree, level: nil, &visited) { node in
      try expect("SNOD", at: node)
      for position in 0..<(try u16(node + 6)) {
        guard members.count < HDF5Structure.mostMembers else {
          throw HDF5Structure.damaged("a group holds too many members")
        }
        members.append(try member(node + 8 + position * 40, names: names))
      }
    }
    return members
  }

  private func member(
    _ entry: Int, names: (offset: Int, count: Int)
  ) throws -> (name: String, link: Link) {
    func text(_ offset: Int) throws -> String {
      guard offset < names.count else { throw HDF5Structure.damaged("a name lies nowhere") }
      return try self.text(names.offset + offset, before: names.offset + names.count)
    }
    let name = try text(length(entry))
    guard !name.isEmpty else { throw HDF5Structure.damaged("a member has no name") }
    if try u32(entry + 16) == 2 {
      return (name, .soft(target: try text(u32(entry + 24))))
    }
    return (name, .hard(header: try address(entry + 8)))
  }

  /// Calls `leaf` for every symbol node under a node of a group's tree. Levels fall by one from node
  /// to node and no node is met twice, so the walk ends.
  private func visitGroupTree(
    _ node: Int, level: Int?, _ visited: inout Set<Int>, _ leaf: (Int) throws -> Void
  ) throws {
    let (actual, count) = try treeNode(node, kind: 0, level: level, &visited)
    for position in 0..<count {
      let child = try address(node + 24 + position * 16 + 8)
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
