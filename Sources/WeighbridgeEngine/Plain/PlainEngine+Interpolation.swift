import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  func interpolated(
    _ x: Tensor, _ interpolation: Interpolation, size: [Int], scales: [Double]?
  ) throws -> Tensor {
    x.dtype == .float64
      ? try interpolated(x, interpolation, size, scales, Double.self)
      : try interpolated(x, interpolation, size, scales, Float.self)
  }

  /// Along each axis after the other, the last one first.
  private func interpolated<S: PlainScalar>(
    _ x: Tensor, _ interpolation: Interpolation, _ size: [Int], _ scales: [Double]?, _: S.Type
  ) throws -> Tensor {
    let order = try MemoryOrder(x)
    var result = order.packed
    for axis in size.indices.reversed() {
      let place = order.place(of: x.rank - size.count + axis)
      let taps = InterpolationTaps<S>(
        interpolation, size: x.shape[x.rank - size.count + axis], outputs: size[axis],
        factor: scales?[axis])
      result = try result.weighted(by: taps, outputs: size[axis], axis: place)
    }
    return order.restored(result)
  }
}

extension Tensor {
  /// Sums of weighted elements along an axis of a packed tensor.
  fileprivate func weighted<S: PlainScalar>(
    by taps: InterpolationTaps<S>, outputs: Int, axis: Int
  ) throws -> Tensor {
    let extents = AxisExtents(shape, axis)
    let inner = extents.inner
    var dimensions = shape.dimensions
    dimensions[axis] = outputs
    return try Tensor(shape: Shape(dimensions)) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, extents.outer * outputs * inner > 0 else { return }
      try withUnsafeElements { (input: UnsafePointer<S>) in
        Parallel.forRanges(extents.outer * outputs, grain: max(1, 8192 / inner)) { range in
          for line in range {
            let source = input + line / outputs * extents.length * inner
            let target = output + line * inner
            let first = taps.starts[line % outputs]
            let last = taps.starts[line % outputs + 1]
            let (from, weight) = (source + taps.positions[first] * inner, taps.weights[first])
            for i in 0..<inner { target[i] = weight * from[i] }
            for tap in (first + 1)..<max(last, first + 1) {
              let (from, weight) = (source + taps.positions[tap] * inner, taps.weights[tap])
              for i in 0..<inner { target[i] += weight * from[i] }
            }
          }
        }
      }
    }
  }
}
