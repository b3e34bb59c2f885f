import Synchronization

/// What a run computes, noted operator by operator: where its time goes, and what ran as one.
///
/// It looks at the run as a program has it: no probe is set, so that nothing runs otherwise. Where nobody
/// keeps a log, that is a load and a branch.
package final class RunLog: Sendable {
  /// A module whose work the operators of another one do.
  package struct Joined: Sendable, Hashable {
    package var path: String
    package var kind: String
    /// Whether it went into the other's weights beforehand.
    package var isFolded: Bool

    package init(path: String, kind: String, isFolded: Bool) {
      (self.path, self.kind, self.isFolded) = (path, kind, isFolded)
    }
  }

  /// The module that operators belong to.
  package struct Place: Sendable {
    package var path: String
    package var kind: String
    /// What a joint step does for other modules; `nil` where each runs for itself.
    package var joined: [Joined]?

    package init(path: String, kind: String, joined: [Joined]? = nil) {
      (self.path, self.kind, self.joined) = (path, kind, joined)
    }
  }

  /// What ran an operator.
  package struct Kernel: Sendable, Hashable {
    package enum Library: String, Sendable, Hashable { case oneDNN, vector, plain }
    package var library = Library.plain
    /// Which of its forms, in words; empty where there is but one.
    package var form = ""

    package init(_ library: Library = .plain, _ form: String = "") {
      (self.library, self.form) = (library, form)
    }
  }

  /// What an operator does, before it ran.
  package struct Operator: Sendable {
    /// What runs as one, the operator first: convolution, bias, residual, relu.
    package var parts: [String]
    /// Multiplications with an addition each, where that is what takes the time.
    package var products: Int

    package init(_ parts: [String], products: Int = 0) {
      (self.parts, self.products) = (parts, products)
    }
  }

  /// An operator that ran.
  package struct Entry: Sendable {
    package let place: Place
    package let what: Operator
    package let kernel: Kernel
    package let shape: Shape
    package let duration: Duration
    /// Of it, what went into other orders of memory.
    package let copying: Duration
  }

  private let kept = Mutex<[Entry]>([])

  package init() {}

  /// The operators that ran, in order of their ends.
  package var entries: [Entry] { kept.withLock { $0 } }
}

extension RunLog {
  /// Where the current task stands.
  private struct Frame: Sendable {
    let log: RunLog
    let place: Place
    /// The operator that runs, whose parts are no operators of their own.
    var running: Running?
  }

  private final class Running: Sendable {
    let copying = Mutex(Duration.zero)
    let kernel = Mutex<Kernel?>(nil)
  }

  @TaskLocal private static var frame: Frame?
  /// How many logs are kept in all tasks.
  private static let count = Atomic<Int>(0)

  /// Whether any task keeps a log.
  @inline(__always)
  package static var isActive: Bool { count.load(ordering: .relaxed) > 0 }

  /// Whether an operator of the current task would be noted.
  package static var awaitsOperator: Bool {
    guard isActive, let frame else { return false }
    return frame.running == nil
  }

  /// The module that runs in the current task, as far as a log is kept.
  package static var currentPlace: Place { frame?.place ?? Place(path: "", kind: "") }

  /// Runs `body` so that the log notes its operators.
  package static func keeping<R>(_ log: RunLog, _ body: () throws -> R) rethrows -> R {
    count.add(1, ordering: .relaxed)
    defer { count.subtract(1, ordering: .relaxed) }
    let frame = Frame(log: log, place: Place(path: "", kind: ""), running: nil)
    return try $frame.withValue(frame, operation: body)
  }

  /// Runs a module's part of a run.
  package static func entering<R>(
    _ place: @autoclosure () -> Place, _ body: () throws -> R
  ) rethrows -> R {
    guard let outer = frame else { return try body() }
    let inner = Frame(log: outer.log, place: place(), running: outer.running)
    return try $frame.withValue(inner, operation: body)
  }

  /// Runs an operator and notes it, unless it is part of another one.
  package static func noting<R>(
    _ what: @autoclosure () -> Operator, shape: (R) -> Shape, _ body: () throws -> R
  ) rethrows -> R {
    guard isActive, var frame, frame.running == nil else { return try body() }
    let running = Running()
    frame.running = running
    let start = ContinuousClock.now
    let result = try $frame.withValue(frame, operation: body)
    let duration = ContinuousClock.now - start
    let entry = Entry(
      place: frame.place, what: what(), kernel: running.kernel.withLock { $0 } ?? Kernel(),
      shape: shape(result), duration: duration, copying: running.copying.withLock { $0 })
    frame.log.kept.withLock { $0.append(entry) }
    return result
  }

  /// Says what runs the current operator; of several the first, which is its main part.
  package static func note(_ kernel: @autoclosure () -> Kernel) {
    guard isActive, let running = frame?.running else { return }
    let kernel = kernel()
    running.kernel.withLock { $0 = $0 ?? kernel }
  }

  /// Runs what only moves elements: an operator of its own, or time of the one that it is part of.
  @inline(__always)
  package static func moving<R>(
    _ name: String, shape: (R) -> Shape, _ body: () throws -> R
  ) rethrows -> R {
    guard isActive else { return try body() }
    return try movingNoted(name, shape: shape, body)
  }

  @inline(never)
  private static func movingNoted<R>(
    _ name: String, shape: (R) -> Shape, _ body: () throws -> R
  ) rethrows -> R {
    guard let running = frame?.running else {
      return try noting(Operator([name]), shape: shape, body)
    }
    let start = ContinuousClock.now
    let result = try body()
    let duration = ContinuousClock.now - start
    running.copying.withLock { $0 += duration }
    return result
  }
}
