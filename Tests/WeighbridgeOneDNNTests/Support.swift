import Testing

@testable import WeighbridgeEngine

extension Tensor {
  var float64: Tensor { get throws { try converted(to: .float64) } }

  /// |x| of each element, in float64.
  var magnitude64: Tensor { get throws { try float64.mapped(.absolute) } }
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
