import TestSupport

#if OneDNN
  import Foundation
  import Testing
  import WeighbridgeParallel

  @testable import WeighbridgeEngine

  /// Operators that many threads call at once.
  @Suite struct TaskTests {
    /// A small network of what divides work: convolutions, a linear map, attention, a product.
    private struct Network: Sendable {
      let image, kernel, deep, weight, q, k: Tensor
      let caches = (OperatorCache(), OperatorCache(), OperatorCache())

      init() throws {
        var generator = SplitMix(seed: 8)
        image = try generator.tensor([2, 17, 13, 11])
        kernel = try generator.tensor([32, 17, 3, 3])
        deep = try generator.tensor([64, 32, 1, 1])
        weight = try generator.tensor([96, 64])
        q = try generator.tensor([2, 3, 70, 16])
        k = try generator.tensor([2, 3, 70, 16])
      }

      /// The results of one pass, as bits.
      func pass() throws -> [[Float]] {
        let engine = OneDNNEngine()
        let geometry = ConvolutionGeometry(padding: 1)
        let first = try engine.convolution(
          image, weight: kernel, bias: nil, geometry: geometry, output: [2, 32, 13, 11],
          epilogue: Epilogue(activation: .relu), cache: caches.0)
        let second = try engine.convolution(
          first, weight: deep, bias: nil, geometry: ConvolutionGeometry(),
          output: [2, 64, 13, 11], epilogue: Epilogue(activation: .silu), cache: caches.1)
        let rows = try second.transposed(1, 3).contiguous().reshaped([286, 64])
        let third = try engine.linear(
          rows, weight: weight, bias: nil, epilogue: Epilogue(activation: .gelu), cache: caches.2)
        let heads = try engine.attention(q, k, q, scale: 0.25, bias: nil)
        let product = try engine.matmul(q, k.transposed(2, 3))
        return try [first, second, third, heads, product].map { try $0.elements() }
      }
    }

    @Test func eightThreadsAtOnceGetWhatOneGets() throws {
      let network = try Network()
      let expected = try network.pass()
      let outcomes = Outcomes()
      let done = (0..<8).map { _ in
        let done = DispatchSemaphore(value: 0)
        Thread {
          for _ in 0..<10 {
            let got = try? network.pass()
            outcomes.add(got == expected)
          }
          done.signal()
        }.start()
        return done
      }
      for semaphore in done { semaphore.wait() }
      #expect(outcomes.all == Array(repeating: true, count: 80))
    }

    /// What threads found. Behind an `NSLock`, since ThreadSanitizer does not see a `Mutex` on Linux.
    private final class Outcomes: @unchecked Sendable {
      private let lock = NSLock()
      private var values: [Bool] = []

      var all: [Bool] { lock.withLock { values } }

      func add(_ value: Bool) { lock.withLock { values.append(value) } }
    }

    #if os(Linux)
      @Test(.enabled(if: OneDNNLibrary.version.hasPrefix("2.")))
      func theDistributionsLibraryRunsOnOurThreads() throws {
        _ = try OneDNNLibrary.shared()
        #expect(Parallel.serveOneDNN())
      }
    #endif
  }
#endif
