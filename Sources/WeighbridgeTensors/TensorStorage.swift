#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes that tensors view: memory of our own, or a part of something kept alive (a memory map).
///
/// The bytes never change after `init` returns, which makes sharing between threads safe.
public final class TensorStorage: @unchecked Sendable {
  package let base: UnsafeRawPointer
  /// The size in bytes.
  public let byteCount: Int
  /// What keeps borrowed bytes alive; `nil` when the memory is this object's own.
  private let owner: AnyObject?

  /// Borrows bytes that stay valid and unchanged for as long as `owner` lives.
  public init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    base = bytes.baseAddress ?? UnsafeRawPointer(Unmanaged.passUnretained(owner).toOpaque())
    byteCount = bytes.count
    self.owner = owner
  }

  /// Allocates `byteCount` bytes on a 64-byte boundary and has `initialize` fill all of them.
  ///
  /// - Throws: `engine` when there is not enough memory, and whatever `initialize` throws.
  public init(
    byteCount: Int, initializingWith initialize: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let memory = try BufferPool.shared.take(byteCount)
    base = UnsafeRawPointer(memory)
    self.byteCount = byteCount
    owner = nil
    // A throw here runs `deinit`, which gives the memory back: every field is set.
    try initialize(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
  }

  deinit {
    if owner == nil {
      BufferPool.shared.give(UnsafeMutableRawPointer(mutating: base), byteCount: byteCount)
    }
  }
}

/// Keeps freed buffers for the next tensor of the same size class.
///
/// A forward pass allocates the same sizes again and again; without the pool each large buffer is
/// mapped, faulted in page by page and unmapped by `malloc`, which costs more than many operators.
final class BufferPool: @unchecked Sendable {
  static let shared = BufferPool()

  /// The most bytes that may lie idle.
  private let capacity = 512 << 20
  private var idle: [Int: [UnsafeMutableRawPointer]] = [:]
  private var idleBytes = 0
  private let lock = BufferLock()

  /// Rounds up to 64 bytes, and to an eighth of the size's power of two when large, so that similar
  /// sizes share buffers.
  private static func sizeClass(_ byteCount: Int) -> Int {
    let size = max(64, byteCount)
    let step = size <= 4096 ? 64 : max(64, (1 << (Int.bitWidth - 1 - size.leadingZeroBitCount)) / 8)
    return (size + step - 1) / step * step
  }

  func take(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    guard byteCount >= 0, byteCount < 1 << 46 else {
      throw WeighbridgeError(.engine, "cannot allocate \(byteCount) bytes")
    }
    let size = BufferPool.sizeClass(byteCount)
    let reused: UnsafeMutableRawPointer? = lock.locked {
      guard let buffer = idle[size]?.popLast() else { return nil }
      idleBytes -= size
      return buffer
    }
    if let reused { return reused }
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, 64, size) == 0, let pointer else {
      throw WeighbridgeError(
        .engine, "not enough memory for \(byteCount) bytes",
        remedy: "Free memory or use a smaller batch")
    }
    return pointer
  }

  func give(_ buffer: UnsafeMutableRawPointer, byteCount: Int) {
    let size = BufferPool.sizeClass(byteCount)
    let kept: Bool = lock.locked {
      guard idleBytes + size <= capacity else { return false }
      idleBytes += size
      idle[size, default: []].append(buffer)
      return true
    }
    if !kept { free(buffer) }
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
