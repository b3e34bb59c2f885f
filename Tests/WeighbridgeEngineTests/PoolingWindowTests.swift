import Foundation
import TestSupport
import Testing
import WeighbridgeEngine

/// How many windows there are along an axis, and which PyTorch refuses.
@Suite struct PoolingWindowTests {
  private struct Counts: Decodable {
    let counts: String
  }

  @Test func asManyAsPyTorchHas() throws {
    let file = Repository.fixtures.appending(path: "operators/window_counts.json")
    let text = try JSONDecoder().decode(Counts.self, from: Data(contentsOf: file)).counts
    var expected = text.compactMap(\.wholeNumberValue)[...]
    for size in 1...7 {
      for kernel in 1...5 {
        for stride in 1...4 {
          for padding in 0...(kernel / 2) {
            for dilation in 1...3 {
              for ceilMode in [false, true] {
                let geometry = PoolingGeometry(
                  .maximum, kernel: Pair(kernel), stride: Pair(stride),
                  padding: Padding(padding, padding), dilation: Pair(dilation), ceilMode: ceilMode)
                let count = (try? geometry.outputShape(input: [1, 1, size, size]))?[2] ?? 0
                #expect(count == expected.popFirst(), "\(size) \(geometry)")
              }
            }
          }
        }
      }
    }
    #expect(expected.isEmpty)
  }
}
