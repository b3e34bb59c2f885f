import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  package func affineGrid(_ theta: Tensor, size: Pair<Int>, alignCorners: Bool) throws -> Tensor {
    theta.dtype == .float64
      ? try affineGrid(theta, size, alignCorners, Double.self)
      : try affineGrid(theta, size, alignCorners, Float.self)
  }

  /// (x, y, 1)·thetaᵀ for every base coordinate, summed in that order.
  private func affineGrid<S: PlainScalar>(
    _ theta: Tensor, _ size: Pair<Int>, _ alignCorners: Bool, _: S.Type
  ) throws -> Tensor {
    let coefficients = try theta.elements(as: S.self)
    let xs: [S] = Self.baseCoordinates(size.width, alignCorners)
    let ys: [S] = Self.baseCoordinates(size.height, alignCorners)
    let shape: Shape = [theta.shape[0], size.height, size.width, 2]
    return try Tensor(shape: shape) { (output: UnsafeMutableBufferPointer<S>) in
      var index = 0
      for sample in 0..<shape[0] {
        let t = Array(coefficients[(sample * 6)..<(sample * 6 + 6)])
        for y in ys {
          for x in xs {
            output[index] = x * t[0] + y * t[1] + t[2]
            output[index + 1] = x * t[3] + y * t[4] + t[5]
            index += 2
          }
        }
      }
    }
  }

  /// PyTorch's base coordinates, in its own arithmetic and equal to the bit: `linspace(-1, 1, count)`,
  /// computed from both ends towards the middle with fused multiply-adds, and without `alignCorners`
  /// times (count − 1)/count; 0 for one cell.
  private static func baseCoordinates<S: PlainScalar>(_ count: Int, _ alignCorners: Bool) -> [S] {
    guard count > 1 else { return [0] }
    let step = 2 / S(count - 1)
    return (0..<count).map { index in
      let value =
        index < count / 2
        ? S(-1).addingProduct(step, S(index)) : S(1).addingProduct(-step, S(count - index - 1))
      return alignCorners ? value : value * S(count - 1) / S(count)
    }
  }

  package func gridSample(_ x: Tensor, grid: Tensor, alignCorners: Bool) throws -> Tensor {
    x.dtype == .float64
      ? try gridSample(x, grid, alignCorners, Double.self)
      : try gridSample(x, grid, alignCorners, Float.self)
  }

  private func gridSample<S: PlainScalar>(
    _ x: Tensor, _ grid: Tensor, _ alignCorners: Bool, _: S.Type
  ) throws -> Tensor {
    let source = try x.contiguous(.channelsLast)
    let grid = try grid.contiguous()
    let channels = x.shape[1]
    let shape: Shape = [x.shape[0], channels, grid.shape[1], grid.shape[2]]
    let cells = shape[2] * shape[3]
    let sampler = BilinearSampler(
      height: x.shape[2], width: x.shape[3], channels: channels, alignCorners: alignCorners)
    let result = try Tensor(shape: shape, format: .channelsLast) {
      (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, shape.elementCount > 0 else { return }
      try source.withUnsafeElements { (input: UnsafePointer<S>) in
        try grid.withUnsafeElements { (points: UnsafePointer<S>) in
          Parallel.forRanges(shape[0] * cells, grain: max(1, 1024 / channels)) { range in
            for point in range {
              sampler.sample(
                input + point / cells * sampler.imageLength, x: points[2 * point],
                y: points[2 * point + 1], into: output + point * channels)
            }
          }
        }
      }
    }
    return try result.contiguous(x.preferredFormat)
  }
}

/// Bilinear interpolation in one channels-last image, zero outside.
private struct BilinearSampler {
  let height: Int
  let width: Int
  let channels: Int
  let alignCorners: Bool

  var imageLength: Int { height * width * channels }

  /// The pixel coordinate of a grid coordinate: −1 and 1 are the centres of the first and the last
  /// pixel with `alignCorners`, else the image's edges.
  @inline(__always)
  private func pixel<S: PlainScalar>(_ coordinate: S, _ size: Int) -> S {
    alignCorners
      ? (coordinate + 1) / 2 * S(size - 1) : ((coordinate + 1) * S(size) - 1) / 2
  }

  @inline(__always)
  func sample<S: PlainScalar>(
    _ image: UnsafePointer<S>, x: S, y: S, into output: UnsafeMutablePointer<S>
  ) {
    let (column, row) = (pixel(x, width), pixel(y, height))
    guard column.isFinite, row.isFinite else {
      // The weights of the corners are NaN, whatever they are weights of.
      return output.update(repeating: .nan, count: channels)
    }
    // Beyond this no corner lies in the image; and only from here on is it sure to fit an Int.
    guard column > -1, column < S(width), row > -1, row < S(height) else {
      return output.update(repeating: 0, count: channels)
    }
    let (i, j) = (floor(row), floor(column))
    let (right, bottom) = (S(j) + 1 - column, S(i) + 1 - row)
    let (left, top) = (column - S(j), row - S(i))
    let weights = (right * bottom, left * bottom, right * top, left * top)
    if i >= 0, i + 1 < height, j >= 0, j + 1 < width {
      let upper = image + (i * width + j) * channels
      let lower = upper + width * channels
      for c in 0..<channels {
        // From 0, as the sum below: so the sign of a zero is the same.
        var sum = 0 + upper[c] * weights.0
        sum += upper[c + channels] * weights.1
        sum += lower[c] * weights.2
        sum += lower[c + channels] * weights.3
        output[c] = sum
      }
      return
    }
    output.update(repeating: 0, count: channels)
    add(image, i, j, weights.0, output)
    add(image, i, j + 1, weights.1, output)
    add(image, i + 1, j, weights.2, output)
    add(image, i + 1, j + 1, weights.3, output)
  }

  /// ⌊x⌋ of a number above −1 that fits: `rounded(.down)` is a call of the C library where the processor
  /// that is compiled for has no instruction for it.
  @inline(__always)
  private func floor<S: PlainScalar>(_ x: S) -> Int { x < 0 ? -1 : x.truncatedInteger }

  @inline(__always)
  private func add<S: PlainScalar>(
    _ image: UnsafePointer<S>, _ row: Int, _ column: Int, _ weight: S,
    _ output: UnsafeMutablePointer<S>
  ) {
    guard row >= 0, row < height, column >= 0, column < width else { return }
    let corner = image + (row * width + column) * channels
    for channel in 0..<channels { output[channel] += corner[channel] * weight }
  }
}
