import WeighbridgeTensors
import WeighbridgeWeights

/// Decodes the chunks of a dataset into their places among its elements.
struct HDF5ChunkDecoder: Sendable {
  let grid: HDF5ChunkGrid
  let dtype: DType
  let isBigEndian: Bool

  private var filters: [HDF5Filter] { grid.chunking.filters }
  private var elementSize: Int { grid.chunking.elementSize }

  /// What a chunk of few bytes may decode to where its encoding has no ratio that it cannot exceed.
  private static let largestUnbacked = 16 << 20

  static func supports(_ filter: HDF5Filter) -> Bool {
    switch filter.number {
    case HDF5Filter.deflate, HDF5Filter.shuffle, HDF5Filter.fletcher32, HDF5Filter.scaleOffset,
      HDF5Filter.lzf:
      true
    case HDF5Filter.nbit where filter.values.count > 1 && filter.values[1] != 0: true
    default: HDF5OtherFilters.has(filter.number)
    }
  }

  static var damaged: WeighbridgeError {
    WeighbridgeError(
      .malformed, "the compressed data is damaged", remedy: "Save or download the file again")
  }

  /// Decodes a chunk into its place among the dataset's elements.
  func decode(
    _ chunk: HDF5ChunkGrid.Chunk, from file: UnsafeRawBufferPointer,
    to output: UnsafeMutableRawBufferPointer
  ) throws {
    guard let stored = file.slice(at: chunk.offset, count: chunk.byteCount) else {
      throw HDF5ChunkDecoder.damaged
    }
    let start = grid.start(chunk.position)
    let isPartial = grid.shape.indices.contains {
      start[$0] + grid.chunking.extents[$0] > grid.shape[$0]
    }
    let isPlain = isPartial && grid.chunking.leavesPartialChunksPlain
    let applied = filters.indices.filter {
      !isPlain && ($0 >= 32 || chunk.skippedFilters & (1 << UInt32($0)) == 0)
    }
    try undo(applied.map { filters[$0] }[...], stored) { plain in
      guard plain.count == grid.chunkByteCount else { throw HDF5ChunkDecoder.damaged }
      place(plain, at: start, in: output)
    }
  }

  /// Undoes filters, the last of them first, and lends `body` the outcome.
  private func undo(
    _ filters: ArraySlice<HDF5Filter>, _ input: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard let filter = filters.last else { return try body(input) }
    let rest = filters.dropLast()
    switch filter.number {
    case HDF5Filter.fletcher32: try undo(rest, Fletcher32.checked(input), body)
    case HDF5Filter.nbit where HDF5ChunkDecoder.supports(filter): try undo(rest, input, body)
    default:
      let decoded = try decoded(filter, input, byteCount: byteCount(after: rest.map(\.number)))
      try decoded.storage.withBytes { bytes in
        try undo(rest, UnsafeRawBufferPointer(rebasing: bytes[..<decoded.count]), body)
      }
    }
  }

  /// New bytes, and how many of them there are.
  private typealias Decoded = (storage: TensorStorage, count: Int)

  /// How many bytes a chunk is after some filters were applied; `nil` when only those bytes tell.
  private func byteCount(after filters: [Int]) -> Int? {
    var count = grid.chunkByteCount
    for filter in filters {
      switch filter {
      case HDF5Filter.shuffle, HDF5Filter.nbit: break
      case HDF5Filter.fletcher32: count += 4
      default: return nil
      }
    }
    return count
  }

  private func decoded(
    _ filter: HDF5Filter, _ input: UnsafeRawBufferPointer, byteCount: Int?
  ) throws -> Decoded {
    switch filter.number {
    case HDF5Filter.shuffle:
      let size = filter.values.first.map { Int($0) } ?? elementSize
      let plain = try TensorStorage(byteCount: input.count) {
        Shuffle.undo(input, elementSize: max(1, size), into: $0)
      }
      return (plain, input.count)
    case HDF5Filter.deflate:
      return try decompressed(input, byteCount, ratio: 1032) { input, output, isExact in
        guard isExact else { return try Inflate.run(input, upTo: output) }
        try Inflate.run(input, into: output, wrapper: .zlib)
        return output.count
      }
    case HDF5Filter.lzf:
      return try decompressed(input, byteCount, ratio: LZF.bestRatio) { input, output, _ in
        try LZF.decompress(input, into: output)
      }
    case HDF5Filter.scaleOffset:
      return try decompressed(input, grid.chunkByteCount, ratio: nil) { input, output, _ in
        try ScaleOffset(filter).decode(input, elementSize: elementSize, into: output)
        return output.count
      }
    default:
      return try decompressed(input, grid.chunkByteCount, ratio: nil) { input, output, _ in
        try HDF5OtherFilters.decode(
          HDF5FilterRequest(
            filter, dtype, isBigEndian: isBigEndian, extents: grid.chunking.extents), input,
          into: output)
        return output.count
      }
    }
  }

  /// - Parameters:
  ///   - byteCount: What comes out, if that is known.
  ///   - ratio: How many bytes a byte can stand for.
  private func decompressed(
    _ input: UnsafeRawBufferPointer, _ byteCount: Int?, ratio: Int?,
    _ run: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer, _ isExact: Bool) throws -> Int
  ) throws -> Decoded {
    let capacity = byteCount ?? grid.chunkByteCount + grid.chunkByteCount / 8 + 1024
    let possible = ratio ?? 1032
    guard
      capacity / possible <= input.count + 1
        || ratio == nil && capacity <= HDF5ChunkDecoder.largestUnbacked
    else {
      throw WeighbridgeError(
        .malformed,
        "a chunk of \(input.count) bytes cannot hold the \(capacity) that it promises",
        remedy: "Save or download the file again")
    }
    var count = 0
    let storage = try TensorStorage(byteCount: capacity) { output in
      count = try run(
        input, UnsafeMutableRawBufferPointer(rebasing: output[..<capacity]),
        byteCount != nil)
    }
    return (storage, count)
  }

  /// Copies the part of a chunk that lies within the dataset, row by row.
  private func place(
    _ chunk: UnsafeRawBufferPointer, at start: [Int], in output: UnsafeMutableRawBufferPointer
  ) {
    guard let source = chunk.baseAddress, let target = output.baseAddress else { return }
    let (shape, extents) = (grid.shape, grid.chunking.extents)
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
