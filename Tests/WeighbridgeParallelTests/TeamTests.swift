#if os(Linux)
  import CTeam
  import Foundation
  import Synchronization
  import Testing

  /// The compute threads themselves: every index once, however many call, and barriers that hold.
  @Suite struct TeamTests {
    /// One piece of work: how often each index ran, and what a barrier let through too early.
    final class Work: Sendable {
      let size: Int
      let crossings: Int
      let runs: [Counter]
      let arrivals: [Counter]
      let early = Counter()

      init(size: Int, crossings: Int) {
        self.size = size
        self.crossings = crossings
        runs = (0..<size).map { _ in Counter() }
        arrivals = (0..<crossings).map { _ in Counter() }
      }

      func run() {
        team_run(
          { data in
            guard let data else { return }
            Unmanaged<Work>.fromOpaque(data).takeUnretainedValue().take(Int(team_index()))
          }, Unmanaged.passUnretained(self).toOpaque(), UInt32(size))
      }

      private func take(_ index: Int) {
        runs[index].add()
        for arrival in arrivals {
          arrival.add()
          team_barrier()
          if arrival.value != size { early.add() }
        }
      }

      var isRight: Bool { runs.allSatisfy { $0.value == 1 } && early.value == 0 }
    }

    final class Counter: Sendable {
      private let count = Atomic(0)
      func add() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
      var value: Int { count.load(ordering: .sequentiallyConsistent) }
    }

    @Test(arguments: [1, 2, 3, 7, 64, 65, 129])
    func everyIndexRunsOnce(size: Int) {
      for _ in 0..<50 {
        let work = Work(size: size, crossings: 0)
        work.run()
        #expect(work.isRight)
      }
    }

    @Test(arguments: [2, 3, 5, 9])
    func barriersLetNobodyThroughBeforeAllHaveCome(size: Int) {
      for _ in 0..<20 {
        let work = Work(size: size, crossings: 3)
        work.run()
        #expect(work.isRight)
      }
    }

    @Test func eightCallersShareTheWorkers() {
      let failures = Counter()
      let threads = (0..<8).map { caller in
        let done = DispatchSemaphore(value: 0)
        Thread {
          for turn in 0..<200 {
            let work = Work(size: 2 + (caller + turn) % 5, crossings: turn % 40 == 0 ? 2 : 0)
            work.run()
            if !work.isRight { failures.add() }
          }
          done.signal()
        }.start()
        return done
      }
      for done in threads { done.wait() }
      #expect(failures.value == 0)
      #expect(team_workers() < team_threads())
    }

    @Test(arguments: [
      ("200000 100000", 2), ("150000 100000\n", 2), ("10000 100000", 1), ("max 100000", 1024),
      ("0 0", 1024), ("", 1024), ("-1 100000", 1024), ("999999999999 1", 1024),
    ])
    func aContainersQuotaBoundsTheThreads(text: String, count: UInt32) throws {
      let file = FileManager.default.temporaryDirectory
        .appendingPathComponent("weighbridge-quota-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: file) }
      try text.write(to: file, atomically: false, encoding: .utf8)
      #expect(team_quota(file.path) == count)
      #expect(team_quota(file.path + "-that-is-not-there") == 1024)
    }

    @Test func aThreadOutsideOfWorkIsAlone() {
      #expect(team_index() == 0)
      #expect(team_size() == 1)
      #expect(!team_is_working())
      #expect(!team_is_divided())
      team_barrier()
    }
  }
#endif
