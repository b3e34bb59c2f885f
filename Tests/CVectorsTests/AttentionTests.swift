import CVectors
import Testing

@Suite("One head of attention in vectors, held against float64")
struct AttentionTests {
  /// Queries, keys, columns of queries and keys, columns of values.
  static let sizes = [
    (1, 1, 1, 1), (4, 8, 8, 8), (16, 19, 32, 32), (5, 7, 3, 9), (6, 24, 17, 40), (3, 64, 64, 64),
    (9, 13, 1, 5),
  ]

  @Test(arguments: sizes, [false, true])
  func sameAsFloat64(size: (Int, Int, Int, Int), isBaseline: Bool) {
    let head = Head(size)
    let result = head.run(isBaseline: isBaseline)
    for (got, expected) in zip(result, head.expected()) {
      #expect(abs(Double(got) - expected) < 4e-6)
    }
  }

  @Test("A bias of −∞ takes a key out; of all keys, the row is zeros", arguments: [false, true])
  func masked(isBaseline: Bool) {
    var head = Head((3, 5, 4, 6))
    for key in 0..<5 {
      head.bias[key] = key == 2 ? 0 : -.infinity
      head.bias[5 + key] = -.infinity
    }
    let result = head.run(isBaseline: isBaseline)
    #expect(Array(result[0..<6]) == Array(head.v[2 * head.width..<2 * head.width + 6]))
    #expect(result[6..<12].allSatisfy { $0 == 0 })
    #expect(result[12..<18].allSatisfy { $0.isFinite })
  }

  @Test("NaN among the queries stays in its row", arguments: [false, true])
  func notANumber(isBaseline: Bool) {
    var head = Head((4, 9, 3, 3))
    head.q[1 * head.depth] = .nan
    let result = head.run(isBaseline: isBaseline)
    #expect(result[3..<6].allSatisfy { $0.isNaN })
    #expect((result[0..<3] + result[6...]).allSatisfy { $0.isFinite })
  }
}

/// A head of pseudorandom values.
private struct Head {
  let queries: Int
  let keys: Int
  let depth: Int
  let width: Int
  let scale: Float = 0.37
  var q: [Float]
  var k: [Float]
  var v: [Float]
  var bias: [Float]

  init(_ size: (Int, Int, Int, Int)) {
    (queries, keys, depth, width) = size
    var state: UInt32 = 7
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(state >> 8) / Float(1 << 23) - 1
      }
    }
    (q, k) = (values(queries * depth), values(keys * depth))
    (v, bias) = (values(keys * width), values(queries * keys))
  }

  func run(isBaseline: Bool) -> [Float] {
    var output = [Float](repeating: -1, count: queries * width)
    let (q, k, v, bias) = (q, k, v, bias)
    q.withUnsafeBufferPointer { q in
      k.withUnsafeBufferPointer { k in
        v.withUnsafeBufferPointer { v in
          bias.withUnsafeBufferPointer { bias in
            output.withUnsafeMutableBufferPointer { output in
              guard let q = q.baseAddress, let k = k.baseAddress, let v = v.baseAddress,
                let output = output.baseAddress
              else { return }
              var head = vectors_head(
                q: q, q_step: depth, k: k, k_step: depth, v: v, v_step: width,
                bias: bias.baseAddress, bias_row_step: keys, bias_column_step: 1, output: output,
                output_step: width, queries: queries, keys: keys, depth: depth, width: width,
                scale: scale)
              let size = vectors_attend_scratch(&head)
              withUnsafeTemporaryAllocation(byteCount: size * 4, alignment: 32) { scratch in
                guard let scratch = scratch.bindMemory(to: Float.self).baseAddress else { return }
                if isBaseline {
                  vectors_attend_baseline(&head, scratch)
                } else {
                  vectors_attend(&head, scratch)
                }
              }
            }
          }
        }
      }
    }
    return output
  }

  func expected() -> [Double] {
    var result: [Double] = []
    for query in 0..<queries {
      let scores = (0..<keys).map { key in
        (0..<depth).reduce(0.0) {
          $0 + Double(q[query * depth + $1]) * Double(k[key * depth + $1])
        } * Double(scale) + Double(bias[query * keys + key])
      }
      let largest = scores.max() ?? 0
      let powers = scores.map { exponential($0 - largest) }
      let total = powers.reduce(0, +)
      for column in 0..<width {
        result.append(
          (0..<keys).reduce(0.0) { $0 + powers[$1] / total * Double(v[$1 * width + column]) })
      }
    }
    return result
  }

  /// eˣ for −20 < x ≤ 0, by its series at x/64.
  private func exponential(_ x: Double) -> Double {
    var (term, sum) = (1.0, 1.0)
    for n in 1..<20 {
      term *= x / 64 / Double(n)
      sum += term
    }
    for _ in 0..<6 { sum *= sum }
    return sum
  }
}
