/// The inner loops of a comparison: a block of elements, small enough for the first-level cache.
extension Accumulator {
  /// Takes in rows of float32 pairs; on either side a row's elements are neighbours in memory.
  ///
  /// The fast loop keeps sums in float64 and screens in float32 whether any element could raise a
  /// maximum; only then, or when a sum shows a non-finite element, is the block gone through element
  /// by element. Squares of float32 values cannot overflow float64, so finite sums prove finite
  /// elements.
  ///
  /// - Parameter locate: The row-major position of the block's element at a row and a column.
  @inline(__always)
  mutating func addRows(
    _ block: FloatRows, tolerance: ElementwiseTolerance?, locate: (_ row: Int, _ column: Int) -> Int
  ) {
    let screen = FloatScreen(self, tolerance)
    let sums =
      tolerance == nil
      ? block.sums(screen, isElementwise: false) : block.sums(screen, isElementwise: true)
    let (errors, references, gots) = (
      sums.errors.sum(), sums.references.sum(), sums.gots.sum()
    )
    guard errors.isFinite && references.isFinite && gots.isFinite else {
      for row in 0..<block.rows {
        for column in 0..<block.columns {
          addFloat(block, row, column, tolerance: tolerance, position: locate(row, column))
        }
      }
      return
    }
    squaredError += errors
    squaredReference += references
    squaredGot += gots
    // 2⟨got, reference⟩ = ‖got‖² + ‖reference‖² − ‖got − reference‖²
    product += (gots + references - errors) / 2
    referenceMax = max(referenceMax, Double(sums.peak.max()))
    let isWorthALook = Double(sums.largest.max()) * (1 + 0x1p-23) > maxAbs || sums.isFlagged
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
  var vectorColumns: Int { columns & ~3 }

  @inline(__always)
  func pair(_ row: Int, _ column: Int) -> (Float, Float) {
    (
      got.loadUnaligned(fromByteOffset: row &* gotStep &+ column &* 4, as: Float.self),
      reference.loadUnaligned(fromByteOffset: row &* referenceStep &+ column &* 4, as: Float.self)
    )
  }

  /// The sums over the vector columns of all rows, and what the screen caught.
  @inline(__always)
  func sums(_ screen: FloatScreen, isElementwise: Bool) -> FloatSums {
    var sums = FloatSums()
    let width = vectorColumns &* 4
    for row in 0..<rows {
      let (g, r) = (got + row &* gotStep, reference + row &* referenceStep)
      var i = 0
      while i < width {
        sums.add(
          g.loadUnaligned(fromByteOffset: i, as: FloatLanes.self),
          r.loadUnaligned(fromByteOffset: i, as: FloatLanes.self), screen,
          isElementwise: isElementwise)
        i &+= 16
      }
    }
    return sums
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
