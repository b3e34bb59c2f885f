import Synchronization
import WeighbridgeParallel

/// Partial results of the parts of a comparison, which the threads take one after the other. They are
/// merged in the order of the parts, so that no figure depends on which thread was first.
struct PartialResults: ~Copyable {
  private struct State {
    var parts: [(index: Int, part: Accumulator)] = []
    /// The largest values of all parts so far.
    var record = Accumulator()
  }

  private let state = Mutex(State())

  /// What `body` adds up over all parts.
  ///
  /// Maxima that another part has reached need not be looked for again: only what could exceed them,
  /// or be the first of their size, is looked at.
  static func gathered(
    parts count: Int, _ body: (_ part: Int, _ sums: inout Accumulator) -> Void
  ) -> Accumulator {
    let results = PartialResults()
    Parallel.forEach(count) { index in
      var part = results.beginning()
      body(index, &part)
      results.add(part, index: index)
    }
    return results.merged()
  }

  private borrowing func beginning() -> Accumulator {
    state.withLock { state in
      var part = Accumulator()
      part.floor = max(0, state.record.maxAbs)
      part.maxRel = state.record.maxRel
      part.maxULP = state.record.maxULP
      part.elementwiseRatio = state.record.elementwiseRatio
      return part
    }
  }

  private borrowing func add(_ part: Accumulator, index: Int) {
    state.withLock { state in
      state.parts.append((index, part))
      state.record.merge(part)
    }
  }

  private borrowing func merged() -> Accumulator {
    state.withLock { state in
      state.parts.sorted { $0.index < $1.index }.reduce(into: Accumulator()) { $0.merge($1.part) }
    }
  }
}
