import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A system call that runs on a thread of its own while the caller goes on: one that waits for a disk.
/// The compute threads are no place for it.
final class BackgroundCall {
  private final class Work: Sendable {
    let call: @Sendable () -> Int32
    let result = Atomic<Int32>(0)
    let isDone = Atomic(false)

    init(_ call: @escaping @Sendable () -> Int32) { self.call = call }

    func run() {
      result.store(call(), ordering: .relaxed)
      isDone.store(true, ordering: .releasing)
    }
  }

  private let work: Work
  /// `nil` where no thread could be had, and the call ran at once.
  private var thread: pthread_t?

  /// Starts `call`, which returns 0 or an error number.
  init(_ call: @escaping @Sendable () -> Int32) {
    work = Work(call)
    let held = Unmanaged.passRetained(work)
    #if canImport(Darwin)
      var created: pthread_t?
    #else
      var created = pthread_t()
    #endif
    if pthread_create(&created, nil, BackgroundCall.body, held.toOpaque()) == 0 {
      thread = created
    } else {
      held.takeRetainedValue().run()
    }
  }

  #if canImport(Darwin)
    private static let body: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? =
      {
        Unmanaged<Work>.fromOpaque($0).takeRetainedValue().run()
        return nil
      }
  #else
    private static let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
      {
        guard let work = $0 else { return nil }
        Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run()
        return nil
      }
  #endif

  /// Whether the call has returned.
  var isDone: Bool { work.isDone.load(ordering: .acquiring) }

  /// Waits for the call; what it returned.
  func wait() -> Int32 {
    if let thread { pthread_join(thread, nil) }
    thread = nil
    return work.result.load(ordering: .relaxed)
  }

  deinit { _ = wait() }
}
