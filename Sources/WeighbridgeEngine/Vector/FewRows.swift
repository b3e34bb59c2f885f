import WeighbridgeParallel
import WeighbridgeTensors

/// Linear maps of so few values that calling the library costs more than the product: the gates of
/// attention over channels.
///
/// Sums run in float64 and are rounded once. That is more than speed: such a vector often passes a
/// batch norm that takes a difference of nearly equal numbers next, which makes a float32 sum's error
/// ten times larger.
enum FewRows {
  /// The most rows and products that are worth it: with more, the library's float32 is faster, and an
  /// error that falls on more values weighs less.
  private static let rowLimit = 2
  private static let limit = 1 << 17
  /// Products from which on both threads take part.
  private static let grain = 1 << 14

  static func suits(rows: Int, inputs: Int, outputs: Int) -> Bool {
    let (matrix, tooLarge) = inputs.multipliedReportingOverflow(by: outputs)
    guard !tooLarge, matrix > 0, matrix <= limit else { return false }
    return (1...rowLimit).contains(rows) && rows <= limit / matrix
  }

  /// x·Wᵀ + b.
  ///
  /// - Parameters:
  ///   - x: Dense rows of `inputs` values.
  ///   - weight: [outputs, inputs], dense.
  ///   - output: Room for rows · outputs values.
  static func multiply(
    _ x: UnsafePointer<Float>, rows: Int, inputs: Int, weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>?, outputs: Int, to output: UnsafeMutablePointer<Float>
  ) {
    nonisolated(unsafe) let (x, weight, bias, output) = (x, weight, bias, output)
    let perOutput = rows * inputs
    Parallel.forRanges(outputs, grain: max(1, grain / max(1, perOutput))) { range in
      for column in range {
        let shift = bias.map { Double($0[column]) } ?? 0
        for row in 0..<rows {
          let sum = dot(x + row * inputs, weight + column * inputs, inputs)
          output[row * outputs + column] = Float(sum + shift)
        }
      }
    }
  }

  /// Σ a·b in float64: exact products, since two float32 mantissas fit one of float64.
  private static func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
  ) -> Double {
    var (first, second) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
    var i = 0
    while i + 8 <= count {
      let (left, right) = (lanes(a + i), lanes(b + i))
      first += SIMD4<Double>(left.lowHalf) * SIMD4<Double>(right.lowHalf)
      second += SIMD4<Double>(left.highHalf) * SIMD4<Double>(right.highHalf)
      i += 8
    }
    var sum = (first + second).sum()
    while i < count {
      sum += Double(a[i]) * Double(b[i])
      i += 1
    }
    return sum
  }
}
