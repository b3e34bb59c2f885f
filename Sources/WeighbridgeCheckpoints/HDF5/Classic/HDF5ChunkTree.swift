import WeighbridgeTensors

/// Where the chunks of a dataset lie: a B-tree whose keys are the chunks' first elements
/// (specification III.A.1, node type 1).
extension HDF5Structure {
  private static let mostChunks = 1 << 24

  /// Every stored chunk, in the tree's order.
  func chunks(tree: Int, rank: Int) throws -> [HDF5ChunkGrid.Chunk] {
    var chunks: [HDF5ChunkGrid.Chunk] = []
    var visited: Set<Int> = []
    try visitChunkTree(tree, rank: rank, level: nil, &visited) { key, offset, byteCount in
      guard chunks.count < HDF5Structure.mostChunks else {
        throw HDF5Structure.damaged("a dataset has too many chunks")
      }
      chunks.append(
        HDF5ChunkGrid.Chunk(
          start: try (0..<rank).map { try length(key + 8 + $0 * 8) }, offset: offset,
          byteCount: byteCount, skippedFilters: UInt32(try u32(key + 4))))
    }
    return chunks
  }

  /// The size of all chunks in the file.
  func storedByteCount(tree: Int, rank: Int) throws -> Int {
    var sum = 0
    var visited: Set<Int> = []
    try visitChunkTree(tree, rank: rank, level: nil, &visited) { _, _, byteCount in
      sum = sum.addingReportingOverflow(byteCount).0
    }
    return sum
  }

  /// Calls `leaf` with the key, the offset and the size of every chunk under a node.
  private func visitChunkTree(
    _ node: Int, rank: Int, level: Int?, _ visited: inout Set<Int>,
    _ leaf: (_ key: Int, _ offset: Int, _ byteCount: Int) throws -> Void
  ) throws {
    let (actual, count) = try treeNode(node, kind: 1, level: level, &visited)
    let keyLength = 8 + 8 * (rank + 1)
    for position in 0..<count {
      let key = node + 24 + position * (keyLength + 8)
      let child = try address(key + keyLength)
      guard actual == 0 else {
        try visitChunkTree(child, rank: rank, level: actual - 1, &visited, leaf)
        continue
      }
      let byteCount = try u32(key)
      guard byteCount <= self.count - child else {
        throw WeighbridgeError(
          .malformed, "a chunk lies beyond the file's end",
          remedy: "Save or download the file again")
      }
      try leaf(key, child, byteCount)
    }
  }
}
