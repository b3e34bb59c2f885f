/// What bytes come to: enough to tell that they are not what was written, by the disk's fault or a
/// program's; not against somebody who means to deceive. A pass over memory, many times as fast as
/// SHA-256.
package struct Fingerprint: Sendable, Hashable {
  private let lanes: SIMD4<UInt64>
  private let byteCount: Int

  package init(_ bytes: UnsafeRawBufferPointer) {
    var lanes = SIMD4<UInt64>(
      0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63)
    let whole = bytes.count / 32 * 32
    for offset in stride(from: 0, to: whole, by: 32) {
      let block = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
      lanes = Fingerprint.mixed(lanes, block)
    }
    if whole < bytes.count {
      var rest = SIMD4<UInt64>()
      withUnsafeMutableBytes(of: &rest) {
        $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[whole...]))
      }
      lanes = Fingerprint.mixed(lanes, rest)
    }
    self.lanes = lanes
    byteCount = bytes.count
  }

  /// Every step is one to one in either argument, so that one changed block always shows.
  @inline(__always)
  private static func mixed(_ lanes: SIMD4<UInt64>, _ block: SIMD4<UInt64>) -> SIMD4<UInt64> {
    let sum = (lanes ^ block) &* SIMD4(repeating: 0x9e37_79b1_85eb_ca87)
    return sum ^ (sum &>> SIMD4(repeating: 29))
  }
}
