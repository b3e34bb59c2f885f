import Testing

@testable import WeighbridgeTensors

@Suite struct BufferPoolTests {
  /// Sizes below, in and above what slabs serve.
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

  @Test("beyond its capacity the pool gives memory back and keeps the addresses of slabs")
  func capacity() throws {
    let pool = BufferPool(capacity: 1 << 20)
    let size = 512 << 10
    let buffers = try (0..<6).map { _ in try pool.take(size) }
    for buffer in buffers {
      buffer.initializeMemory(as: UInt8.self, repeating: 7, count: size)
      pool.give(buffer, byteCount: size)
    }
    #expect(pool.idleByteCount == 1 << 20)
    let again = try (0..<6).map { _ in try pool.take(size) }
    #expect(pool.idleByteCount == 0)
    #if os(Linux)
      #expect(Set(again) == Set(buffers))
      let bytes = again.map { $0.load(as: UInt8.self) }
      #expect(bytes.filter { $0 == 7 }.count == 2)
    #endif
    for buffer in again { pool.give(buffer, byteCount: size) }
  }
}
