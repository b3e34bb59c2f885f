import Testing

@testable import WeighbridgeEngine

/// A small deterministic generator (SplitMix64), so that a failing case can be run again.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func tensor(_ shape: Shape, scale: Float = 1) throws -> Tensor {
    try Tensor(
      (0..<shape.elementCount).map { _ in Float.random(in: -scale...scale, using: &self) },
      shape: shape)
  }

  /// One of a few values.
  mutating func pick<Value>(_ values: Value...) -> Value {
    values[Int(next() % UInt64(values.count))]
  }
}

extension Tensor {
  var float64: Tensor { get throws { try converted(to: .float64) } }

  /// |x| of each element, in float64.
  var magnitude64: Tensor { get throws { try float64.mapped(.absolute) } }

  /// The same elements in the same order of memory, a byte off their multiples, as in a zip file that
  /// is used in place.
  func unaligned() throws -> Tensor {
    let format = preferredFormat
    let packed = try contiguous(format)
    let storage = try TensorStorage(byteCount: byteCount + 1) { target in
      try packed.withRawElements { source in
        guard let base = target.baseAddress else { return }
        (base + 1).copyMemory(from: source, byteCount: packed.byteCount)
      }
    }
    return try Tensor(
      dtype: dtype, shape: shape, strides: format.strides(of: shape),
      storage: storage.part(from: 1))
  }
}

/// Expects |got − want| ≤ `ulps`·2⁻²⁴·`scale` for every element.
///
/// - Parameter scale: The sum of the magnitudes that went into an element, which bounds how far
///   float32 rounding can move it.
func expectClose(
  _ got: Tensor, _ want: Tensor, scale: Tensor, ulps: Double, _ label: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(got.shape == want.shape, "\(label)", sourceLocation: sourceLocation)
  #expect(got.dtype == .float32, "\(label)", sourceLocation: sourceLocation)
  let (a, b): ([Double], [Double]) = try (got.elements(), want.elements())
  let bounds: [Double] = try scale.elements()
  var worst = (ratio: 0.0, index: 0)
  for index in a.indices {
    let ratio = abs(a[index] - b[index]) / (bounds[index] * 0x1p-24 + 1e-37)
    if !(ratio <= worst.ratio) { worst = (ratio, index) }
  }
  #expect(
    worst.ratio <= ulps, "\(label): \(worst.ratio) ulps of the sum at \(worst.index)",
    sourceLocation: sourceLocation)
}
