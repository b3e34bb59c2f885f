import CHDF5
import WeighbridgeTensors
import WeighbridgeWeights

/// A chunked dataset whose chunks are decoded without the library: plain, or through shuffle, gzip and
/// fletcher32 in the order in which writers apply them.
struct HDF5ChunkGrid: Sendable {
  let shape: [Int]
  let extents: [Int]
  let filters: [HDF5Filter]
  let elementSize: Int
  let chunkByteCount: Int

  /// A chunk of the dataset, and where it lies in the file.
  struct Chunk: Sendable {
    /// Its first element, on each axis.
    var start: [Int]
    var offset: Int
    var byteCount: Int
    /// A bit per filter that was left out for this chunk.
    var skippedFilters: UInt32
  }

  /// Larger grids go to the library, which walks its index once.
  private static let mostChunks = 1 << 16

  /// `nil` when the library must read the dataset.
  init?(_ dataset: HDF5Dataset) {
    guard case .chunked(let extents, let filters, _) = dataset.layout.kind,
      let dtype = dataset.type.dtype, dataset.shape.elementCount > 0,
      extents.allSatisfy({ $0 > 0 }),
      [
        [], [.deflate], [.shuffle, .deflate], [.fletcher32], [.deflate, .fletcher32],
        [.shuffle, .deflate, .fletcher32], [.shuffle],
      ].contains(filters)
    else { return nil }
    var bytes = dtype.byteCount
    for extent in extents {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard !overflow, product < 1 << 32 else { return nil }
      bytes = product
    }
    shape = dataset.shape.dimensions
    self.extents = extents
    self.filters = filters
    elementSize = dtype.byteCount
    chunkByteCount = bytes
  }

  /// Where every chunk lies; `nil` when one is not stored, or the library should read the dataset.
  /// Runs inside `HDF5Library.run`.
  func locate(_ file: hid_t, _ path: String, in fileByteCount: Int) throws -> [Chunk]? {
    let counts = zip(shape, extents).map { ($0 + $1 - 1) / $1 }
    let total = counts.reduce(1) { min($0 * $1, HDF5ChunkGrid.mostChunks + 1) }
    guard total <= HDF5ChunkGrid.mostChunks, HDF5ChunkGrid.hasNoUserBlock(file) else { return nil }
    let id = H5Dopen2(file, path, wb_h5_default())
    return try HDF5Library.using(id, H5Dclose, "cannot be opened") { dataset in
      var chunks: [Chunk] = []
      chunks.reserveCapacity(total)
      for number in 0..<total {
        var start = [Int](repeating: 0, count: shape.count)
        var rest = number
        for axis in stride(from: shape.count - 1, through: 0, by: -1) {
          start[axis] = rest % counts[axis] * extents[axis]
          rest /= counts[axis]
        }
        let corner = start.map { hsize_t($0) }
        var (mask, address, size) = (UInt32(0), haddr_t(0), hsize_t(0))
        guard H5Dget_chunk_info_by_coord(dataset, corner, &mask, &address, &size) >= 0 else {
          throw HDF5Library.failure("a chunk cannot be found")
        }
        guard address != wb_h5_no_address(), size > 0 else { return nil }
        guard let offset = Int(exactly: address), let byteCount = Int(exactly: size),
          offset <= fileByteCount, byteCount <= fileByteCount - offset
        else {
          throw WeighbridgeError(
            .malformed, "a chunk lies beyond the file's end",
            remedy: "Save or download the file again")
        }
        chunks.append(
          Chunk(start: start, offset: offset, byteCount: byteCount, skippedFilters: mask))
      }
      return chunks
    }
  }

  /// The chunks among those of a tree that lie within the shape, and whether they cover it.
  ///
  /// - Throws: `malformed` when one is not on the grid, or two are one.
  func checked(_ chunks: [Chunk]) throws -> (chunks: [Chunk], areAll: Bool) {
    let counts = zip(shape, extents).map { ($0 + $1 - 1) / $1 }
    var positions: Set<Int> = []
    positions.reserveCapacity(chunks.count)
    // A dataset that was made smaller may have chunks beyond its shape.
    let inside = chunks.filter { chunk in zip(chunk.start, shape).allSatisfy { $0 < $1 } }
    for chunk in inside {
      var position = 0
      for axis in shape.indices {
        guard chunk.start[axis] % extents[axis] == 0 else {
          throw HDF5Structure.damaged("a chunk is not where it should be")
        }
        position = position &* counts[axis] &+ chunk.start[axis] / extents[axis]
      }
      guard positions.insert(position).inserted else {
        throw HDF5Structure.damaged("a chunk is stored twice")
      }
    }
    return (inside, counts.reduce(1) { $0.multipliedReportingOverflow(by: $1).0 } == inside.count)
  }

  private static func hasNoUserBlock(_ file: hid_t) -> Bool {
    let list = H5Fget_create_plist(file)
    guard list >= 0 else { return false }
    defer { H5Pclose(list) }
    var size: hsize_t = 0
    return H5Pget_userblock(list, &size) >= 0 && size == 0
  }

  /// Decodes a chunk into its place among the dataset's elements.
  func decode(
    _ chunk: Chunk, from file: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer
  ) throws {
    guard var input = file.slice(at: chunk.offset, count: chunk.byteCount) else {
      throw HDF5ChunkGrid.damaged
    }
    func isApplied(_ filter: HDF5Filter) -> Bool {
      guard let position = filters.firstIndex(of: filter) else { return false }
      return chunk.skippedFilters & (1 << UInt32(position)) == 0
    }
    if isApplied(.fletcher32) { input = try Fletcher32.checked(input) }
    func finish(_ input: UnsafeRawBufferPointer) throws {
      guard input.count == chunkByteCount else { throw HDF5ChunkGrid.damaged }
      guard isApplied(.shuffle), elementSize > 1 else {
        return place(input, at: chunk.start, in: output)
      }
      try unshuffled(input).withBytes { place($0, at: chunk.start, in: output) }
    }
    guard isApplied(.deflate) else { return try finish(input) }
    let inflated = try TensorStorage(byteCount: chunkByteCount) { buffer in
      try Inflate.run(
        input, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunkByteCount]),
        wrapper: .zlib)
    }
    try inflated.withBytes { try finish($0) }
  }

  static var damaged: WeighbridgeError {
    WeighbridgeError(
      .malformed, "the compressed data is damaged", remedy: "Save or download the file again")
  }

  /// Undoes the shuffle filter, which stores all first bytes, then all second bytes, …
  private func unshuffled(_ input: UnsafeRawBufferPointer) throws -> TensorStorage {
    let count = input.count / elementSize
    return try TensorStorage(byteCount: input.count) { output in
      guard let source = input.baseAddress, let target = output.baseAddress else { return }
      let from = source.assumingMemoryBound(to: UInt8.self)
      if elementSize == 4 {
        let to = target.assumingMemoryBound(to: UInt32.self)
        for i in 0..<count {
          let low = UInt32(from[i]) | UInt32(from[i &+ count]) << 8
          let high = UInt32(from[i &+ 2 &* count]) | UInt32(from[i &+ 3 &* count]) << 8
          to[i] = low | high << 16
        }
      } else {
        let to = target.assumingMemoryBound(to: UInt8.self)
        for byte in 0..<elementSize {
          for i in 0..<count { to[i &* elementSize &+ byte] = from[byte &* count &+ i] }
        }
      }
    }
  }

  /// Copies the part of a chunk that lies within the dataset, row by row.
  private func place(
    _ chunk: UnsafeRawBufferPointer, at start: [Int], in output: UnsafeMutableRawBufferPointer
  ) {
    guard let source = chunk.baseAddress, let target = output.baseAddress else { return }
    let rank = shape.count
    let inside = (0..<rank).map { min(extents[$0], shape[$0] - start[$0]) }
    let from = Shape(extents).contiguousStrides
    let to = Shape(shape).contiguousStrides
    let first = zip(start, to).reduce(0) { $0 + $1.0 * $1.1 }
    let rows = inside.dropLast().reduce(1, *)
    let rowBytes = (inside.last ?? 1) * elementSize
    for row in 0..<rows {
      var rest = row
      var (input, place) = (0, first)
      for axis in stride(from: rank - 2, through: 0, by: -1) {
        let position = rest % inside[axis]
        rest /= inside[axis]
        input += position * from[axis]
        place += position * to[axis]
      }
      (target + place * elementSize).copyMemory(
        from: source + input * elementSize, byteCount: rowBytes)
    }
  }
}

/// HDF5's checksum at the end of a chunk.
enum Fletcher32 {
  /// The bytes before the checksum.
  ///
  /// - Throws: `malformed` when it is another.
  static func checked(_ bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    guard let content = bytes.slice(at: 0, count: bytes.count - 4),
      let stored = bytes.littleEndian(at: bytes.count - 4, as: UInt32.self)
    else { throw HDF5ChunkGrid.damaged }
    guard checksum(content) == stored else {
      throw WeighbridgeError(
        .malformed, "the bytes are damaged: their Fletcher-32 checksum is another",
        remedy: "Save or download the file again")
    }
    return content
  }

  /// Sums of big-endian 16-bit words modulo 65535, as libhdf5 computes them.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (0, 0)
    var position = 0
    while position + 1 < bytes.count {
      let end = min(bytes.count - 1, position + 720)  // 360 words fit before 32 bits overflow
      while position < end {
        low &+= UInt32(bytes[position]) << 8 | UInt32(bytes[position + 1])
        high &+= low
        position += 2
      }
      low = (low & 0xffff) + (low >> 16)
      high = (high & 0xffff) + (high >> 16)
    }
    if bytes.count % 2 == 1 {
      low &+= UInt32(bytes[bytes.count - 1]) << 8
      high &+= low
      low = (low & 0xffff) + (low >> 16)
      high = (high & 0xffff) + (high >> 16)
    }
    low = (low & 0xffff) + (low >> 16)
    high = (high & 0xffff) + (high >> 16)
    return high << 16 | low
  }
}
