import WeighbridgeParallel

/// What bytes come to: enough to tell that they are not what was written, by the disk's fault or a
/// program's; not against somebody who means to deceive. A pass over memory, many times as fast as
/// SHA-256.
package struct Fingerprint: Sendable, Hashable {
  /// Four numbers that blocks are taken into, each its own. Single numbers, as a processor without wide
  /// vectors of 64-bit products is fastest with those.
  private struct Lanes: Sendable, Hashable {
    var a: UInt64 = 0x9e37_79b1_85eb_ca87
    var b: UInt64 = 0xc2b2_ae3d_27d4_eb4f
    var c: UInt64 = 0x1656_67b1_9e37_79f9
    var d: UInt64 = 0x85eb_ca77_c2b2_ae63

    @inline(__always)
    mutating func take(_ words: SIMD4<UInt64>) {
      a = Lanes.mixed(a, words.x)
      b = Lanes.mixed(b, words.y)
      c = Lanes.mixed(c, words.z)
      d = Lanes.mixed(d, words.w)
    }

    /// One to one in either argument, so that one changed block always shows.
    @inline(__always)
    private static func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
      let sum = (lane ^ word) &* 0x9e37_79b1_85eb_ca87
      return sum ^ (sum &>> 29)
    }
  }

  private static let partSize = 1 << 20
  private let parts: [Lanes]
  private let byteCount: Int

  /// Reads every byte once, on all compute threads.
  package init(_ bytes: UnsafeRawBufferPointer) {
    byteCount = bytes.count
    let count = (bytes.count + Fingerprint.partSize - 1) / Fingerprint.partSize
    parts = [Lanes](unsafeUninitializedCapacity: count) { buffer, initialized in
      nonisolated(unsafe) let buffer = buffer
      nonisolated(unsafe) let bytes = bytes
      Parallel.forRanges(count) { range in
        for part in range {
          let start = part * Fingerprint.partSize
          let end = min(bytes.count, start + Fingerprint.partSize)
          let lanes = Fingerprint.lanes(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
          buffer.initializeElement(at: part, to: lanes)
        }
      }
      initialized = count
    }
  }

  private static func lanes(_ bytes: UnsafeRawBufferPointer) -> Lanes {
    var lanes = Lanes()
    let whole = bytes.count / 32 * 32
    for offset in stride(from: 0, to: whole, by: 32) {
      lanes.take(bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
    }
    if whole < bytes.count {
      var rest = SIMD4<UInt64>()
      withUnsafeMutableBytes(of: &rest) {
        $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[whole...]))
      }
      lanes.take(rest)
    }
    return lanes
  }
}
