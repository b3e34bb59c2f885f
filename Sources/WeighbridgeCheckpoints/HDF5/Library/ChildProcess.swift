#if canImport(Glibc)
  @preconcurrency import Glibc
#elseif canImport(Musl)
  @preconcurrency import Musl
#elseif canImport(Darwin)
  @preconcurrency import Darwin
#endif

/// A process whose standard input is written to and whose standard output is read, within a time: both are
/// one socket, as writing to a pipe whose reader is gone would raise a signal.
final class ChildProcess: @unchecked Sendable {
  struct Call: Sendable {
    let executable: String
    let arguments: [String]

    init(_ executable: String, _ arguments: [String]) {
      (self.executable, self.arguments) = (executable, arguments)
    }
  }

  enum Failure: Error {
    /// It cannot be started.
    case notStarted
    /// It ended.
    case gone
    /// It took longer than it may.
    case late
    /// It said what was not asked.
    case nonsense

    /// What happened, as the end of a sentence.
    func words(_ ending: Ending?, seconds: Int) -> String {
      switch (self, ending) {
      case (.notStarted, _): "cannot be started"
      case (.late, _): "took longer than \(seconds) s and was ended"
      case (.nonsense, _): "answered nonsense"
      case (.gone, .signal(SIGXCPU)?), (.gone, .signal(SIGKILL)?): "took too long and was ended"
      case (.gone, .signal(let number)?): "crashed (signal \(number))"
      case (.gone, .exit(let status)?): "ended with status \(status)"
      case (.gone, nil): "ended"
      }
    }
  }

  enum Ending: Equatable {
    case exit(Int32)
    case signal(Int32)
  }

  private let process: pid_t
  private let socket: Int32
  private var deadline = ContinuousClock.now

  init(_ call: Call) throws(Failure) {
    var ends: [Int32] = [-1, -1]
    // Closed in every other process from the beginning, where the system can: one that kept the child's end
    // would hide that the child is gone.
    #if canImport(Darwin)
      let kind = SOCK_STREAM
    #elseif canImport(Musl)
      let kind = SOCK_STREAM | SOCK_CLOEXEC
    #else
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    #endif
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .notStarted }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #if canImport(Darwin)
      var yes: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<Int32>.size))
    #endif
    let started = ChildProcess.start(call, socket: ends[1])
    close(ends[1])
    socket = ends[0]
    guard let started else {
      close(ends[0])
      throw .notStarted
    }
    process = started
    _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
  }

  /// From now on, whatever is read and written.
  func allow(seconds: Double) { deadline = .now + .seconds(seconds) }

  func send(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      try wait(POLLOUT)
      let count = sent(base, rest.count)
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0 else { throw .gone }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer) throws(Failure) {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      try wait(POLLIN)
      let count = read(socket, base, rest.count)
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0 else { throw .gone }
      rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...])
    }
  }

  private func sent(_ base: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Darwin)
      Darwin.send(socket, base, count, 0)
    #elseif canImport(Musl)
      Musl.send(socket, base, count, Int32(MSG_NOSIGNAL))
    #else
      Glibc.send(socket, base, count, Int32(MSG_NOSIGNAL))
    #endif
  }

  private func wait(_ events: Int32) throws(Failure) {
    while true {
      let left = (deadline - .now) / .milliseconds(1)
      guard left > 0 else { throw .late }
      var waited = pollfd(fd: socket, events: Int16(events), revents: 0)
      let count = poll(&waited, 1, Int32(min(left.rounded(.up), 1e9)))
      if count > 0 { return }
      guard count == 0 || errno == EINTR else { throw .gone }
    }
  }

  /// Ends it, unless it has ended; how.
  func end() -> Ending? {
    var (status, rounds): (Int32, Int) = (0, 0)
    while waitpid(process, &status, WNOHANG) == 0 {
      // One that is at its end may take a moment for it.
      if rounds == 100 { kill(process, SIGKILL) }
      rounds += 1
      usleep(1000)
    }
    close(socket)
    let signal = status & 0x7f
    return signal == 0 ? .exit(status >> 8 & 0xff) : .signal(signal)
  }

  private static func start(_ call: Call, socket: Int32) -> pid_t? {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
    #endif
    guard posix_spawn_file_actions_init(&actions) == 0 else { return nil }
    defer { posix_spawn_file_actions_destroy(&actions) }
    guard posix_spawnattr_init(&attributes) == 0 else { return nil }
    defer { posix_spawnattr_destroy(&attributes) }
    // Whoever starts it may hold signals back, and what is over its limit must end.
    var (held, reset) = (sigset_t(), sigset_t())
    sigemptyset(&held)
    sigemptyset(&reset)
    sigaddset(&reset, SIGXCPU)
    posix_spawnattr_setsigmask(&attributes, &held)
    posix_spawnattr_setsigdefault(&attributes, &reset)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var arguments = ([call.executable] + call.arguments).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    let status = posix_spawn(&process, call.executable, &actions, &attributes, &arguments, environ)
    return status == 0 ? process : nil
  }
}
