import Synchronization
import WeighbridgeModules

/// What an alignment is doing.
public struct AlignmentProgress: Sendable, Hashable {
  /// A kind of work.
  public enum Step: String, Sendable, Hashable {
    /// The model is run on recorded results.
    case running
    /// Layers are tried alone.
    case layers
    /// What modules compute between their layers is tried, by runs of the model.
    case between
  }

  /// The kind of work.
  public var step: Step
  /// The module that it is about; `nil` for the whole model.
  public var path: ModulePath?
  /// How many layers have been looked at.
  public var done: Int
  /// Of how many.
  public var count: Int
  /// How many tensors have been tried for the module, or how many modules of a run have been called.
  public var tried: Int
}

/// Counts what an alignment tries, and tells of it a few times a second: one layer may take minutes.
final class Meter: Sendable {
  private struct State {
    var progress = AlignmentProgress(step: .running, path: nil, done: 0, count: 0, tried: 0)
    var told: ContinuousClock.Instant?
  }

  private let state = Mutex(State())
  private let tell: @Sendable (AlignmentProgress) -> Void
  private let pause: Duration

  init(
    pause: Duration = .milliseconds(100),
    _ tell: @escaping @Sendable (AlignmentProgress) -> Void = { _ in }
  ) {
    (self.pause, self.tell) = (pause, tell)
  }

  /// Turns to other work.
  func begin(_ step: AlignmentProgress.Step, _ path: ModulePath? = nil, done: Int, of count: Int) {
    note {
      $0 = AlignmentProgress(step: step, path: path, done: done, count: count, tried: 0)
    }
  }

  /// Counts one tensor or module.
  func count() { note { $0.tried += 1 } }

  private func note(_ change: (inout AlignmentProgress) -> Void) {
    let progress: AlignmentProgress? = state.withLock { state in
      change(&state.progress)
      let now = ContinuousClock.now
      guard state.told.map({ now - $0 >= pause }) ?? true else { return nil }
      state.told = now
      return state.progress
    }
    if let progress { tell(progress) }
  }
}
