import Testing

@testable import WeighbridgeTensors

@Suite struct BufferPoolTests {
  @Test(arguments: [0, 1, 64, 5000, 128 << 10, 200_001, 8 << 20, (8 << 20) + 1, 40 << 20])
  func buffersHoldWhatIsWritten(_ size: Int) throws {
    let pool = BufferPool()
    var seen: Set<UnsafeMutableRawPointer> = []
    for round in 0..<3 {
      let buffers = try (0..<3).map { _ in try pool.take(size) }
      #expect(Set(buffers).count == 3)
      for (index, buffer) in buffers.enumerated() {
        #expect(Int(bitPattern: buffer) % 64 == 0)
        buffer.initializeMemory(as: UInt8.self, repeating: UInt8(10 * round + index), count: size)
      }
      for (index, buffer) in buffers.enumerated() {
        let bytes = UnsafeRawBufferPointer(start: buffer, count: size)
        #expect(bytes.allSatisfy { $0 == UInt8(10 * round + index) })
      }
      if round > 0 { #expect(seen == Set(buffers)) }
      seen = Set(buffers)
      for buffer in buffers { pool.give(buffer, byteCount: size) }
    }
  }

  @Test("a pool that poisons leaves nothing to read in what comes back")
  func poison() throws {
    let pool = BufferPool(poisons: true)
    for size in [1, 64, 5000, 200_001] {
      let buffer = try pool.take(size)
      buffer.initializeMemory(as: UInt8.self, repeating: 7, count: size)
      pool.give(buffer, byteCount: size)
      #expect(try pool.take(size) == buffer)
      #expect(UnsafeRawBufferPointer(start: buffer, count: size).allSatisfy { $0 == 0xff })
      pool.give(buffer, byteCount: size)
    }
  }

  @Test("beyond its capacity the pool gives memory back to the system")
  func capacity() throws {
    let pool = BufferPool(capacity: 1 << 20)
    let size = 512 << 10
    let buffers = try (0..<6).map { _ in try pool.take(size) }
    for buffer in buffers { pool.give(buffer, byteCount: size) }
    #expect(pool.idleByteCount == 1 << 20)
    let again = try (0..<6).map { _ in try pool.take(size) }
    #expect(Set(again.prefix(2)) == Set(buffers.prefix(2)))
    #expect(pool.idleByteCount == 0)
    for buffer in again { pool.give(buffer, byteCount: size) }
  }

  @Test("what is made once is not kept for a next time")
  func oneOff() throws {
    let pool = BufferPool()
    for keepsIt in [false, true] {
      pool.give(try pool.take(4096), byteCount: 4096, keepsIt: keepsIt)
      #expect(pool.idleByteCount == (keepsIt ? 4096 : 0))
    }
    let isMeant = OneOffMemory.use { OneOffMemory.isMeant }
    #expect(isMeant && !OneOffMemory.isMeant)
  }

  /// Buffers of every kind of memory are written to their last byte, kept, and given back.
  @Test func whatLiesIdleGoesBack() throws {
    let pool = BufferPool()
    for size in [1, 4096, 100_000, 1 << 20, (5 << 20) + 1] {
      let buffer = try pool.take(size)
      buffer.initializeMemory(as: UInt8.self, repeating: 1, count: size)
      #expect(Int(bitPattern: buffer) % 64 == 0)
      pool.give(buffer, byteCount: size)
    }
    #expect(pool.idleByteCount > 6 << 20)
    pool.releaseIdle()
    #expect(pool.idleByteCount == 0)
    let again = try pool.take(5 << 20)
    again.initializeMemory(as: UInt8.self, repeating: 2, count: 5 << 20)
    pool.give(again, byteCount: 5 << 20, keepsIt: false)
    #expect(pool.idleByteCount == 0)
  }

  /// A large buffer serves what is smaller by up to a half, and has its own size again afterwards.
  @Test func largeBuffersServeSmallerTensors() throws {
    let pool = BufferPool()
    let buffer = try pool.take(8 << 20)
    pool.give(buffer, byteCount: 8 << 20)
    let (far, exact) = (try pool.take(3 << 20), try pool.take(5 << 20, isExact: true))
    #expect(far != buffer && exact != buffer)
    let smaller = try pool.take(5 << 20)
    #expect(smaller == buffer && pool.idleByteCount == 0)
    pool.give(smaller, byteCount: 5 << 20)
    #expect(pool.idleByteCount == 8 << 20)
    #expect(try pool.take(8 << 20) == buffer)
    for (each, size) in [(buffer, 8), (far, 3), (exact, 5)] {
      pool.give(each, byteCount: size << 20, keepsIt: false)
    }
  }
}
