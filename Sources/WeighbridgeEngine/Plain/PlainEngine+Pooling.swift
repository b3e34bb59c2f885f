import WeighbridgeParallel
import WeighbridgeTensors

/// Pooling runs on channels-last images, all channels of a cell side by side.
extension PlainEngine {
  package func pool(_ x: Tensor, _ geometry: PoolingGeometry, output: Shape) throws -> Tensor {
    x.dtype == .float64
      ? try pool(x, geometry, output, Double.self) : try pool(x, geometry, output, Float.self)
  }

  private func pool<S: PlainScalar>(
    _ x: Tensor, _ geometry: PoolingGeometry, _ output: Shape, _: S.Type
  ) throws -> Tensor {
    try pooled(x, geometry, output) { (window: PooledWindow<S>) in
      switch geometry.kind {
      case .maximum: window.writeMaximum()
      case .average(let countIncludePad): window.writeMean(countingPadding: countIncludePad)
      }
    }
  }

  /// Calls `write` for the window of every output cell, in parallel.
  @inline(__always)
  func pooled<S: PlainScalar>(
    _ x: Tensor, _ geometry: PoolingGeometry, _ output: Shape, _ write: (PooledWindow<S>) -> Void
  ) throws -> Tensor {
    let rows = (0..<output[2]).map {
      PoolingWindow(
        index: $0, size: x.shape[2], kernel: geometry.kernel.height, step: geometry.stride.height,
        before: geometry.padding.top, after: geometry.padding.bottom,
        dilation: geometry.dilation.height)
    }
    let columns = (0..<output[3]).map {
      PoolingWindow(
        index: $0, size: x.shape[3], kernel: geometry.kernel.width, step: geometry.stride.width,
        before: geometry.padding.left, after: geometry.padding.right,
        dilation: geometry.dilation.width)
    }
    return try pooled(x, rows, columns, write)
  }

  package func adaptiveAveragePool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    if output == 1 { return try reduce(.mean, x, axes: [2, 3]) }
    return x.dtype == .float64
      ? try adaptivePool(x, output, Double.self) { $0.writeMean(countingPadding: false) }
      : try adaptivePool(x, output, Float.self) { $0.writeMean(countingPadding: false) }
  }

  func adaptiveMaximumPool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    x.dtype == .float64
      ? try adaptivePool(x, output, Double.self) { $0.writeMaximum() }
      : try adaptivePool(x, output, Float.self) { $0.writeMaximum() }
  }

  private func adaptivePool<S: PlainScalar>(
    _ x: Tensor, _ output: Pair<Int>, _: S.Type, _ write: (PooledWindow<S>) -> Void
  ) throws -> Tensor {
    let rows = (0..<output.height).map {
      PoolingWindow(adaptive: $0, of: output.height, size: x.shape[2])
    }
    let columns = (0..<output.width).map {
      PoolingWindow(adaptive: $0, of: output.width, size: x.shape[3])
    }
    return try pooled(x, rows, columns, write)
  }

  @inline(__always)
  private func pooled<S: PlainScalar>(
    _ x: Tensor, _ rows: [PoolingWindow], _ columns: [PoolingWindow],
    _ write: (PooledWindow<S>) -> Void
  ) throws -> Tensor {
    let source = try x.contiguous(.channelsLast)
    let channels = x.shape[1]
    let shape: Shape = [x.shape[0], channels, rows.count, columns.count]
    let result = try Tensor(shape: shape, format: .channelsLast) {
      (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, shape.elementCount > 0 else { return }
      try source.withUnsafeElements { (input: UnsafePointer<S>) in
        let grain = max(1, 4096 / max(1, channels * columns.count))
        Parallel.forRanges(shape[0] * rows.count, grain: grain) { range in
          for line in range {
            let image = input + line / rows.count * x.shape[2] * x.shape[3] * channels
            for (position, column) in columns.enumerated() {
              write(
                PooledWindow(
                  rows: rows[line % rows.count], columns: column, image: image,
                  imageWidth: x.shape[3], channels: channels,
                  output: output + (line * columns.count + position) * channels))
            }
          }
        }
      }
    }
    return try result.contiguous(x.preferredFormat)
  }
}

/// The cells of one axis that an output covers.
struct PoolingWindow {
  /// The first cell in the image, the distance to the next, and how many there are.
  let first: Int
  let step: Int
  let count: Int
  /// How many cells there are with the padding, which PyTorch ends at the image's far padding even
  /// where a window of `ceil_mode` reaches beyond.
  let paddedCount: Int

  init(
    index: Int, size: Int, kernel: Int, step: Int, before: Int, after: Int, dilation: Int
  ) {
    let start = index * step - before
    let skipped = start < 0 ? (-start + dilation - 1) / dilation : 0
    func cells(below limit: Int) -> Int {
      start < limit ? min(kernel, (limit - start + dilation - 1) / dilation) : 0
    }
    first = start + skipped * dilation
    self.step = dilation
    count = max(0, cells(below: size) - skipped)
    paddedCount = cells(below: size + after)
  }

  /// PyTorch's adaptive rule: ⌊i·size/out⌋ ..< ⌈(i + 1)·size/out⌉.
  init(adaptive index: Int, of outputs: Int, size: Int) {
    first = index * size / outputs
    step = 1
    count = ((index + 1) * size + outputs - 1) / outputs - first
    paddedCount = count
  }
}

/// One window of one image, and where its result goes.
struct PooledWindow<S: PlainScalar> {
  let rows: PoolingWindow
  let columns: PoolingWindow
  let image: UnsafePointer<S>
  let imageWidth: Int
  let channels: Int
  let output: UnsafeMutablePointer<S>

  /// Calls `body` with the channels of every cell inside the image.
  @inline(__always)
  private func forEachCell(_ body: (UnsafePointer<S>) -> Void) {
    for row in 0..<rows.count {
      let line = image + (rows.first + row * rows.step) * imageWidth * channels
      for column in 0..<columns.count {
        body(line + (columns.first + column * columns.step) * channels)
      }
    }
  }

  /// The maximum, NaN where the window holds one, −∞ where it holds no cell.
  @inline(__always)
  func writeMaximum() {
    output.update(repeating: -.infinity, count: channels)
    forEachCell { cell in
      for i in 0..<channels { output[i] = Extremes.larger(output[i], cell[i]) }
    }
  }

  @inline(__always)
  func writeMean(countingPadding: Bool) {
    output.update(repeating: 0, count: channels)
    forEachCell { cell in
      for i in 0..<channels { output[i] += cell[i] }
    }
    let divisor = S(divisor(countingPadding: countingPadding))
    for i in 0..<channels { output[i] /= divisor }
  }

  /// How many cells a mean divides by.
  @inline(__always)
  func divisor(countingPadding: Bool) -> Int {
    countingPadding ? rows.paddedCount * columns.paddedCount : rows.count * columns.count
  }
}
