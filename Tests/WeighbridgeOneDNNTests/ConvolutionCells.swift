import WeighbridgeEngine

/// A convolution's definition, in float64 and for one cell.
struct ConvolutionCells {
  let image, weight, bias, residual: [Float]
  let input, window, output: Shape
  let geometry: ConvolutionGeometry

  init(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ residual: Tensor?,
    _ geometry: ConvolutionGeometry, _ output: Shape
  ) throws {
    (image, self.weight) = try (x.elements(), weight.elements())
    (self.bias, self.residual) = try (bias?.elements() ?? [], residual?.elements() ?? [])
    (input, window, self.output, self.geometry) = (x.shape, weight.shape, output, geometry)
  }

  /// A result without the activation, the sum of the magnitudes that went into it, and how many.
  func sum(at index: Int) -> (sum: Double, magnitude: Double, terms: Int) {
    let (x, y) = (index % output[3], index / output[3] % output[2])
    let channel = index / (output[2] * output[3]) % output[1]
    let sample = index / (output[1] * output[2] * output[3])
    var terms = [bias, residual].enumerated().compactMap { place, values in
      values.isEmpty ? nil : Double(values[place == 0 ? channel : index])
    }
    let (top, left) = (
      y * geometry.stride.height - geometry.padding.top,
      x * geometry.stride.width - geometry.padding.left
    )
    for c in 0..<window[1] {
      for cell in 0..<(window[2] * window[3]) {
        let (row, column) = (top + cell / window[3], left + cell % window[3])
        guard row >= 0, row < input[2], column >= 0, column < input[3] else { continue }
        terms.append(
          Double(image[((sample * input[1] + c) * input[2] + row) * input[3] + column])
            * Double(weight[(channel * window[1] + c) * window[2] * window[3] + cell]))
      }
    }
    return (terms.reduce(0, +), terms.map(abs).reduce(0, +), terms.count)
  }
}
