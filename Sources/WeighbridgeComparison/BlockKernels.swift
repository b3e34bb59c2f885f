import CVectors

/// The inner loops of a comparison.
extension Accumulator {
  /// Elements that are screened together: few, since one that is caught has all of them looked at.
  private static let group = 256

  /// Takes in rows of float32 pairs; on either side a row's elements are neighbours in memory.
  ///
  /// - Parameter locate: The row-major position of the element at a row and a column.
  @inline(__always)
  mutating func addRows(
    _ block: FloatRows, tolerance: ElementwiseTolerance?, locate: (_ row: Int, _ column: Int) -> Int
  ) {
    let step = max(1, Self.group / max(1, block.columns))
    for first in stride(from: 0, to: block.rows, by: step) {
      let rows = block.rows(from: first, count: min(step, block.rows - first))
      addGroup(rows, tolerance: tolerance) { row, column in locate(first + row, column) }
    }
  }

  /// The fast loop keeps sums in float64 and screens in float32 whether any element could raise a
  /// maximum; only then, or when a sum shows a non-finite element, is the group gone through element
  /// by element. Squares of float32 values cannot overflow float64, so finite sums prove finite
  /// elements.
  @inline(__always)
  private mutating func addGroup(
    _ block: FloatRows, tolerance: ElementwiseTolerance?, locate: (_ row: Int, _ column: Int) -> Int
  ) {
    var (pairs, screen) = (block.vectorPairs, vectors_screen(self, tolerance))
    let sums = vectors_compare(&pairs, &screen)
    guard sums.squared_error.isFinite, sums.squared_reference.isFinite, sums.squared_got.isFinite
    else {
      for row in 0..<block.rows {
        for column in 0..<block.columns {
          addFloat(block, row, column, tolerance: tolerance, position: locate(row, column))
        }
      }
      return
    }
    squaredError += sums.squared_error
    squaredReference += sums.squared_reference
    squaredGot += sums.squared_got
    // 2⟨got, reference⟩ = ‖got‖² + ‖reference‖² − ‖got − reference‖²
    product += (sums.squared_got + sums.squared_reference - sums.squared_error) / 2
    referenceMax = max(referenceMax, Double(sums.peak))
    addScales(sums, block)
    let largest = Double(sums.largest) * (1 + 0x1p-23)
    addTailScales(block)
    let isWorthALook = sums.is_caught || (largest > maxAbs && largest >= floor)
    for row in 0..<block.rows {
      if isWorthALook {
        for column in 0..<block.vectorColumns {
          let (g, r) = block.pair(row, column)
          maxULP = max(maxULP, UInt64(ulpDistance(g, r)))
          extremes(
            Double(g), Double(r), position: locate(row, column), tolerance: tolerance)
        }
      }
      for column in block.vectorColumns..<block.columns {
        addFloat(block, row, column, tolerance: tolerance, position: locate(row, column))
      }
    }
  }

  /// Takes in the errors of each eighth column beside what they stand next to.
  @inline(__always)
  private mutating func addScales(_ sums: vectors_sums, _ block: FloatRows) {
    let count = block.rows * block.vectorColumns / 8
    withUnsafeBytes(of: (sums.lane_error, sums.lane_reference)) { bytes in
      for lane in 0..<8 {
        addScale(
          bytes.load(fromByteOffset: lane * 8, as: Double.self),
          bytes.load(fromByteOffset: (lane + 8) * 8, as: Double.self), count: count)
      }
    }
  }

  /// Takes in the columns that the fast loop leaves, each by itself.
  @inline(__always)
  private mutating func addTailScales(_ block: FloatRows) {
    for column in block.vectorColumns..<block.columns {
      var (error, size) = (0.0, 0.0)
      for row in 0..<block.rows {
        let (g, r) = block.pair(row, column)
        let difference = Double(g) - Double(r)
        error += difference * difference
        size += Double(r) * Double(r)
      }
      // Here alone non-finite elements may be among them, which are counted elsewhere.
      if error.isFinite, size.isFinite { addScale(error, size, count: block.rows) }
    }
  }

  @inline(__always)
  private mutating func addScale(_ squaredError: Double, _ squaredReference: Double, count: Int) {
    guard count > 0 else { return }
    if scales == nil { scales = LocalScales() }
    scales?.add(squaredError: squaredError, squaredReference: squaredReference, count: count)
  }

  @inline(__always)
  private mutating func addFloat(
    _ block: FloatRows, _ row: Int, _ column: Int, tolerance: ElementwiseTolerance?,
    position: @autoclosure () -> Int
  ) {
    let (g, r) = block.pair(row, column)
    add(
      Double(g), Double(r), ulps: UInt64(ulpDistance(g, r)), position: position(),
      tolerance: tolerance)
  }

  /// Takes in a block of float64 pairs, one after the other. ULPs are counted in float32 unless
  /// `countsDoubleULPs`.
  mutating func addBlock(
    got: UnsafePointer<Double>, reference: UnsafePointer<Double>, count: Int,
    countsDoubleULPs: Bool, tolerance: ElementwiseTolerance?, locate: (Int) -> Int
  ) {
    for i in 0..<count {
      let (g, r) = (got[i], reference[i])
      let steps =
        countsDoubleULPs ? ulpDistance(g, r) : UInt64(ulpDistance(Float(g), Float(r)))
      add(g, r, ulps: steps, position: locate(i), tolerance: tolerance)
    }
  }
}

/// Rows of float32 elements of both sides, on any bytes.
struct FloatRows {
  let got: UnsafeRawPointer
  /// The bytes from one row to the next.
  let gotStep: Int
  let reference: UnsafeRawPointer
  let referenceStep: Int
  let rows: Int
  let columns: Int

  /// The columns that the fast loop takes in; the others follow one by one.
  var vectorColumns: Int { columns & ~7 }

  /// Some of the rows.
  @inline(__always)
  func rows(from first: Int, count: Int) -> FloatRows {
    FloatRows(
      got: got + first &* gotStep, gotStep: gotStep,
      reference: reference + first &* referenceStep, referenceStep: referenceStep, rows: count,
      columns: columns)
  }

  /// What the fast loop takes in.
  @inline(__always)
  var vectorPairs: vectors_pairs {
    vectors_pairs(
      got: got, got_step: gotStep, reference: reference, reference_step: referenceStep, rows: rows,
      columns: vectorColumns)
  }

  @inline(__always)
  func pair(_ row: Int, _ column: Int) -> (Float, Float) {
    (
      got.loadUnaligned(fromByteOffset: row &* gotStep &+ column &* 4, as: Float.self),
      reference.loadUnaligned(fromByteOffset: row &* referenceStep &+ column &* 4, as: Float.self)
    )
  }
}

/// The number of float32 values from one to the other.
func ulpDistance(_ a: Float, _ b: Float) -> UInt32 {
  func rank(_ x: Float) -> Int64 {
    let bits = Int64(Int32(bitPattern: x.bitPattern))
    return bits < 0 ? Int64(Int32.min) - bits : bits
  }
  return UInt32(clamping: (rank(a) - rank(b)).magnitude)
}

/// The number of float64 values from one to the other.
func ulpDistance(_ a: Double, _ b: Double) -> UInt64 {
  func rank(_ x: Double) -> Int64 {
    let bits = Int64(bitPattern: x.bitPattern)
    return bits < 0 ? Int64.min &- bits : bits
  }
  let (ra, rb) = (rank(a), rank(b))
  return ra >= rb
    ? UInt64(bitPattern: ra &- rb) : UInt64(bitPattern: rb &- ra)
}
