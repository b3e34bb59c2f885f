import WeighbridgeParallel
import WeighbridgeTensors

/// A matrix [depth, columns] packed for the tile kernel: panels of `S.Vector.width` columns, each
/// panel row after row, the last one filled up with zeros.
///
/// The depth is the order in which a product sums: kernel row, kernel column, channel.
struct MatrixPanels<S: PlainScalar>: Sendable {
  let depth: Int
  let columns: Int
  /// The number of matrices of this size that lie one after the other (convolution groups).
  let groups: Int
  private let storage: TensorStorage

  /// Panels in a group.
  var panelCount: Int { (columns + S.Vector.width - 1) / S.Vector.width }

  /// Packs a weight [out, in/groups, kh, kw] of any strides.
  init(weight: Tensor, groups: Int) throws {
    self.groups = groups
    columns = weight.shape[0] / groups
    let (channels, height, width) = (weight.shape[1], weight.shape[2], weight.shape[3])
    depth = channels * height * width
    let lanes = S.Vector.width
    let (columns, depth) = (columns, depth)
    let panels = (columns + lanes - 1) / lanes
    let steps = weight.strides
    storage = try weight.withUnsafeElements { (source: UnsafePointer<S>) in
      try TensorStorage(byteCount: groups * panels * depth * MemoryLayout<S.Vector>.size) { bytes in
        guard let target = bytes.bindMemory(to: S.self).baseAddress else { return }
        Parallel.forRanges(groups * panels, grain: max(1, 8192 / max(1, depth * lanes))) { range in
          for index in range {
            let first = index % panels * lanes
            let filled = min(lanes, columns - first)
            let from = source + (index / panels * columns + first) * steps[0]
            var to = target + index * depth * lanes
            if filled < lanes { to.update(repeating: 0, count: depth * lanes) }
            for row in 0..<height {
              for column in 0..<width {
                let tap = from + row * steps[2] + column * steps[3]
                Self.pack(tap, columns: filled, by: steps[0], channels, by: steps[1], into: to)
                to += channels * lanes
              }
            }
          }
        }
      }
    }
  }

  /// Packs a matrix [depth, columns] of any strides.
  init(matrix: Tensor) throws {
    let weight = Tensor(
      dtype: matrix.dtype, shape: [matrix.shape[1], matrix.shape[0], 1, 1],
      strides: [matrix.strides[1], matrix.strides[0], 0, 0], offset: matrix.offset,
      storage: matrix.storage)
    try self.init(weight: weight, groups: 1)
  }

  @inline(__always)
  private static func pack(
    _ source: UnsafePointer<S>, columns: Int, by columnStep: Int, _ rows: Int, by rowStep: Int,
    into target: UnsafeMutablePointer<S>
  ) {
    for column in 0..<columns {
      var from = source + column * columnStep
      var to = target + column
      for _ in 0..<rows {
        to.pointee = from.pointee
        from += rowStep
        to += S.Vector.width
      }
    }
  }

  /// Calls `body` with the address of the first panel of a group.
  @inline(__always)
  func withPanels(group: Int, _ body: (UnsafePointer<S>) -> Void) {
    storage.withBytes { bytes in
      guard let first = bytes.assumingMemoryBound(to: S.self).baseAddress else { return }
      body(first + group * panelCount * depth * S.Vector.width)
    }
  }
}

/// Four rows of a product, one panel wide, held in registers.
struct MatrixTile<S: PlainScalar> {
  typealias Vector = S.Vector
  /// The rows of a tile.
  static var height: Int { 4 }
  /// The length of a block of products that is summed on its own before it joins the total, which
  /// keeps a float32 sum's rounding error that of a block.
  private static var block: Int { 256 }

  private var total = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  private var partial = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  private var pending = 0

  @inline(__always) init() {}

  /// Adds the products of `count` scalars from each row address with as many rows of the panel.
  @inline(__always)
  mutating func add(
    _ rows: (UnsafePointer<S>, UnsafePointer<S>, UnsafePointer<S>, UnsafePointer<S>),
    offset: Int, panel: UnsafePointer<S>, count: Int
  ) {
    var done = 0
    while done < count {
      let part = min(count - done, Self.block - pending)
      let (a, b, c, d) = (
        rows.0 + offset + done, rows.1 + offset + done, rows.2 + offset + done,
        rows.3 + offset + done
      )
      var weights = panel + done * Vector.width
      var (p, q, r, s) = partial
      for k in 0..<part {
        let w = Vector(from: weights)
        p += a[k] * w
        q += b[k] * w
        r += c[k] * w
        s += d[k] * w
        weights += Vector.width
      }
      partial = (p, q, r, s)
      done += part
      pending += part
      if pending == Self.block { flush() }
    }
  }

  @inline(__always)
  private mutating func flush() {
    total.0 += partial.0
    total.1 += partial.1
    total.2 += partial.2
    total.3 += partial.3
    partial = (.zero, .zero, .zero, .zero)
    pending = 0
  }

  /// The four rows of sums.
  @inline(__always)
  mutating func finish() -> (Vector, Vector, Vector, Vector) {
    flush()
    return total
  }
}

/// A product whose left rows are read in place: row r is a list of runs, run j starting
/// `runOffsets[j]` behind the row's address and `runLength` long.
struct MatrixProduct<S: PlainScalar> {
  let rowCount: Int
  let runOffsets: [Int]
  let runLength: Int
  let panels: MatrixPanels<S>
  let group: Int
  /// Added to every row.
  let bias: UnsafePointer<S>?
  let output: UnsafeMutablePointer<S>
  let outputStep: Int

  private static var rowBlock: Int { 64 }
  private static var panelBlock: Int { 16 }

  /// Computes the whole product, in blocks that idle threads take one after the other.
  @inline(__always)
  func run(_ rowAddress: (Int) -> UnsafePointer<S>) {
    let rowBlocks = (rowCount + Self.rowBlock - 1) / Self.rowBlock
    let panelBlocks = (panels.panelCount + Self.panelBlock - 1) / Self.panelBlock
    Parallel.forEach(rowBlocks * panelBlocks) { index in
      block(index % rowBlocks, index / rowBlocks, rowAddress)
    }
  }

  /// Computes the whole product on the calling thread.
  @inline(__always)
  func runSerially(_ rowAddress: (Int) -> UnsafePointer<S>) {
    let rowBlocks = (rowCount + Self.rowBlock - 1) / Self.rowBlock
    let panelBlocks = (panels.panelCount + Self.panelBlock - 1) / Self.panelBlock
    for panelBlock in 0..<panelBlocks {
      for rowBlock in 0..<rowBlocks { block(rowBlock, panelBlock, rowAddress) }
    }
  }

  @inline(__always)
  private func block(
    _ rowBlock: Int, _ panelBlock: Int, _ rowAddress: (Int) -> UnsafePointer<S>
  ) {
    let firstPanel = panelBlock * Self.panelBlock
    let lastPanel = min(firstPanel + Self.panelBlock, panels.panelCount)
    let firstRow = rowBlock * Self.rowBlock
    let lastRow = min(firstRow + Self.rowBlock, rowCount)
    panels.withPanels(group: group) { base in
      // Four rows stay in the nearest cache while the block's panels pass by.
      for row in stride(from: firstRow, to: lastRow, by: MatrixTile<S>.height) {
        let top = lastRow - 1
        let rows = (
          rowAddress(row), rowAddress(min(row + 1, top)), rowAddress(min(row + 2, top)),
          rowAddress(min(row + 3, top))
        )
        for panel in firstPanel..<lastPanel {
          let weights = base + panel * panels.depth * S.Vector.width
          tile(rows, row, min(lastRow - row, MatrixTile<S>.height), panel, weights)
        }
      }
    }
  }

  /// One tile: rows `row ..< row + filled`, the columns of one panel.
  @inline(__always)
  private func tile(
    _ rows: (UnsafePointer<S>, UnsafePointer<S>, UnsafePointer<S>, UnsafePointer<S>),
    _ row: Int, _ filled: Int, _ panel: Int, _ weights: UnsafePointer<S>
  ) {
    var tile = MatrixTile<S>()
    var weights = weights
    runOffsets.withUnsafeBufferPointer { offsets in
      for offset in offsets {
        tile.add(rows, offset: offset, panel: weights, count: runLength)
        weights += runLength * S.Vector.width
      }
    }
    let sums = tile.finish()
    let column = panel * S.Vector.width
    let target = output + row * outputStep + column
    store(sums.0, to: target, column)
    if filled > 1 { store(sums.1, to: target + outputStep, column) }
    if filled > 2 { store(sums.2, to: target + 2 * outputStep, column) }
    if filled > 3 { store(sums.3, to: target + 3 * outputStep, column) }
  }

  @inline(__always)
  private func store(_ sums: S.Vector, to target: UnsafeMutablePointer<S>, _ column: Int) {
    let width = min(S.Vector.width, panels.columns - column)
    if width == S.Vector.width {
      (bias.map { sums + S.Vector(from: $0 + column) } ?? sums).store(to: target)
    } else {
      for lane in 0..<width { target[lane] = sums[lane] + (bias?[column + lane] ?? 0) }
    }
  }
}
