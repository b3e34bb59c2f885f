import WeighbridgeTensors

/// The grid of a dataset's chunks.
struct HDF5ChunkGrid: Sendable {
  let shape: [Int]
  let chunking: HDF5Chunking
  /// How many chunks the shape needs, on each axis.
  let counts: [Int]
  /// The bytes of a chunk as it is in memory.
  let chunkByteCount: Int

  /// A chunk that is stored.
  struct Chunk: Sendable {
    /// Its number among the chunks that the shape needs, the last axis the fastest.
    var position: Int
    var offset: Int
    var byteCount: Int
    /// A bit per filter that was left out for this chunk.
    var skippedFilters: UInt32
  }

  init(shape: [Int], _ chunking: HDF5Chunking) throws {
    self.shape = shape
    self.chunking = chunking
    counts = zip(shape, chunking.extents).map { $0 == 0 ? 0 : ($0 - 1) / $1 + 1 }
    var bytes = chunking.elementSize
    for extent in chunking.extents {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= 1 << 40 else {
        throw HDF5Structure.damaged("its chunks are larger than any memory")
      }
      bytes = product
    }
    chunkByteCount = bytes
  }

  /// How many chunks the shape needs.
  var count: Int { counts.reduce(1) { $0.multipliedReportingOverflow(by: $1).0 } }

  /// The number of the chunk at a place on the grid; `nil` beyond the shape, as chunks of a dataset
  /// that was made smaller may be.
  func position(_ place: [Int]) -> Int? {
    var position = 0
    for axis in place.indices {
      guard place[axis] >= 0, place[axis] < counts[axis] else { return nil }
      position = position * counts[axis] + place[axis]
    }
    return position
  }

  /// The first element of a chunk, on each axis.
  func start(_ position: Int) -> [Int] {
    var rest = position
    var start = [Int](repeating: 0, count: counts.count)
    for axis in counts.indices.reversed() {
      start[axis] = rest % counts[axis] * chunking.extents[axis]
      rest /= counts[axis]
    }
    return start
  }
}

extension HDF5Structure {
  /// The stored chunks of a dataset, and whether they are all that its shape needs. The work is that of
  /// reading the index, whatever the shape claims.
  ///
  /// - Throws: `malformed` when one lies beyond the file, or two are one, or share bytes.
  func chunks(_ grid: HDF5ChunkGrid) throws -> (chunks: [HDF5ChunkGrid.Chunk], areAll: Bool) {
    let count = grid.count
    guard count > 0 else { return ([], true) }
    var chunks: [HDF5ChunkGrid.Chunk] = []
    switch grid.chunking.index {
    case .none: break
    case .tree(let tree): try chunkTree(tree, grid, into: &chunks)
    case .single(let offset, let byteCount, let skipped):
      guard count == 1 else {
        throw HDF5Structure.damaged("its one chunk is smaller than its shape")
      }
      chunks.append(
        HDF5ChunkGrid.Chunk(
          position: 0, offset: offset, byteCount: byteCount ?? grid.chunkByteCount,
          skippedFilters: skipped))
    case .implicit(let offset): try implicitChunks(offset, grid, into: &chunks)
    case .fixedArray(let header): try fixedArray(header, grid, into: &chunks)
    case .extensibleArray(let header): try extensibleArray(header, grid, into: &chunks)
    case .tree2(let header): try chunkTree2(header, grid, into: &chunks)
    }
    try check(chunks)
    return (chunks, chunks.count == count)
  }

  private func check(_ chunks: [HDF5ChunkGrid.Chunk]) throws {
    var left = self.count
    var last = -1
    var isSorted = true
    for chunk in chunks {
      guard chunk.byteCount >= 0, chunk.offset >= 0, chunk.offset <= count,
        chunk.byteCount <= count - chunk.offset
      else {
        throw WeighbridgeError(
          .malformed, "a chunk lies beyond the file's end",
          remedy: "Save or download the file again")
      }
      guard chunk.byteCount <= left else {
        throw HDF5Structure.damaged("its chunks hold more bytes than the file: they share some")
      }
      left -= chunk.byteCount
      isSorted = isSorted && chunk.position > last
      last = chunk.position
    }
    guard !isSorted else { return }
    guard Set(chunks.map(\.position)).count == chunks.count else {
      throw HDF5Structure.damaged("a chunk is stored twice")
    }
  }

  /// Chunks that lie one after another, all of them.
  private func implicitChunks(
    _ offset: Int, _ grid: HDF5ChunkGrid, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let numbering = try HDF5ChunkNumbering(grid)
    guard grid.count <= (count - offset) / max(1, grid.chunkByteCount) else {
      throw HDF5Structure.damaged("its chunks lie beyond its end")
    }
    for position in 0..<grid.count {
      let number = numbering.number(grid.start(position))
      let (distance, overflow) = number.multipliedReportingOverflow(by: grid.chunkByteCount)
      guard !overflow, distance <= count - offset else {
        throw HDF5Structure.damaged("its chunks lie beyond its end")
      }
      chunks.append(
        HDF5ChunkGrid.Chunk(
          position: position, offset: offset + distance, byteCount: grid.chunkByteCount,
          skippedFilters: .max))
    }
  }

  /// An element of an array that indexes chunks: an address, and with filters a size and a mask.
  func arrayElement(
    _ place: Int, size: Int, isFiltered: Bool, position: Int, _ grid: HDF5ChunkGrid
  ) throws -> HDF5ChunkGrid.Chunk? {
    guard let offset = try optionalAddress(place) else { return nil }
    guard isFiltered else {
      return HDF5ChunkGrid.Chunk(
        position: position, offset: offset, byteCount: grid.chunkByteCount, skippedFilters: 0)
    }
    let width = size - offsetSize - 4
    return HDF5ChunkGrid.Chunk(
      position: position, offset: offset,
      byteCount: try self.size(place + offsetSize, size: width),
      skippedFilters: UInt32(try u32(place + offsetSize + width)))
  }
}

/// How arrays number chunks: by their place in the dataset at its largest, with an axis without a limit
/// before the others.
struct HDF5ChunkNumbering {
  private let grid: HDF5ChunkGrid
  /// The axes, the slowest first, and how many chunks there can be on each.
  private let axes: [Int]
  private let counts: [Int]

  init(_ grid: HDF5ChunkGrid) throws {
    self.grid = grid
    let unlimited = grid.chunking.maximum.indices.filter { grid.chunking.maximum[$0] == nil }
    guard unlimited.count <= 1 else {
      throw HDF5Structure.damaged(
        "an array indexes chunks of a dataset that grows in two directions")
    }
    axes = unlimited + grid.shape.indices.filter { !unlimited.contains($0) }
    counts = axes.map { axis in
      guard let most = grid.chunking.maximum[axis] else { return .max }
      return most == 0 ? 0 : (most - 1) / grid.chunking.extents[axis] + 1
    }
    var product = 1
    for (axis, count) in zip(axes, counts) where grid.chunking.maximum[axis] != nil {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(1, count))
      guard !overflow, next < 1 << 48 else {
        throw HDF5Structure.damaged("its shape is larger than any memory")
      }
      product = next
    }
  }

  /// The number of the chunk that begins with an element.
  func number(_ start: [Int]) -> Int {
    zip(axes, counts).reduce(0) { number, axis in
      let (axis, count) = axis
      let scaled = start[axis] / grid.chunking.extents[axis]
      return count == .max ? scaled : number &* count &+ scaled
    }
  }

  /// The position on the grid of a number; `nil` when it lies beyond the shape.
  func position(_ number: Int) -> Int? {
    var rest = number
    var place = [Int](repeating: 0, count: axes.count)
    for (axis, count) in zip(axes, counts).reversed() {
      guard count != .max else {
        place[axis] = rest
        rest = 0
        continue
      }
      guard count > 0 else { return nil }
      place[axis] = rest % count
      rest /= count
    }
    return rest == 0 ? grid.position(place) : nil
  }
}
