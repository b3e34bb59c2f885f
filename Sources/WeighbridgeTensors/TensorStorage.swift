import Synchronization

/// Bytes that tensors view: memory of our own, or a part of something kept alive (a memory map).
///
/// The bytes never change after `init` returns, which makes sharing between threads safe.
public final class TensorStorage: @unchecked Sendable {
  private let base: UnsafeRawPointer
  /// The size in bytes.
  public let byteCount: Int
  /// What keeps borrowed bytes alive; `nil` when the memory is this object's own.
  private let owner: AnyObject?
  /// Told that the borrowed bytes are no longer used here.
  private let whenReleased: (@Sendable () -> Void)?
  /// Whether the memory goes back to the system, and not to the pool.
  private let isOneOff: Bool
  /// What no other storage of the process is called, also after this one is gone.
  let identity = lastIdentity.wrappingAdd(1, ordering: .relaxed).newValue
  private static let lastIdentity = Atomic<UInt64>(0)
  /// 0: unknown, 1: all finite, 2: not.
  private let finiteness = Atomic<UInt8>(0)

  /// Borrows bytes that stay valid and unchanged for as long as `owner` lives.
  public convenience init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    self.init(borrowing: bytes, owner: owner, whenReleased: nil)
  }

  /// - Parameter whenReleased: Called when no tensor has the bytes any longer.
  package init(
    borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject,
    whenReleased: (@Sendable () -> Void)?
  ) {
    self.whenReleased = whenReleased
    base = bytes.baseAddress ?? UnsafeRawPointer(Unmanaged.passUnretained(owner).toOpaque())
    byteCount = bytes.count
    self.owner = owner
    isOneOff = false
  }

  /// Allocates `byteCount` bytes on a 64-byte boundary and has `initialize` fill all of them.
  ///
  /// - Throws: `engine` when there is not enough memory, and whatever `initialize` throws.
  public init(
    byteCount: Int, initializingWith initialize: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let memory = try BufferPool.shared.take(byteCount, isExact: OneOffMemory.isMeant)
    base = UnsafeRawPointer(memory)
    self.byteCount = byteCount
    (owner, whenReleased) = (nil, nil)
    isOneOff = OneOffMemory.isMeant
    // A throw here runs `deinit`, which gives the memory back: every field is set.
    try initialize(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
  }

  /// Calls `body` with the bytes, which are there until it returns. Its result is `Sendable`, which no
  /// pointer is: an address does not get out.
  @inline(__always)
  package func withBytes<R: Sendable>(
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    if Capture.isActive { Capture.noteRead(of: self) }
    return try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }
  }

  /// Whether the bytes belong to something else.
  var isBorrowed: Bool { owner != nil }

  /// Whether the bytes begin on a multiple of `byteCount` in memory.
  func isAligned(to byteCount: Int) -> Bool { Int(bitPattern: base) % byteCount == 0 }

  /// The bytes from `offset` to the end, kept alive by this storage.
  package func part(from offset: Int) throws -> TensorStorage {
    guard offset >= 0, offset <= byteCount else {
      throw WeighbridgeError(.malformed, "the elements begin at byte \(offset) of \(byteCount)")
    }
    if offset == 0 { return self }
    // Who reads the part is not known to have read this.
    if Capture.isActive { Capture.noteRead(of: self) }
    return TensorStorage(
      borrowing: UnsafeRawBufferPointer(start: base + offset, count: byteCount - offset),
      owner: self)
  }

  /// The same bytes under an identity of their own.
  package func alias() -> TensorStorage {
    TensorStorage(
      borrowing: UnsafeRawBufferPointer(start: base, count: byteCount), owner: self)
  }

  /// Whether its float32 values are all finite, for whoever has found out; `nil` until then.
  package var knownFiniteness: Bool? {
    get {
      let found = finiteness.load(ordering: .relaxed)
      return found == 0 ? nil : found == 1
    }
    set { finiteness.store(newValue.map { $0 ? 1 : 2 } ?? 0, ordering: .relaxed) }
  }

  deinit {
    whenReleased?()
    if owner == nil {
      BufferPool.shared.give(
        UnsafeMutableRawPointer(mutating: base), byteCount: byteCount, keepsIt: !isOneOff)
    }
  }
}

/// Memory for what is made once, such as weights on their way to be packed: the pool would keep it for a
/// next time that never comes.
package enum OneOffMemory {
  @TaskLocal private static var isMeantByTask = false
  /// How many tasks mean it, so that others need not look.
  private static let count = Atomic<Int>(0)

  @inline(__always)
  static var isMeant: Bool { count.load(ordering: .relaxed) > 0 && isMeantByTask }

  /// Gives memory that tensors had, and that the pool keeps for the next ones, back to the system: what
  /// comes next will be of other sizes.
  package static func releaseIdle() { BufferPool.shared.releaseIdle() }

  /// Runs `body`; the memory of tensors that it makes goes back to the system when they are gone.
  package static func use<R>(_ body: () throws -> R) rethrows -> R {
    count.add(1, ordering: .relaxed)
    defer { count.subtract(1, ordering: .relaxed) }
    return try $isMeantByTask.withValue(true, operation: body)
  }
}
