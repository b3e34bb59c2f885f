import CDeflate
import WeighbridgeParallel

/// The checksum of zip archives, on several threads for large entries.
enum CRC32 {
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let piece = 1 << 20
    guard bytes.count >= 2 * piece, Parallel.threadCount > 1 else { return serial(bytes) }
    let count = (bytes.count + piece - 1) / piece
    let sums = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
    defer { sums.deallocate() }
    Parallel.forEach(count) { index in
      let range = (index * piece)..<min(bytes.count, (index + 1) * piece)
      sums[index] = serial(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
    let shift = ZeroShift(byteCount: piece)
    let last = ZeroShift(byteCount: bytes.count - (count - 1) * piece)
    var sum = sums[0]
    for index in 1..<count {
      sum = (index == count - 1 ? last : shift).apply(sum) ^ sums[index]
    }
    return sum
  }

  /// The checksum of two pieces as one.
  static func checksum(
    _ bytes: UnsafeRawBufferPointer, after first: UnsafeRawBufferPointer
  ) -> UInt32 {
    ZeroShift(byteCount: bytes.count).apply(serial(first)) ^ checksum(bytes)
  }

  private static func serial(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    libdeflate_crc32(0, bytes.baseAddress, bytes.count)
  }

  /// What appending zero bytes does to a CRC: a linear map over bits, as a matrix of 32 columns.
  /// crc(A ‖ B) = shift(crc(A), |B|) xor crc(B).
  private struct ZeroShift {
    private var columns: [UInt32]

    init(byteCount: Int) {
      // One zero bit: shift right, and reduce by the reflected polynomial.
      var power = ZeroShift(columns: [0xedb8_8320] + (0..<31).map { 1 << $0 })
      for _ in 0..<3 { power = power.squared() }  // one byte
      var result = ZeroShift(columns: (0..<32).map { 1 << $0 })
      var rest = byteCount
      while rest > 0 {
        if rest & 1 == 1 { result = ZeroShift(columns: result.columns.map(power.apply)) }
        power = power.squared()
        rest >>= 1
      }
      self = result
    }

    private init(columns: [UInt32]) {
      self.columns = columns
    }

    func apply(_ value: UInt32) -> UInt32 {
      var (sum, rest): (UInt32, UInt32) = (0, value)
      while rest != 0 {
        sum ^= columns[rest.trailingZeroBitCount]
        rest &= rest - 1
      }
      return sum
    }

    private func squared() -> ZeroShift {
      ZeroShift(columns: columns.map(apply))
    }
  }
}
