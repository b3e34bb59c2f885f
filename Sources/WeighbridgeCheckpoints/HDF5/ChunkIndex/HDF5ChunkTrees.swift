import WeighbridgeTensors

/// Chunks in B-trees: of version 1, whose keys are the chunks' first elements (specification III.A.1,
/// node type 1), and of version 2 (III.A.2, types 10 and 11).
extension HDF5Structure {
  func chunkTree(
    _ tree: Int, _ grid: HDF5ChunkGrid, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    var visited: Set<Int> = []
    try visitChunkTree(tree, grid, level: nil, &visited, &chunks)
  }

  /// Levels fall by one from node to node and no node is met twice, so the walk ends.
  private func visitChunkTree(
    _ node: Int, _ grid: HDF5ChunkGrid, level: Int?, _ visited: inout Set<Int>,
    _ chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let (actual, count) = try treeNode(node, kind: 1, level: level, &visited)
    let keyLength = 8 + 8 * (grid.shape.count + 1)
    let (first, step) = (node + 8 + 2 * offsetSize, keyLength + offsetSize)
    try work.charge(8 + count * step)
    for number in 0..<count {
      let key = first + number * step
      let child = try address(key + keyLength)
      guard actual == 0 else {
        try visitChunkTree(child, grid, level: actual - 1, &visited, &chunks)
        continue
      }
      var position: Int? = 0
      for axis in grid.shape.indices {
        let start = try u64(key + 8 + axis * 8)
        let extent = UInt64(grid.chunking.extents[axis])
        guard start % extent == 0 else {
          throw HDF5Structure.damaged("a chunk is not where it should be")
        }
        let place = Int(clamping: start / extent)
        position = place < grid.counts[axis] ? position.map { $0 * grid.counts[axis] + place } : nil
      }
      guard let position else { continue }
      chunks.append(
        HDF5ChunkGrid.Chunk(
          position: position, offset: child, byteCount: try u32(key),
          skippedFilters: UInt32(try u32(key + 4))))
    }
  }

  func chunkTree2(
    _ header: Int, _ grid: HDF5ChunkGrid, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let kind = try recordKind(ofTree: header)
    let isFiltered = kind == 11
    let places = 8 * grid.shape.count
    guard isFiltered || kind == 10 else {
      throw HDF5Structure.damaged("a tree holds records of another kind")
    }
    try forEachRecord(ofTree: header, kind: kind) { record, size in
      let head = size - places
      guard isFiltered ? head > offsetSize + 4 && head <= offsetSize + 12 : head == offsetSize
      else {
        throw HDF5Structure.damaged("a tree of chunks has records of another size")
      }
      let place = try grid.shape.indices.map { Int(clamping: try u64(record + head + $0 * 8)) }
      guard let position = grid.position(place),
        let chunk = try arrayElement(
          record, size: head, isFiltered: isFiltered, position: position, grid)
      else { return }
      chunks.append(chunk)
    }
  }
}
