import WeighbridgeTensors

/// B-trees of version 2, whose every node has a checksum (specification III.A.2).
extension HDF5Structure {
  /// Calls `body` with the place and the size of every record of a tree, in the tree's order.
  ///
  /// - Parameter kind: The type of records that the tree must have.
  func forEachRecord(
    ofTree header: Int, kind: Int, _ body: (_ offset: Int, _ count: Int) throws -> Void
  ) throws {
    let tree = try HDF5Tree2(self, at: header)
    guard tree.kind == kind else {
      throw HDF5Structure.damaged("a tree holds records of another kind")
    }
    guard let root = tree.root else { return }
    var total = 0
    try tree.visit(root, depth: tree.depth) {
      total += 1
      try body($0, tree.recordSize)
    }
    guard total == tree.total else {
      throw HDF5Structure.damaged("a tree holds \(total) records and claims \(tree.total)")
    }
  }

  /// The type of a tree's records.
  func recordKind(ofTree header: Int) throws -> Int { try HDF5Tree2(self, at: header).kind }
}

/// A tree's header, and what follows from it: how wide the fields of its nodes are.
private struct HDF5Tree2 {
  struct Node {
    var offset: Int
    var count: Int
  }

  let kind: Int
  let recordSize: Int
  let depth: Int
  /// `nil` for a tree without records.
  let root: Node?
  let total: Int
  private let file: HDF5Structure
  private let nodeSize: Int
  /// The most records of a node, by its level above the leaves.
  private var capacity: [Int] = []
  /// The bytes of a child's total count of records, by the child's level.
  private var totalWidth: [Int] = []
  /// The bytes of a child's own count of records.
  private let countWidth: Int

  init(_ file: HDF5Structure, at header: Int) throws {
    self.file = file
    let (o, l) = (file.offsetSize, file.lengthSize)
    try file.expectSummed("BTHD", at: header, count: 22 + o + l)
    kind = try file.u8(header + 5)
    nodeSize = try file.u32(header + 6)
    recordSize = try file.u16(header + 10)
    depth = try file.u16(header + 12)
    let rootCount = try file.u16(header + 16 + o)
    total = try file.length(header + 18 + o)
    root = try file.optionalAddress(header + 16).map { Node(offset: $0, count: rootCount) }
    guard recordSize > 0, depth <= 16, nodeSize >= 10 + recordSize, nodeSize <= 1 << 30 else {
      throw HDF5Structure.damaged("a tree's header is wrong")
    }
    capacity = [(nodeSize - 10) / recordSize]
    totalWidth = [0]
    countWidth = HDF5Tree2.width(capacity[0])
    var most = capacity[0]
    for level in 0..<depth {
      let pointer = o + countWidth + totalWidth[level]
      let records = (nodeSize - 10 - pointer) / (recordSize + pointer)
      guard records > 0 else { throw HDF5Structure.damaged("a tree's header is wrong") }
      let (product, overflow) = most.multipliedReportingOverflow(by: records + 1)
      most = overflow || product > 1 << 56 ? 1 << 56 : product + records
      capacity.append(records)
      totalWidth.append(HDF5Tree2.width(most))
    }
  }

  /// The bytes that hold a number.
  static func width(_ value: Int) -> Int {
    (Int.bitWidth - max(1, value).leadingZeroBitCount - 1) / 8 + 1
  }

  /// Calls `body` for the records under a node. Levels fall by one from node to node, and the work is
  /// counted, so the walk ends.
  func visit(_ node: Node, depth: Int, _ body: (Int) throws -> Void) throws {
    guard node.count <= capacity[depth] else {
      throw HDF5Structure.damaged("a tree's node holds too many records")
    }
    let pointer = depth == 0 ? 0 : file.offsetSize + countWidth + totalWidth[depth - 1]
    let used = 6 + node.count * recordSize + (depth == 0 ? 0 : (node.count + 1) * pointer)
    try file.expectSummed(depth == 0 ? "BTLF" : "BTIN", at: node.offset, count: used + 4)
    guard try file.u8(node.offset + 5) == kind else {
      throw HDF5Structure.damaged("a tree's nodes do not fit together")
    }
    let children = node.offset + 6 + node.count * recordSize
    for position in 0...node.count {
      if depth > 0 {
        let place = children + position * pointer
        let child = Node(
          offset: try file.address(place),
          count: try file.size(place + file.offsetSize, size: countWidth))
        try visit(child, depth: depth - 1, body)
      }
      if position < node.count { try body(node.offset + 6 + position * recordSize) }
    }
  }
}
