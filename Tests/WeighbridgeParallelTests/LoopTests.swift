import Synchronization
import Testing
import WeighbridgeParallel

/// Loops cover their indices once, in whatever parts.
@Suite struct LoopTests {
  /// How often each index was visited.
  private func visits(_ count: Int, _ loop: ((Int) -> Void) -> Void) -> [Int] {
    let seen = Mutex([Int](repeating: 0, count: max(0, count)))
    loop { index in seen.withLock { $0[index] += 1 } }
    return seen.withLock { $0 }
  }

  @Test(arguments: [0, 1, 2, 3, 17, 1000], [1, 2, 5, 400])
  func rangesCoverEveryIndexOnce(count: Int, grain: Int) {
    let seen = visits(count) { visit in
      Parallel.forRanges(count, grain: grain) { range in for index in range { visit(index) } }
    }
    #expect(seen.allSatisfy { $0 == 1 })
  }

  @Test(arguments: [0, 1, 2, 3, 17, 1000])
  func everyIndexIsTakenOnce(count: Int) {
    #expect(visits(count) { Parallel.forEach(count, $0) }.allSatisfy { $0 == 1 })
  }

  @Test func loopsInLoopsCoverEveryPairOnce() {
    let (rows, columns) = (13, 7)
    let seen = visits(rows * columns) { visit in
      Parallel.forEach(rows) { row in
        Parallel.forRanges(columns) { range in
          for column in range { visit(row * columns + column) }
        }
      }
    }
    #expect(seen.allSatisfy { $0 == 1 })
  }

  @Test func theCountOfThreadsIsAtLeastOne() {
    #expect((1...1024).contains(Parallel.threadCount))
  }
}
