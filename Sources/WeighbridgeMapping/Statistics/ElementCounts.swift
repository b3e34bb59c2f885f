import Synchronization
import WeighbridgeParallel
import WeighbridgeTensors

/// How many elements of a floating-point tensor are of a kind: a pass over its bits, many times as fast as
/// `TensorStatistics`.
enum ElementCounts {
  /// Those that are NaN or infinite.
  ///
  /// - Throws: `shape` for a descriptor.
  static func nonFinite(in tensor: Tensor) throws -> Int {
    switch tensor.dtype {
    case .float64: try count(in: tensor, atLeast: 0x7ff0_0000_0000_0000 as UInt64)
    case .float32: try count(in: tensor, atLeast: 0x7f80_0000 as UInt32)
    case .float16: try count(in: tensor, atLeast: 0x7c00 as UInt16)
    case .bfloat16: try count(in: tensor, atLeast: 0x7f80 as UInt16)
    case .float8E4M3: try count(in: tensor, atLeast: 0x7f as UInt8)
    case .float8E5M2: try count(in: tensor, atLeast: 0x7c as UInt8)
    default: 0
    }
  }

  /// Those that are not zero, NaN among them.
  ///
  /// - Throws: `shape` for a descriptor.
  static func nonZero(in tensor: Tensor) throws -> Int {
    switch tensor.dtype.byteCount {
    case 8: try count(in: tensor, atLeast: 1 as UInt64)
    case 4: try count(in: tensor, atLeast: 1 as UInt32)
    case 2: try count(in: tensor, atLeast: 1 as UInt16)
    default: try count(in: tensor, atLeast: 1 as UInt8)
    }
  }

  /// Elements whose bits without the sign are at least these.
  private static func count<Bits: FixedWidthInteger & BitwiseCopyable & Sendable>(
    in tensor: Tensor, atLeast least: Bits
  ) throws -> Int {
    let tensor = try tensor.contiguous(tensor.preferredFormat)
    let total = Atomic(0)
    let count = tensor.elementCount
    let size = MemoryLayout<Bits>.size
    try tensor.withRawElements { base in
      nonisolated(unsafe) let base = base
      let top = Bits(1) << (Bits.bitWidth - 1)
      let mask = ~top
      // With this added, elements without the sign reach the top bit when they are large enough.
      let lift = top &- least
      func lifted(_ index: Int) -> Bits {
        (base.loadUnaligned(fromByteOffset: index &* size, as: Bits.self) & mask) &+ lift
      }
      Parallel.forRanges(count, grain: 1 << 16) { range in
        var found = 0
        var start = range.lowerBound
        while start < range.upperBound {
          // Most parts have no infinite ones, which a loop without branches, wide sums or comparisons tells.
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
