import WeighbridgeParallel
import WeighbridgeTensors

extension Engine {
  /// Every input pixel times the weight, a product of matrices in which the engine is fast; then each
  /// output row sums what falls on it.
  package func transposedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: TransposedConvolutionGeometry,
    output: Shape, cache: OperatorCache
  ) throws -> Tensor {
    let groups = geometry.groups
    let (inputs, outputs) = (weight.shape[0] / groups, weight.shape[1])
    let window = weight.shape[2] * weight.shape[3]
    let image = try x.contiguous(.channelsLast).reordered([0, 2, 3, 1])
    let rows = image.packed(as: [x.shape[0] * x.shape[2] * x.shape[3], x.shape[1]])
    // For each group [kh·kw·out, in], which is how a linear map has its weight.
    let weights: Tensor = try cache.value(.init("transposed.weight.\(x.dtype)")) {
      try weight.contiguous().packed(as: [groups, inputs, outputs, window]).reordered([0, 3, 2, 1])
        .contiguous().packed(as: [groups, window * outputs, inputs])
    }
    let products = try (0..<groups).map { group in
      let own = try weights.selected(0, group)
      guard groups > 1 else {
        return try linear(rows, weight: own, bias: nil, epilogue: .none, cache: cache)
      }
      return try matmul(
        rows.narrowed(1, start: group * inputs, length: inputs), own.transposed())
    }
    let spread = SpreadWindows(x.shape, weight.shape, output, geometry)
    let result =
      x.dtype == .float64
      ? try spread.sum(products, bias, Double.self) : try spread.sum(products, bias, Float.self)
    return try result.contiguous(x.preferredFormat)
  }
}

/// Where the products of a transposed convolution fall.
private struct SpreadWindows {
  let input: Shape
  let kernel: Pair<Int>
  /// Output channels per group.
  let channels: Int
  let output: Shape
  let geometry: TransposedConvolutionGeometry

  init(
    _ input: Shape, _ weight: Shape, _ output: Shape, _ geometry: TransposedConvolutionGeometry
  ) {
    (self.input, self.output, self.geometry) = (input, output, geometry)
    (kernel, channels) = (Pair(weight[2], weight[3]), weight[1])
  }

  /// - Parameter products: For each group [N·H·W, kh·kw·out].
  func sum<S: PlainScalar>(_ products: [Tensor], _ bias: Tensor?, _: S.Type) throws -> Tensor {
    let products = try products.map { try $0.contiguous() }
    let bias = try bias?.contiguous()
    return try Tensor(shape: output, format: .channelsLast) {
      (target: UnsafeMutableBufferPointer<S>) in
      guard let target = target.baseAddress, output.elementCount > 0 else { return }
      try bias.withOptionalElements { (bias: UnsafePointer<S>?) in
        fill(target, bias)
      }
      for (group, product) in products.enumerated() {
        try product.withUnsafeElements { (values: UnsafePointer<S>) in
          let grain = max(1, 16384 / max(1, output[3] * channels))
          Parallel.forRanges(output[0] * output[2], grain: grain) { lines in
            for line in lines { add(values, line, target + group * channels) }
          }
        }
      }
    }
  }

  private func fill<S: PlainScalar>(_ target: UnsafeMutablePointer<S>, _ bias: UnsafePointer<S>?) {
    guard let bias else { return target.update(repeating: 0, count: output.elementCount) }
    for pixel in 0..<(output.elementCount / output[1]) {
      (target + pixel * output[1]).update(from: bias, count: output[1])
    }
  }

  /// One row of the output: all that falls on it.
  @inline(__always)
  private func add<S: PlainScalar>(
    _ values: UnsafePointer<S>, _ line: Int, _ target: UnsafeMutablePointer<S>
  ) {
    let (image, row) = line.quotientAndRemainder(dividingBy: output[2])
    let step = kernel.height * kernel.width * channels
    for tapRow in 0..<kernel.height {
      let place = row + geometry.padding.height - tapRow * geometry.dilation.height
      guard place >= 0, place % geometry.stride.height == 0,
        place / geometry.stride.height < input[2]
      else { continue }
      let first = (image * input[2] + place / geometry.stride.height) * input[3]
      for source in 0..<input[3] {
        let product = values + (first + source) * step + tapRow * kernel.width * channels
        for tap in 0..<kernel.width {
          let column =
            source * geometry.stride.width - geometry.padding.width
            + tap * geometry.dilation.width
          guard column >= 0, column < output[3] else { continue }
          let from = product + tap * channels
          let to = target + (line * output[3] + column) * output[1]
          for channel in 0..<channels { to[channel] += from[channel] }
        }
      }
    }
  }
}
