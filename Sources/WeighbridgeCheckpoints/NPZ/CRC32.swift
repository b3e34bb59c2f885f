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
    return (1..<count).reduce(sums[0]) { sum, index in
      (index == count - 1 ? last : shift).apply(sum) ^ sums[index]
    }
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

  /// What appending zero bytes does to a CRC: crc(A ‖ B) = shift(crc(A), |B|) xor crc(B).
  ///
  /// A CRC is a polynomial over bits modulo P, x⁰ in the highest bit; n bytes behind it multiply it by
  /// x⁸ⁿ.
  private struct ZeroShift {
    private let factor: UInt32

    init(byteCount: Int) {
      var (factor, rest) = (UInt32(1) << 31, byteCount)
      for power in ZeroShift.powers {
        if rest & 1 == 1 { factor = ZeroShift.product(factor, power) }
        rest >>= 1
      }
      self.factor = factor
    }

    func apply(_ sum: UInt32) -> UInt32 { ZeroShift.product(sum, factor) }

    /// x⁸, x¹⁶, x³², …, each the square of the one before, for every bit of a byte count.
    private static let powers: [UInt32] = {
      var powers = [UInt32(1) << 23]
      for index in 1..<Int.bitWidth { powers.append(product(powers[index - 1], powers[index - 1])) }
      return powers
    }()

    /// a·b modulo P: b·x⁰, b·x¹, … summed where a has the power.
    private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
      var (sum, term, rest) = (UInt32(0), b, a)
      while rest != 0 {
        if rest >> 31 == 1 { sum ^= term }
        rest <<= 1
        term = term & 1 == 1 ? term >> 1 ^ 0xedb8_8320 : term >> 1
      }
      return sum
    }
  }
}
