import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  package func convolution(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry,
    output: Shape, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    let result =
      x.dtype == .float64
      ? try convolution(x, weight, bias, geometry, output, cache, Double.self)
      : try convolution(x, weight, bias, geometry, output, cache, Float.self)
    return try finish(result, epilogue)
  }

  /// Every output pixel is a row of a product: its window, read in place from the padded
  /// channels-last image, times the weight.
  private func convolution<S: PlainScalar>(
    _ x: Tensor, _ weight: LayerWeight, _ bias: Tensor?, _ geometry: ConvolutionGeometry,
    _ output: Shape, _ cache: OperatorCache, _: S.Type
  ) throws -> Tensor {
    let padding = geometry.padding
    let padded =
      padding == 0
      ? try x.contiguous(.channelsLast)
      : try x.contiguous(.channelsLast)
        .padded([(padding.top, padding.bottom), (padding.left, padding.right)])
        .contiguous(.channelsLast)
    let bias = try bias?.contiguous()
    let isDepthwise = weight.shape[1] == 1 && geometry.groups == weight.shape[0]
    let result = try Tensor(shape: output, format: .channelsLast) {
      (target: UnsafeMutableBufferPointer<S>) in
      guard let target = target.baseAddress, output.elementCount > 0 else { return }
      try padded.withUnsafeElements { (input: UnsafePointer<S>) in
        try bias.withOptionalElements { bias in
          let windows = ConvolutionWindows(padded.shape, output, geometry)
          if isDepthwise && geometry.groups > 1 {
            try windows.runDepthwise(input, weight, bias, target, cache)
          } else {
            try windows.run(input, weight, bias, target, cache)
          }
        }
      }
    }
    return try result.contiguous(x.preferredFormat)
  }

  /// activation(result + residual).
  func finish(_ result: Tensor, _ epilogue: Epilogue) throws -> Tensor {
    var result = result
    if let residual = epilogue.residual {
      result = try binary(.add, result, residual, output: result.shape)
    }
    if let activation = epilogue.activation { result = try activate(result, activation) }
    return result
  }
}

/// Where the windows of a convolution lie in a padded channels-last image.
private struct ConvolutionWindows {
  let input: Shape
  let output: Shape
  let geometry: ConvolutionGeometry

  init(_ input: Shape, _ output: Shape, _ geometry: ConvolutionGeometry) {
    (self.input, self.output, self.geometry) = (input, output, geometry)
  }

  /// The index of the first scalar of an output pixel's window.
  @inline(__always)
  func start(_ pixel: Int) -> Int {
    let (row, column) = (pixel / output[3], pixel % output[3])
    let (image, line) = (row / output[2], row % output[2])
    return
      ((image * input[2] + line * geometry.stride.height) * input[3]
      + column * geometry.stride.width) * input[1]
  }

  func run<S: PlainScalar>(
    _ source: UnsafePointer<S>, _ weight: LayerWeight, _ bias: UnsafePointer<S>?,
    _ target: UnsafeMutablePointer<S>, _ cache: OperatorCache
  ) throws {
    let panels: MatrixPanels<S> = try cache.value(
      .init("plain.convolution.\(S.dtype)", [geometry.groups])
    ) {
      try MatrixPanels(weight: weight.values(in: S.dtype), groups: geometry.groups)
    }
    let (offsets, length) = runs(weight.shape)
    for group in 0..<geometry.groups {
      let first = source + group * weight.shape[1]
      MatrixProduct(
        rowCount: output[0] * output[2] * output[3], runOffsets: offsets, runLength: length,
        panels: panels, group: group, bias: bias.map { $0 + group * panels.columns },
        output: target + group * panels.columns, outputStep: output[1]
      ).run { first + start($0) }
    }
  }

  /// The runs of neighbouring scalars in a window: a kernel row where neither dilation nor groups
  /// leave gaps, else a kernel cell.
  private func runs(_ weight: Shape) -> (offsets: [Int], length: Int) {
    let (channels, height, width) = (weight[1], weight[2], weight[3])
    let lineStep = geometry.dilation.height * input[3] * input[1]
    if geometry.groups == 1 && geometry.dilation.width == 1 {
      return ((0..<height).map { $0 * lineStep }, width * channels)
    }
    let cellStep = geometry.dilation.width * input[1]
    return (
      (0..<height * width).map { $0 / width * lineStep + $0 % width * cellStep }, channels
    )
  }

  /// One channel in, one out: the kernel cells one after the other, all channels side by side.
  func runDepthwise<S: PlainScalar>(
    _ source: UnsafePointer<S>, _ weight: LayerWeight, _ bias: UnsafePointer<S>?,
    _ target: UnsafeMutablePointer<S>, _ cache: OperatorCache
  ) throws {
    let channels = output[1]
    let cells = weight.shape[2] * weight.shape[3]
    let byCell = try cache.value(.init("plain.depthwise.\(S.dtype)")) {
      try weight.values(in: S.dtype).reshaped([channels, cells]).transposed().contiguous()
    }
    let lineStep = geometry.dilation.height * input[3] * channels
    let cellStep = geometry.dilation.width * channels
    let kernelWidth = weight.shape[3]
    try byCell.withUnsafeElements { (weights: UnsafePointer<S>) in
      Parallel.forRanges(
        output[0] * output[2] * output[3], grain: max(1, 8192 / max(1, channels * cells))
      ) { range in
        for pixel in range {
          let sums = target + pixel * channels
          if let bias {
            sums.update(from: bias, count: channels)
          } else {
            sums.update(repeating: 0, count: channels)
          }
          let window = source + start(pixel)
          for cell in 0..<cells {
            let values = window + cell / kernelWidth * lineStep + cell % kernelWidth * cellStep
            let factors = weights + cell * channels
            for channel in 0..<channels { sums[channel] += values[channel] * factors[channel] }
          }
        }
      }
    }
  }
}
