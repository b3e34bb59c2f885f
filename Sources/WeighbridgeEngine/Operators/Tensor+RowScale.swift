import WeighbridgeParallel

extension Tensor {
  /// Each row of the first axis times a float64 factor of its own, multiplied in float64 and rounded
  /// once: what converting to float64 and back gives, in one pass.
  ///
  /// - Parameter factors: float64 [shape[0]].
  /// - Throws: `shape` when there are not as many factors as rows.
  package func rowsScaled(by factors: Tensor) throws -> Tensor {
    let rows = shape.first ?? 0
    guard dtype == .float32, elementCount > 0, factors.shape == [rows] else {
      let column = try factors.reshaped([rows] + [Int](repeating: 1, count: max(0, rank - 1)))
      return try (converted(to: .float64) * column).converted(to: dtype)
    }
    let (source, length) = (try contiguous(), elementCount / rows)
    let wide: [Double] = try factors.elements()
    return try Tensor(shape: shape) { (output: UnsafeMutableBufferPointer<Float>) in
      try source.withUnsafeElements { (input: UnsafePointer<Float>) in
        guard let output = output.baseAddress else { return }
        nonisolated(unsafe) let (from, to) = (input, output)
        Parallel.forRanges(rows, grain: max(1, 32768 / length)) { range in
          for row in range {
            let factor = wide[row]
            for i in row * length..<(row + 1) * length { to[i] = Float(Double(from[i]) * factor) }
          }
        }
      }
    }
  }
}
