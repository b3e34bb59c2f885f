import Testing

@testable import WeighbridgeCheckpoints

@Suite struct CRC32Tests {
  /// Bit by bit, by the definition: reflected, 0xedb88320, all ones before and after.
  private func definition(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xedb8_8320 : sum >> 1 }
    }
    return ~sum
  }

  private func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { (index: Int) in UInt8(truncatingIfNeeded: (index &* index) >> 7 &+ index) }
  }

  @Test func knownSum() {
    #expect(Array("123456789".utf8).withUnsafeBytes { CRC32.checksum($0) } == 0xcbf4_3926)
  }

  /// Pieces of a mebibyte are summed apart and joined: whole ones, one more byte, one less, and none.
  @Test(arguments: [0, 1, 4095, 2 << 20, (2 << 20) + 1, (3 << 20) - 1])
  func anySizeInPieces(_ count: Int) {
    let content = bytes(count)
    #expect(content.withUnsafeBytes { CRC32.checksum($0) } == definition(content))
  }

  @Test(arguments: [0, 1, 128], [0, 1, 77, (2 << 20) + 3]) func twoParts(
    _ first: Int, _ second: Int
  ) {
    let (head, content) = (bytes(first + 5).suffix(first), bytes(second))
    let sum = Array(head).withUnsafeBytes { head in
      content.withUnsafeBytes { CRC32.checksum($0, after: head) }
    }
    #expect(sum == definition(head + content))
  }
}
