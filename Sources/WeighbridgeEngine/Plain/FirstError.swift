import Synchronization

/// Keeps the first error that any of several threads meets.
final class FirstError: Sendable {
  private let kept = Mutex<(any Error)?>(nil)

  func keep(_ error: any Error) {
    kept.withLock { $0 = $0 ?? error }
  }

  var error: (any Error)? { kept.withLock { $0 } }
}
