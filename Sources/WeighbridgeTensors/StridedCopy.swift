import WeighbridgeParallel

/// A copy between two strided layouts of one shape.
///
/// Axes are ordered by the destination's strides and merged where both sides step evenly. What is
/// left is copied run by run where the innermost axis is the fastest on both sides, else as a
/// transposition in tiles that fit the nearest cache. Source strides may be zero or negative.
struct StridedCopy {
  /// The axes, the destination's slowest first.
  private var extents: [Int] = []
  private var sourceStrides: [Int] = []
  private var targetStrides: [Int] = []

  init(shape: [Int], from source: [Int], to target: [Int]) {
    let axes = shape.indices.filter { shape[$0] != 1 }
      .sorted { (target[$0], source[$0]) > (target[$1], source[$1]) }
    for axis in axes {
      if let last = extents.indices.last,
        sourceStrides[last] == source[axis] * shape[axis],
        targetStrides[last] == target[axis] * shape[axis]
      {
        extents[last] *= shape[axis]
        sourceStrides[last] = source[axis]
        targetStrides[last] = target[axis]
      } else {
        extents.append(shape[axis])
        sourceStrides.append(source[axis])
        targetStrides.append(target[axis])
      }
    }
  }

  /// Copies all elements. `source` and `target` are the addresses of the first ones; those of the
  /// source may lie on any byte, because files used in place do.
  func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, elementSize: Int) {
    switch elementSize {
    case 1: run(source, target, as: UInt8.self)
    case 2: run(source, target, as: UInt16.self)
    case 4: run(source, target, as: UInt32.self)
    default: run(source, target, as: UInt64.self)
    }
  }

  private func run<Word: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, as word: Word.Type
  ) {
    guard !extents.contains(0) else { return }
    guard let last = extents.indices.last else {
      target.storeBytes(of: source.loadUnaligned(as: Word.self), as: Word.self)
      return
    }
    // The axis along which the source is read fastest, if that is not the innermost one.
    let fastest = extents.indices.min { abs(sourceStrides[$0]) < abs(sourceStrides[$1]) } ?? last
    if fastest != last, abs(sourceStrides[last]) > 1, sourceStrides[fastest] != 0 {
      transpose(source, target, across: fastest, as: word)
    } else {
      copyRuns(source, target, as: word)
    }
  }

  /// The offsets, in elements, of the `index`-th position of the given axes.
  @inline(__always)
  private func offsets(_ index: Int, axes: [Int]) -> (source: Int, target: Int) {
    var rest = index
    var (from, to) = (0, 0)
    for axis in axes.reversed() {
      let (quotient, position) = rest.quotientAndRemainder(dividingBy: extents[axis])
      rest = quotient
      from += position * sourceStrides[axis]
      to += position * targetStrides[axis]
    }
    return (from, to)
  }

  // MARK: Runs

  /// The most bytes of a run that one step moves; longer runs are divided between threads.
  private static var longestPiece: Int { 1 << 17 }

  private func copyRuns<Word: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, as word: Word.Type
  ) {
    let last = extents.count - 1
    let inner = extents[last]
    let size = MemoryLayout<Word>.size
    let pieces = (inner * size + Self.longestPiece - 1) / Self.longestPiece
    let length = (inner + pieces - 1) / pieces
    let axes = Array(0..<last)
    let outer = axes.reduce(1) { $0 * extents[$1] }
    let (sourceStep, targetStep) = (sourceStrides[last], targetStrides[last])
    Parallel.forRanges(outer * pieces, grain: max(1, Self.longestPiece / (length * size))) {
      range in
      for index in range {
        let start = index % pieces * length
        let (from, to) = offsets(index / pieces, axes: axes)
        Run<Word>(
          source: source + (from + start * sourceStep) * size,
          target: target + (to + start * targetStep) * size, sourceStep: sourceStep,
          targetStep: targetStep, count: min(length, inner - start)
        ).copy()
      }
    }
  }

  // MARK: Transposition

  /// The width of a tile in elements of either axis: a tile's rows fill whole cache lines.
  private static var tileWidth: Int { 32 }

  private func transpose<Word: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, across fastest: Int,
    as word: Word.Type
  ) {
    let last = extents.count - 1
    let (lines, columns) = (extents[fastest], extents[last])
    // A short axis leaves room for a longer tile on the other one.
    let tileColumns = min(columns, lines < Self.tileWidth ? 512 : Self.tileWidth)
    let tileLines = min(lines, columns < Self.tileWidth ? 512 : Self.tileWidth)
    let (across, down) = (
      (columns + tileColumns - 1) / tileColumns, (lines + tileLines - 1) / tileLines
    )
    let axes = (0..<last).filter { $0 != fastest }
    let outer = axes.reduce(1) { $0 * extents[$1] }
    let size = MemoryLayout<Word>.size
    let grain = max(1, Self.longestPiece / (tileColumns * tileLines * size))
    Parallel.forRanges(outer * across * down, grain: grain) { range in
      for index in range {
        let (rest, tile) = index.quotientAndRemainder(dividingBy: across * down)
        let (from, to) = offsets(rest, axes: axes)
        let (line, column) = (tile / across * tileLines, tile % across * tileColumns)
        copyTile(
          source + (from + line * sourceStrides[fastest] + column * sourceStrides[last]) * size,
          target + (to + line * targetStrides[fastest] + column * targetStrides[last]) * size,
          across: fastest, lines: min(tileLines, lines - line),
          columns: min(tileColumns, columns - column), as: word)
      }
    }
  }

  /// One tile: runs along its longer side.
  @inline(__always)
  private func copyTile<Word: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, across fastest: Int,
    lines: Int, columns: Int, as word: Word.Type
  ) {
    let last = extents.count - 1
    let (outer, inner) = columns >= lines ? (fastest, last) : (last, fastest)
    let size = MemoryLayout<Word>.size
    for index in 0..<min(lines, columns) {
      Run<Word>(
        source: source + index * sourceStrides[outer] * size,
        target: target + index * targetStrides[outer] * size, sourceStep: sourceStrides[inner],
        targetStep: targetStrides[inner], count: max(lines, columns)
      ).copy()
    }
  }
}

/// Evenly spaced elements to evenly spaced places.
private struct Run<Word: BitwiseCopyable> {
  let source: UnsafeRawPointer
  let target: UnsafeMutableRawPointer
  let sourceStep: Int
  let targetStep: Int
  let count: Int

  @inline(__always)
  func copy() {
    let size = MemoryLayout<Word>.size
    let output = target.assumingMemoryBound(to: Word.self)
    if sourceStep == 1 && targetStep == 1 {
      target.copyMemory(from: source, byteCount: count * size)
    } else if targetStep == 1 {
      for i in 0..<count { output[i] = load(i &* sourceStep) }
    } else if sourceStep == 1 {
      for i in 0..<count { output[i &* targetStep] = load(i) }
    } else {
      for i in 0..<count { output[i &* targetStep] = load(i &* sourceStep) }
    }
  }

  @inline(__always)
  private func load(_ index: Int) -> Word {
    source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
  }
}
