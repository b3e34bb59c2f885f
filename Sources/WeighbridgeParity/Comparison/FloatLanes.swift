/// Four float32 elements: the vector that every processor has.
typealias FloatLanes = SIMD4<Float>

/// Bounds in float32 that no element beyond a maximum so far slips through; some that are not beyond
/// it are caught, too.
struct FloatScreen {
  /// Catches |got − reference| ≥ this · |reference|.
  let relative: FloatLanes
  /// Catch |got − reference| > `allowed` + `allowedRelative` · |reference|.
  let allowed: FloatLanes
  let allowedRelative: FloatLanes
  /// Catch (bits of got − bits of reference) + `stepBias` > `stepLimit`.
  let stepBias: SIMD4<Int32>
  let stepLimit: SIMD4<Int32>

  /// The relative rounding errors of what is computed in float32 stay far below this margin.
  private static let margin = 1 - 0x1p-20

  init(_ soFar: Accumulator, _ tolerance: ElementwiseTolerance?) {
    // Different float32 values differ by 2⁻²⁴ at least: equal ones are never caught.
    let ratio = max(soFar.maxRel * Self.margin, 0x1p-26)
    relative = FloatLanes(repeating: Float(ratio))
    let scale = soFar.elementwiseRatio * Self.margin
    allowed = FloatLanes(repeating: Float((tolerance?.absolute ?? 0) * scale))
    allowedRelative = FloatLanes(repeating: Float((tolerance?.relative ?? 0) * scale))
    // Between elements of one sign the difference of their bits is their distance. That of elements
    // of two signs is 2²³ at least, so that a limit below it catches every such pair.
    let limit = UInt32(min(soFar.maxULP, 1 << 22))
    stepBias = SIMD4(repeating: Int32(bitPattern: limit ^ 0x8000_0000))
    stepLimit = SIMD4(repeating: Int32(bitPattern: (2 * limit) ^ 0x8000_0000))
  }
}

/// What the fast loop of a comparison keeps.
struct FloatSums {
  private var lowErrors = SIMD2<Double>.zero
  private var highErrors = SIMD2<Double>.zero
  private var lowReferences = SIMD2<Double>.zero
  private var highReferences = SIMD2<Double>.zero
  private var lowGots = SIMD2<Double>.zero
  private var highGots = SIMD2<Double>.zero
  /// The largest |got − reference|, each rounded to float32.
  private(set) var largest = FloatLanes.zero
  /// The largest |reference|.
  private(set) var peak = FloatLanes.zero
  private var flags = SIMD4<Int32>.zero

  var errors: SIMD2<Double> { lowErrors + highErrors }
  var references: SIMD2<Double> { lowReferences + highReferences }
  var gots: SIMD2<Double> { lowGots + highGots }
  /// Whether the screen caught an element.
  var isFlagged: Bool { flags != .zero }

  @inline(__always)
  mutating func add(
    _ g: FloatLanes, _ r: FloatLanes, _ screen: FloatScreen, isElementwise: Bool
  ) {
    let (size, scale) = (magnitude(g - r), magnitude(r))
    largest = largest.replacing(with: size, where: size .> largest)
    peak = peak.replacing(with: scale, where: scale .> peak)
    let isNotZero = bits(unsafeBitCast(scale, to: SIMD4<Int32>.self) .> 0)
    flags |= bits(size .>= screen.relative * scale) & isNotZero
    if isElementwise {
      flags |= bits(size .> screen.allowed + screen.allowedRelative * scale)
    }
    let steps = unsafeBitCast(g, to: SIMD4<Int32>.self) &- unsafeBitCast(r, to: SIMD4<Int32>.self)
    flags |= bits(steps &+ screen.stepBias .> screen.stepLimit)
    let (gotLow, gotHigh) = (wideLow(g), wideHigh(g))
    let (low, high) = (wideLow(r), wideHigh(r))
    let (errorLow, errorHigh) = (gotLow - low, gotHigh - high)
    lowErrors += errorLow * errorLow
    highErrors += errorHigh * errorHigh
    lowReferences += low * low
    highReferences += high * high
    lowGots += gotLow * gotLow
    highGots += gotHigh * gotHigh
  }
}

@inline(__always)
private func magnitude(_ x: FloatLanes) -> FloatLanes {
  unsafeBitCast(
    unsafeBitCast(x, to: SIMD4<Int32>.self) & SIMD4(repeating: Int32.max), to: FloatLanes.self)
}

/// All ones where true.
@inline(__always)
private func bits(_ mask: SIMDMask<SIMD4<Int32>>) -> SIMD4<Int32> {
  unsafeBitCast(mask, to: SIMD4<Int32>.self)
}

@inline(__always)
private func wideLow(_ x: FloatLanes) -> SIMD2<Double> { SIMD2(Double(x[0]), Double(x[1])) }

@inline(__always)
private func wideHigh(_ x: FloatLanes) -> SIMD2<Double> { SIMD2(Double(x[2]), Double(x[3])) }

/// The even, or the odd, ones of eight elements.
@inline(__always)
private func evens(_ a: FloatLanes, _ b: FloatLanes) -> FloatLanes {
  SIMD8(lowHalf: a, highHalf: b).evenHalf
}

@inline(__always)
private func odds(_ a: FloatLanes, _ b: FloatLanes) -> FloatLanes {
  SIMD8(lowHalf: a, highHalf: b).oddHalf
}

/// Four rows of four elements, transposed.
@inline(__always)
func transposed(
  _ a: FloatLanes, _ b: FloatLanes, _ c: FloatLanes, _ d: FloatLanes
) -> (FloatLanes, FloatLanes, FloatLanes, FloatLanes) {
  let (even, odd) = ((evens(a, b), evens(c, d)), (odds(a, b), odds(c, d)))
  return (
    evens(even.0, even.1), evens(odd.0, odd.1), odds(even.0, even.1), odds(odd.0, odd.1)
  )
}
