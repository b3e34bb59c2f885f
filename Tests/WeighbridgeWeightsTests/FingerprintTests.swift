import Testing

@testable import WeighbridgeWeights

@Suite struct FingerprintTests {
  private func fingerprint(_ bytes: [UInt8]) -> Fingerprint {
    bytes.withUnsafeBytes { Fingerprint($0) }
  }

  /// Every bit of every byte counts, and so do zeros at the end.
  @Test(arguments: [1, 31, 32, 33, 100]) func everyChangeShows(_ count: Int) {
    let bytes = (0..<count).map { UInt8($0 * 37 % 251) }
    let right = fingerprint(bytes)
    #expect(fingerprint(bytes) == right)
    for position in 0..<count {
      for bit in 0..<8 {
        var changed = bytes
        changed[position] ^= 1 << bit
        #expect(fingerprint(changed) != right)
      }
    }
    #expect(fingerprint(bytes + [0]) != right)
    #expect(fingerprint(Array(bytes.reversed())) != right || count == 1)
  }

  /// Blocks that change places are another file.
  @Test func theOrderOfBlocksCounts() {
    let (a, b) = ([UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32))
    #expect(fingerprint(a + b) != fingerprint(b + a))
  }
}
