import Synchronization
import WeighbridgeParallel
import WeighbridgeTensors

/// How many elements of a tensor are NaN or infinite: a pass over its bits, many times as fast as
/// `TensorStatistics`.
enum NonFinite {
  /// - Throws: `shape` for a descriptor.
  static func count(in tensor: Tensor) throws -> Int {
    let packed = try tensor.contiguous(tensor.preferredFormat)
    return switch packed.dtype {
    case .float64:
      try count(in: packed, mask: 0x7fff_ffff_ffff_ffff as UInt64, least: 0x7ff0_0000_0000_0000)
    case .float32: try count(in: packed, mask: 0x7fff_ffff as UInt32, least: 0x7f80_0000)
    case .float16: try count(in: packed, mask: 0x7fff as UInt16, least: 0x7c00)
    case .bfloat16: try count(in: packed, mask: 0x7fff as UInt16, least: 0x7f80)
    case .float8E4M3: try count(in: packed, mask: 0x7f as UInt8, least: 0x7f)
    case .float8E5M2: try count(in: packed, mask: 0x7f as UInt8, least: 0x7c)
    default: 0
    }
  }

  /// Elements whose bits without the sign are at least those of infinity.
  private static func count<Bits: FixedWidthInteger & BitwiseCopyable & Sendable>(
    in tensor: Tensor, mask: Bits, least: Bits
  ) throws -> Int {
    let total = Atomic(0)
    let count = tensor.elementCount
    let size = MemoryLayout<Bits>.size
    try tensor.withRawElements { base in
      nonisolated(unsafe) let base = base
      let top = Bits(1) << (Bits.bitWidth - 1)
      // With this added, elements without the sign reach the top bit when they are not finite.
      let lift = top &- least
      func lifted(_ index: Int) -> Bits {
        (base.loadUnaligned(fromByteOffset: index &* size, as: Bits.self) & mask) &+ lift
      }
      Parallel.forRanges(count, grain: 1 << 16) { range in
        var found = 0
        var start = range.lowerBound
        while start < range.upperBound {
          // Most parts have none, which a loop without branches, wide sums or comparisons tells.
          let end = min(range.upperBound, start + 4096)
          var any: Bits = 0
          for index in start..<end { any |= lifted(index) }
          if any & top != 0 {
            for index in start..<end where lifted(index) & top != 0 { found += 1 }
          }
          start = end
        }
        total.wrappingAdd(found, ordering: .relaxed)
      }
    }
    return total.load(ordering: .relaxed)
  }
}
