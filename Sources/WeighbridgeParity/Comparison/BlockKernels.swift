/// The inner loops of a comparison: one block of elements, small enough for the first-level cache,
/// packed on both sides.
extension Accumulator {
  /// Takes in a block of float32 pairs.
  ///
  /// The fast loop keeps sums and tests whether any element could raise a maximum; only then, or
  /// when a sum shows a non-finite element, is the block gone through element by element. Squares of
  /// float32 values cannot overflow float64, so finite sums prove finite elements.
  ///
  /// - Parameter locate: The row-major position of the block's element i.
  @inline(__always)
  mutating func addBlock(
    got: UnsafeRawPointer, reference: UnsafeRawPointer, count: Int,
    tolerance: ElementwiseTolerance?, locate: (Int) -> Int
  ) {
    typealias Floats = SIMD8<Float>
    var squares = SIMD8<Double>.zero
    var references = SIMD8<Double>.zero
    var gots = SIMD8<Double>.zero
    var products = SIMD8<Double>.zero
    var largest = SIMD8<Double>.zero
    var peak = Floats.zero
    var relative = SIMDMask<SIMD8<Int64>>(repeating: false)
    var outside = relative
    var steps = SIMD8<UInt32>.zero
    let ratio = SIMD8<Double>(repeating: maxRel)
    let allowedRelative = SIMD8<Double>(repeating: (tolerance?.relative ?? 0) * elementwiseRatio)
    let allowedAbsolute = SIMD8<Double>(repeating: (tolerance?.absolute ?? 0) * elementwiseRatio)
    let whole = count & ~7
    var i = 0
    while i < whole {
      let g = got.loadUnaligned(fromByteOffset: i &* 4, as: Floats.self)
      let r = reference.loadUnaligned(fromByteOffset: i &* 4, as: Floats.self)
      let (wideG, wideR) = (widened(g), widened(r))
      let error = wideG - wideR
      squares += error * error
      references += wideR * wideR
      gots += wideG * wideG
      products += wideG * wideR
      let size = magnitude(error)
      largest.replace(with: size, where: size .> largest)
      let scale = magnitude(r)
      peak.replace(with: scale, where: scale .> peak)
      let wideScale = magnitude(wideR)
      relative = relative .| ((size .> ratio * wideScale) .& (wideScale .> 0))
      if tolerance != nil {
        outside = outside .| (size .> allowedAbsolute + allowedRelative * wideScale)
      }
      let distance = ulps(g, r)
      steps.replace(with: distance, where: distance .> steps)
      i += 8
    }
    let sums = (squares.sum(), references.sum(), gots.sum(), products.sum())
    guard sums.0.isFinite && sums.1.isFinite && sums.2.isFinite else {
      for i in 0..<count {
        addFloat(got, reference, i, tolerance: tolerance, locate: locate)
      }
      return
    }
    squaredError += sums.0
    squaredReference += sums.1
    squaredGot += sums.2
    product += sums.3
    referenceMax = max(referenceMax, Double(peak.max()))
    maxULP = max(maxULP, UInt64(steps.max()))
    if largest.max() > maxAbs || any(relative) || any(outside) {
      for i in 0..<whole {
        let (g, r) = (Double(float(got, i)), Double(float(reference, i)))
        extremes(g, r, position: locate(i), tolerance: tolerance)
      }
    }
    for i in whole..<count {
      addFloat(got, reference, i, tolerance: tolerance, locate: locate)
    }
  }

  @inline(__always)
  private mutating func addFloat(
    _ got: UnsafeRawPointer, _ reference: UnsafeRawPointer, _ i: Int,
    tolerance: ElementwiseTolerance?, locate: (Int) -> Int
  ) {
    let (g, r) = (float(got, i), float(reference, i))
    add(
      Double(g), Double(r), ulps: UInt64(ulpDistance(g, r)), position: locate(i),
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

@inline(__always)
private func float(_ pointer: UnsafeRawPointer, _ i: Int) -> Float {
  pointer.loadUnaligned(fromByteOffset: i &* 4, as: Float.self)
}

@inline(__always)
private func widened(_ x: SIMD8<Float>) -> SIMD8<Double> {
  SIMD8<Double>(
    Double(x[0]), Double(x[1]), Double(x[2]), Double(x[3]),
    Double(x[4]), Double(x[5]), Double(x[6]), Double(x[7]))
}

@inline(__always)
private func magnitude(_ x: SIMD8<Double>) -> SIMD8<Double> {
  let bits = unsafeBitCast(x, to: SIMD8<UInt64>.self) & SIMD8(repeating: UInt64.max >> 1)
  return unsafeBitCast(bits, to: SIMD8<Double>.self)
}

@inline(__always)
private func magnitude(_ x: SIMD8<Float>) -> SIMD8<Float> {
  let bits = unsafeBitCast(x, to: SIMD8<UInt32>.self) & SIMD8(repeating: UInt32.max >> 1)
  return unsafeBitCast(bits, to: SIMD8<Float>.self)
}

/// The number of float32 values from one element to the other, for eight pairs.
@inline(__always)
private func ulps(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<UInt32> {
  let (ka, kb) = (ordered(a), ordered(b))
  let up = unsafeBitCast(ka &- kb, to: SIMD8<UInt32>.self)
  return up.replacing(with: 0 &- up, where: ka .< kb)
}

/// The elements' ranks among all float32 values: +0 and −0 are 0, the next larger value 1.
@inline(__always)
private func ordered(_ x: SIMD8<Float>) -> SIMD8<Int32> {
  let bits = unsafeBitCast(x, to: SIMD8<Int32>.self)
  return bits.replacing(with: SIMD8(repeating: Int32.min) &- bits, where: bits .< 0)
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
