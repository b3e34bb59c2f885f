import CVectors
import Foundation
import Testing

@Suite("softmax in vectors, held against float64")
struct SoftmaxTests {
  /// Every row count around the four that go side by side, and every rest of eight values.
  @Test(arguments: [1, 3, 4, 5, 9], [false, true])
  func sameAsFloat64(rows: Int, isBaseline: Bool) {
    for count in [1, 2, 7, 8, 9, 15, 16, 17, 197] {
      let step = count + 3
      let values = (0..<rows * step).map { Float(sin(Double($0 * $0 % 101)) * 9) }
      let result = softmax(values, step, rows, count, isBaseline)
      for row in 0..<rows {
        let line = values[row * step..<row * step + count].map(Double.init)
        let largest = line.max() ?? 0
        let powers = line.map { exp($0 - largest) }
        let total = powers.reduce(0, +)
        for column in 0..<count {
          let expected = powers[column] / total
          let got = Double(result[row * step + column])
          // x − max is rounded once, to 2⁻²⁴ of itself, and e takes that as it is.
          let bound = (4 + largest - line[column]) * 0x1p-23 * expected + 1e-44
          #expect(abs(got - expected) <= bound, "\(rows) \(count) \(column)")
        }
        // What lies between the rows is not touched.
        #expect(
          result[row * step + count..<(row + 1) * step]
            == values[row * step + count..<(row + 1) * step])
      }
    }
  }

  @Test(arguments: [false, true])
  func extremes(isBaseline: Bool) {
    for count in [3, 8, 11] {
      var values = [Float](repeating: 1, count: 5 * count)
      for column in 0..<count { values[column] = -.infinity }
      values[count + 1] = .nan
      for column in 0..<count { values[2 * count + column] = column == 2 ? 500 : -500 }
      values[3 * count] = -.infinity
      let plain = softmax(values, count, 5, count, isBaseline)
      #expect(plain[0..<count].allSatisfy { $0.isNaN })
      #expect(plain[count..<2 * count].allSatisfy { $0.isNaN })
      #expect(
        plain[2 * count..<3 * count].enumerated().allSatisfy {
          $0.element == ($0.offset == 2 ? 1 : 0)
        })
      #expect(plain[3 * count] == 0)
      #expect(plain[4 * count..<5 * count].allSatisfy { abs($0 - 1 / Float(count)) < 1e-7 })
      let masked = softmax(values, count, 5, count, isBaseline, isMasked: true)
      #expect(masked[0..<count].allSatisfy { $0 == 0 })
      #expect(masked[count..<2 * count].allSatisfy { $0.isNaN })
      #expect(masked.dropFirst(2 * count).elementsEqual(plain.dropFirst(2 * count)))
    }
  }

  /// Results below the smallest normal number are rounded once, not lost.
  @Test(arguments: [false, true])
  func smallResults(isBaseline: Bool) {
    let result = softmax([0, -88, -95, -103, -104.5, -.infinity], 6, 1, 6, isBaseline)
    for (got, x) in zip(result, [0, -88, -95, -103.0]) {
      #expect(abs(Double(got) - exp(x)) <= 1e-6 * exp(x) + 1.5e-45)
      #expect(got > 0)
    }
    #expect(result[4] == 0 && result[5] == 0)
  }

  private func softmax(
    _ values: [Float], _ step: Int, _ rows: Int, _ count: Int, _ isBaseline: Bool,
    isMasked: Bool = false
  ) -> [Float] {
    var values = values
    values.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      if isBaseline {
        vectors_softmax_baseline(start, step, rows, count, isMasked)
      } else {
        vectors_softmax(start, step, rows, count, isMasked)
      }
    }
    return values
  }
}
