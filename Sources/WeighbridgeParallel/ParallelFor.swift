#if OneDNN && os(Linux)
  import CGOMP
#endif
import Dispatch
import Foundation
import Synchronization

/// Data-parallel loops on the process's compute threads.
///
/// With oneDNN on Linux the loop runs on OpenMP's own team, the threads that oneDNN uses too: two
/// thread pools on the same cores would fight, since OpenMP's workers spin between regions.
/// Elsewhere it runs on Dispatch.
public enum Parallel {
  /// How many threads a loop may use.
  public static var threadCount: Int {
    #if OneDNN && os(Linux)
      return max(1, Int(omp_get_max_threads()))
    #else
      return ProcessInfo.processInfo.activeProcessorCount
    #endif
  }

  /// Calls `body` with disjoint ranges that together cover `0..<count`, on up to `threadCount`
  /// threads, and returns when all have.
  ///
  /// - Parameters:
  ///   - count: The number of iterations.
  ///   - grain: The least number of iterations worth a thread of its own; with fewer than two
  ///     grains of work `body` runs on the calling thread.
  ///   - body: The work for one range.
  @inline(__always)
  public static func forRanges(
    _ count: Int, grain: Int = 1, _ body: (Range<Int>) -> Void
  ) {
    guard count > 0 else { return }
    let wanted = min(threadCount, max(1, count / max(1, grain)))
    if wanted <= 1 {
      body(0..<count)
    } else {
      onTeam(of: wanted) { index, size in
        let lower = count * index / size
        let upper = count * (index + 1) / size
        if lower < upper { body(lower..<upper) }
      }
    }
  }

  /// Calls `body` once for every index in `0..<count`; idle threads take the next index, so that
  /// uneven work balances.
  public static func forEach(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1, threadCount > 1 else {
      for index in 0..<max(0, count) { body(index) }
      return
    }
    let next = SharedCounter()
    onTeam(of: min(threadCount, count)) { _, _ in
      while true {
        let index = next.take()
        if index >= count { return }
        body(index)
      }
    }
  }
}

/// A counter that hands out 0, 1, 2 … to competing threads.
private final class SharedCounter: Sendable {
  private let next = Atomic(0)

  func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// The closure that a team runs, reachable through the C callback's data pointer.
private struct TeamWork {
  let body: (_ index: Int, _ size: Int) -> Void
}

extension Parallel {
  #if OneDNN && os(Linux)
    @usableFromInline
    static func onTeam(of size: Int, _ body: (_ index: Int, _ size: Int) -> Void) {
      withoutActuallyEscaping(body) { body in
        var work = TeamWork(body: body)
        withUnsafeMutablePointer(to: &work) { pointer in
          GOMP_parallel(
            { data in
              guard let data else { return }
              let work = data.assumingMemoryBound(to: TeamWork.self)
              work.pointee.body(Int(omp_get_thread_num()), Int(omp_get_num_threads()))
            }, pointer, UInt32(size), 0)
        }
      }
    }
  #else
    @usableFromInline
    static func onTeam(of size: Int, _ body: (_ index: Int, _ size: Int) -> Void) {
      withoutActuallyEscaping(body) { body in
        let work = UncheckedBody(body: body)
        DispatchQueue.concurrentPerform(iterations: size) { index in work.body(index, size) }
      }
    }

    /// `concurrentPerform` returns only after every iteration, so the closure outlives its uses.
    private struct UncheckedBody: @unchecked Sendable {
      let body: (_ index: Int, _ size: Int) -> Void
    }
  #endif
}
