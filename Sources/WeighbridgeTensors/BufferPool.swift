#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Keeps freed buffers for the next tensor of the same size class.
///
/// A forward pass allocates the same sizes again and again; without the pool each large buffer is
/// mapped, faulted in page by page and unmapped by `malloc`, which costs more than many operators.
final class BufferPool: @unchecked Sendable {
  static let shared = BufferPool(capacity: isWatched ? 0 : 512 << 20)

  /// Whether AddressSanitizer is in the process. It sees the use of memory that was freed, and only
  /// of such: then nothing is kept.
  private static var isWatched: Bool {
    #if DEBUG
      dlsym(dlopen(nil, RTLD_LAZY), "__asan_init") != nil
    #else
      false
    #endif
  }

  /// Whether buffers that come back are filled with NaN, so that whoever still reads one of them, or
  /// reads one that it did not write, does not get away with it: in debug builds.
  private let poisons: Bool
  /// The most bytes that may lie idle.
  private let capacity: Int
  private var idle: [Int: [UnsafeMutableRawPointer]] = [:]
  private var idleBytes = 0
  /// The sizes of buffers that are larger than who has them asked for.
  private var lent: [UnsafeMutableRawPointer: Int] = [:]
  private let lock = BufferLock()

  init(capacity: Int = 512 << 20, poisons: Bool = BufferPool.isDebugging) {
    self.capacity = capacity
    self.poisons = poisons
  }

  private static var isDebugging: Bool {
    #if DEBUG
      true
    #else
      false
    #endif
  }

  /// The bytes that lie idle.
  var idleByteCount: Int { lock.locked { idleBytes } }

  /// Rounds up to 64 bytes, and to an eighth of the size's power of two when large, so that similar
  /// sizes share buffers.
  private static func sizeClass(_ byteCount: Int) -> Int {
    let size = max(64, byteCount)
    let step = size <= 4096 ? 64 : max(64, (1 << (Int.bitWidth - 1 - size.leadingZeroBitCount)) / 8)
    return (size + step - 1) / step * step
  }

  /// - Parameter isExact: Whether a buffer of another size will not do: for what stays.
  func take(_ byteCount: Int, isExact: Bool = false) throws -> UnsafeMutableRawPointer {
    guard byteCount >= 0, byteCount < 1 << 46 else {
      throw WeighbridgeError(.engine, "cannot allocate \(byteCount) bytes")
    }
    let size = BufferPool.sizeClass(byteCount)
    let reused: UnsafeMutableRawPointer? = lock.locked {
      if let buffer = idle[size]?.popLast() {
        idleBytes -= size
        return buffer
      }
      return isExact ? nil : borrowed(size)
    }
    if let reused { return reused }
    guard let pointer = BufferPool.allocate(size) else {
      throw WeighbridgeError(
        .engine, "not enough memory for \(byteCount) bytes",
        remedy: "Free memory or use a smaller batch")
    }
    return pointer
  }

  /// A large buffer of up to twice the size that lies idle: the layers of a network have results of ever
  /// other sizes, of which few are there at a time.
  private func borrowed(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size >= BufferPool.mappedSize else { return nil }
    let fitting = idle.lazy.filter { (size...(2 * size)).contains($0.key) && !$0.value.isEmpty }
    guard let found = fitting.map(\.key).min(), let buffer = idle[found]?.popLast() else {
      return nil
    }
    idleBytes -= found
    lent[buffer] = found
    return buffer
  }

  /// From this size on buffers are mappings of their own, which go back to the system when they are freed:
  /// `malloc` takes ever larger ones from its heap, whose middle it keeps.
  private static let mappedSize = isWatched ? Int.max : 1 << 20

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size >= mappedSize else {
      var pointer: UnsafeMutableRawPointer?
      return posix_memalign(&pointer, 64, size) == 0 ? pointer : nil
    }
    let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return mapped == MAP_FAILED ? nil : mapped
  }

  private static func release(_ buffer: UnsafeMutableRawPointer, _ size: Int) {
    if size >= mappedSize { munmap(buffer, size) } else { free(buffer) }
  }

  /// - Parameter keepsIt: Whether it may lie here for a next tensor.
  func give(_ buffer: UnsafeMutableRawPointer, byteCount: Int, keepsIt: Bool = true) {
    var size = BufferPool.sizeClass(byteCount)
    if size >= BufferPool.mappedSize {
      size = lock.locked { lent.removeValue(forKey: buffer) } ?? size
    }
    if poisons { buffer.initializeMemory(as: UInt8.self, repeating: 0xff, count: size) }
    let kept: Bool = lock.locked {
      guard keepsIt, idleBytes + size <= capacity else { return false }
      idleBytes += size
      idle[size, default: []].append(buffer)
      return true
    }
    if !kept { BufferPool.release(buffer, size) }
  }

  /// Gives what lies idle back to the system.
  func releaseIdle() {
    let freed = lock.locked {
      defer { (idle, idleBytes) = ([:], 0) }
      return idle
    }
    for (size, buffers) in freed {
      for buffer in buffers { BufferPool.release(buffer, size) }
    }
  }
}

/// A plain mutex for short critical sections.
final class BufferLock: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  @inline(__always)
  func locked<R>(_ body: () throws -> R) rethrows -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }
}
