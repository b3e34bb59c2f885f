import CTeam
import Synchronization

// Nothing else is needed on Linux, so that a program which only loads native files links no Foundation.
#if !os(Linux)
  import Dispatch
  import Foundation
#endif

/// Data-parallel loops on the process's compute threads.
///
/// On Linux these are the package's own: the calling thread and workers that spin for microseconds
/// and then sleep, so that a busy machine delays a loop no more than it must. oneDNN's loops run on
/// them, too. Elsewhere loops run on Dispatch.
public enum Parallel {
  /// How many threads a loop may use, the calling one included: at first as many as `OMP_NUM_THREADS`
  /// says, else one for each processor that the process may use. Values below 1 become 1, above 1024
  /// 1024.
  public static var threadCount: Int {
    get {
      #if os(Linux)
        return Int(team_threads())
      #else
        return chosen.load(ordering: .relaxed)
      #endif
    }
    set {
      let count = min(max(1, newValue), 1024)
      #if os(Linux)
        team_set_threads(UInt32(count))
      #else
        chosen.store(count, ordering: .relaxed)
      #endif
    }
  }

  #if !os(Linux)
    private static let chosen = Atomic(max(1, ProcessInfo.processInfo.activeProcessorCount))
  #endif

  /// How many threads keep a processor busy beside the loops: a loop that shared it with them would wait
  /// for its slowest part.
  @usableFromInline static let occupied = Atomic(0)

  /// Calls `body`, which keeps a processor busy: loops on other threads leave it one meanwhile.
  public static func occupying<R>(_ body: () throws -> R) rethrows -> R {
    occupied.wrappingAdd(1, ordering: .relaxed)
    defer { occupied.wrappingSubtract(1, ordering: .relaxed) }
    return try body()
  }

  /// How many threads a loop uses now: `threadCount` less those that are busy, at least 1.
  @usableFromInline static var freeThreads: Int {
    max(1, threadCount - occupied.load(ordering: .relaxed))
  }

  #if OneDNN
    /// Lets oneDNN run its loops on these threads. To be called before its first.
    ///
    /// - Returns: `false` where oneDNN keeps threads of its own: it is not built on libgomp.
    @discardableResult
    public static func serveOneDNN() -> Bool {
      #if os(Linux)
        return team_serve_onednn()
      #else
        return false
      #endif
    }
  #endif

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
    let wanted = min(freeThreads, max(1, count / max(1, grain)))
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
    let free = freeThreads
    guard count > 1, free > 1 else {
      for index in 0..<max(0, count) { body(index) }
      return
    }
    let next = SharedCounter()
    onTeam(of: min(free, count)) { _, _ in
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
  #if os(Linux)
    @usableFromInline
    static func onTeam(of size: Int, _ body: (_ index: Int, _ size: Int) -> Void) {
      withoutActuallyEscaping(body) { body in
        var work = TeamWork(body: body)
        withUnsafeMutablePointer(to: &work) { pointer in
          team_run(
            { data in
              guard let data else { return }
              let work = data.assumingMemoryBound(to: TeamWork.self)
              work.pointee.body(Int(team_index()), Int(team_size()))
            }, pointer, UInt32(clamping: size))
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
