import WeighbridgeParallel
import WeighbridgeTensors

/// Windows of an image as columns, and back: PyTorch's `unfold` and `fold`.
extension PlainEngine {
  func columns(of x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>) throws -> Tensor {
    x.dtype == .float64
      ? try columns(x, geometry, counts, Double.self) : try columns(x, geometry, counts, Float.self)
  }

  private func columns<S: PlainScalar>(
    _ x: Tensor, _ geometry: WindowGeometry, _ counts: Pair<Int>, _: S.Type
  ) throws -> Tensor {
    let source = try x.contiguous()
    let grid = WindowGrid(geometry, counts, image: x.shape)
    let shape = try Shape([x.shape[0], x.shape[1] * grid.cells, grid.windows]).addressable(x.dtype)
    return try Tensor(shape: shape) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, shape.elementCount > 0 else { return }
      try source.withUnsafeElements { (input: UnsafePointer<S>) in
        Parallel.forRanges(shape[0] * shape[1], grain: max(1, 8192 / grid.windows)) { range in
          for row in range {
            let image = input + row / grid.cells * grid.imageLength
            let target = output + row * grid.windows
            grid.forEachWindow(cell: row % grid.cells) { window, pixel in
              target[window] = pixel.map { image[$0] } ?? 0
            }
          }
        }
      }
    }
  }

  func image(
    ofColumns x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>, output: Shape
  ) throws -> Tensor {
    x.dtype == .float64
      ? try image(x, geometry, counts, output, Double.self)
      : try image(x, geometry, counts, output, Float.self)
  }

  private func image<S: PlainScalar>(
    _ x: Tensor, _ geometry: WindowGeometry, _ counts: Pair<Int>, _ output: Shape, _: S.Type
  ) throws -> Tensor {
    let source = try x.contiguous()
    let grid = WindowGrid(geometry, counts, image: output)
    return try Tensor(shape: output) { (target: UnsafeMutableBufferPointer<S>) in
      target.update(repeating: 0)
      guard let target = target.baseAddress, output.elementCount > 0 else { return }
      try source.withUnsafeElements { (input: UnsafePointer<S>) in
        Parallel.forRanges(output[0] * output[1], grain: max(1, 8192 / grid.imageLength)) {
          range in
          for plane in range {
            let image = target + plane * grid.imageLength
            for cell in 0..<grid.cells {
              let column = input + (plane * grid.cells + cell) * grid.windows
              grid.forEachWindow(cell: cell) { window, pixel in
                if let pixel { image[pixel] += column[window] }
              }
            }
          }
        }
      }
    }
  }
}

/// Where the cells of windows lie in one channel of an image.
private struct WindowGrid {
  let geometry: WindowGeometry
  let counts: Pair<Int>
  let height: Int
  let width: Int

  init(_ geometry: WindowGeometry, _ counts: Pair<Int>, image: Shape) {
    (self.geometry, self.counts) = (geometry, counts)
    (height, width) = (image[2], image[3])
  }

  var cells: Int { geometry.kernel.height * geometry.kernel.width }
  var windows: Int { counts.height * counts.width }
  var imageLength: Int { height * width }

  /// Calls `body` with every window and the pixel that its cell lies on; `nil` in the padding.
  @inline(__always)
  func forEachWindow(cell: Int, _ body: (_ window: Int, _ pixel: Int?) -> Void) {
    let (line, column) = cell.quotientAndRemainder(dividingBy: geometry.kernel.width)
    var window = 0
    for row in 0..<counts.height {
      let y =
        row * geometry.stride.height - geometry.padding.height
        + line * geometry.dilation.height
      for place in 0..<counts.width {
        let x =
          place * geometry.stride.width - geometry.padding.width
          + column * geometry.dilation.width
        let isInside = y >= 0 && y < height && x >= 0 && x < width
        body(window, isInside ? y * width + x : nil)
        window += 1
      }
    }
  }
}
