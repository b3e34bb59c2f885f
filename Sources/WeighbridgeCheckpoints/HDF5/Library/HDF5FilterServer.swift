import WeighbridgeTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a command is as its own child: it decodes the chunks that come by standard input, within limits
/// on memory and on the processor's time, until there are no more.
package enum HDF5FilterServer {
  /// The one argument with which a command is called to be that.
  package static let word = "hdf5-filters"

  enum Answer: Int64 {
    /// Decoded, and the bytes follow; or: the filter is there.
    case yes
    /// The filter is not there.
    case no
    /// A reason follows, in UTF-8.
    case failed
  }

  /// Of the processor's time, for a chunk of so many bytes, encoded and decoded.
  static func seconds(_ byteCount: Int) -> Double { 2 + Double(byteCount) / Double(8 << 20) }

  /// - Returns: The process's exit status.
  package static func run() -> Int32 {
    limit(.core, to: 0)
    while true {
      var count: Int64 = 0
      guard withUnsafeMutableBytes(of: &count, receive) else { return 0 }
      guard 1...Int64(HDF5FilterRequest.longest) ~= count else { return 3 }
      var words = [Int64](repeating: 0, count: Int(count))
      guard words.withUnsafeMutableBytes(receive),
        let (request, inputCount, outputCount) = HDF5FilterRequest.parsed(words)
      else { return 3 }
      limit(.processorTime, to: spentSeconds() + Int(seconds(inputCount + outputCount)) + 1)
      limit(
        .addresses, to: addressedBytes() + largestBase + 8 * (inputCount + outputCount))
      guard let input = buffer(inputCount), let output = buffer(outputCount) else { return 3 }
      defer {
        free(input.baseAddress)
        free(output.baseAddress)
      }
      guard receive(input) else { return 3 }
      guard answer(request, UnsafeRawBufferPointer(input), output) else { return 0 }
    }
  }

  private static let largestBase = 512 << 20

  private static func answer(
    _ request: HDF5FilterRequest, _ input: UnsafeRawBufferPointer,
    _ output: UnsafeMutableRawBufferPointer
  ) -> Bool {
    #if HDF5
      if request.extents.isEmpty {
        return send(HDF5FilterLibrary.has(request.number) ? .yes : .no, 0)
      }
      do {
        try HDF5FilterLibrary.decode(request, input, into: output)
        return send(.yes, output.count) && send(UnsafeRawBufferPointer(output))
      } catch {
        let text = Array("\((error as? WeighbridgeError)?.message ?? "\(error)")".utf8.prefix(1024))
        return send(.failed, text.count) && text.withUnsafeBytes(send)
      }
    #else
      return send(.no, 0)
    #endif
  }

  /// Not from Swift's allocator alone: memory that is not there is no trap.
  private static func buffer(_ count: Int) -> UnsafeMutableRawBufferPointer? {
    guard let base = malloc(max(1, count)) else { return nil }
    return UnsafeMutableRawBufferPointer(start: base, count: count)
  }

  private static func send(_ answer: Answer, _ count: Int) -> Bool {
    [answer.rawValue, Int64(count)].withUnsafeBytes(send)
  }

  private static func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let count = write(STDOUT_FILENO, base, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return true
  }

  private static func receive(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
    var rest = bytes
    while let base = rest.baseAddress, !rest.isEmpty {
      let count = read(STDIN_FILENO, base, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...])
    }
    return true
  }
}

/// Limits of this process.
extension HDF5FilterServer {
  private enum Resource {
    case core, processorTime, addresses

    #if canImport(Glibc)
      var number: __rlimit_resource_t {
        switch self {
        case .core: __rlimit_resource_t(RLIMIT_CORE.rawValue)
        case .processorTime: __rlimit_resource_t(RLIMIT_CPU.rawValue)
        case .addresses: __rlimit_resource_t(RLIMIT_AS.rawValue)
        }
      }
    #else
      var number: Int32 {
        switch self {
        case .core: Int32(RLIMIT_CORE)
        case .processorTime: Int32(RLIMIT_CPU)
        case .addresses: Int32(RLIMIT_AS)
        }
      }
    #endif
  }

  private static func limit(_ resource: Resource, to value: Int) {
    var limits = rlimit()
    guard getrlimit(resource.number, &limits) == 0 else { return }
    limits.rlim_cur = min(rlim_t(max(0, value)), limits.rlim_max)
    _ = setrlimit(resource.number, &limits)
  }

  private static func spentSeconds() -> Int {
    var spent = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent)
    return spent.tv_sec
  }

  /// The first number of /proc/self/statm, in bytes; elsewhere no limit that would be too low.
  private static func addressedBytes() -> Int {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 64 << 30 }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &text, text.count)
    let pages = text.prefix(max(0, count)).prefix { $0 != UInt8(ascii: " ") }
    return (Int(String(decoding: pages, as: UTF8.self)) ?? 0) * Int(getpagesize())
  }
}
