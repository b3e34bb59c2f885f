#if OneDNN
  import CVectors
  import Synchronization
  import WeighbridgeParallel

  /// Weights in the order that a primitive reads them in.
  ///
  /// Those that were loaded as float16 or bfloat16 stay in 16 bits here, too: half the memory. They are
  /// widened for each run, block by block, into a buffer that the layers share; nothing is rounded.
  final class PackedWeights: Sendable {
    let description: MemoryDescription
    private let elements: Tensor

    /// Packs row-major weights of the shape that `plain` describes.
    ///
    /// - Parameter dtype: What they were before they were widened to float32.
    init(
      _ weights: Tensor, plain: MemoryDescription, as description: MemoryDescription,
      keptAs dtype: DType
    ) throws {
      self.description = description
      let reorder = CompiledPrimitive(
        try OneDNNLibrary.shared().reorder(from: plain, to: description))
      let storage = try TensorStorage(byteCount: description.byteCount) { bytes in
        try weights.withUnsafeElements { (source: UnsafePointer<Float>) in
          try reorder.run { arguments in
            arguments[0] = UnsafeRawPointer(source)
            arguments[1] = UnsafeRawPointer(bytes.baseAddress)
          }
        }
      }
      let wide = try Tensor(
        dtype: .float32, shape: [description.byteCount / MemoryLayout<Float>.stride],
        storage: storage)
      guard dtype.isHalfPrecision else {
        elements = wide
        return
      }
      let narrow = try wide.converted(to: dtype)
      // Packing only moves values; where it does more, 16 bits would not hold them.
      elements = try PackedWeights.narrowed(narrow, holds: wide) ? narrow : wide
    }

    /// Calls `body` with the address of the packed float32 elements.
    func withElements<R: Sendable>(_ body: (UnsafeRawPointer) throws -> R) throws -> R {
      let wide = elements.dtype == .float32 ? elements : try PackedWeights.widened(elements)
      return try wide.withRawElements(body)
    }

    /// Dense 16-bit values as float32.
    private static func widened(_ narrow: Tensor) throws -> Tensor {
      try Tensor(shape: narrow.shape) { (output: UnsafeMutableBufferPointer<Float>) in
        guard let output = output.baseAddress else { return }
        try narrow.withUnsafeElements { (input: UnsafePointer<UInt16>) in
          nonisolated(unsafe) let (from, to) = (input, output)
          let dtype = narrow.dtype
          Parallel.forRanges(narrow.elementCount, grain: block) { range in
            widen(from + range.lowerBound, to + range.lowerBound, range.count, dtype)
          }
        }
      }
    }

    /// Whether the 16-bit values are the float32 ones, bit for bit.
    private static func narrowed(_ narrow: Tensor, holds wide: Tensor) throws -> Bool {
      let same = Atomic(true)
      try narrow.withUnsafeElements { (narrow16: UnsafePointer<UInt16>) in
        try wide.withUnsafeElements { (wide: UnsafePointer<Float>) in
          nonisolated(unsafe) let (from, expected) = (narrow16, wide)
          let dtype = narrow.dtype
          Parallel.forRanges(narrow.elementCount, grain: block) { range in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 1024) { scratch in
              guard let scratch = scratch.baseAddress else { return }
              for start in stride(from: range.lowerBound, to: range.upperBound, by: 1024) {
                let count = min(1024, range.upperBound - start)
                widen(from + start, scratch, count, dtype)
                for i in 0..<count
                where scratch[i].bitPattern != expected[start + i].bitPattern {
                  same.store(false, ordering: .relaxed)
                }
              }
            }
          }
        }
      }
      return same.load(ordering: .relaxed)
    }

    private static let block = 1 << 15

    private static func widen(
      _ from: UnsafePointer<UInt16>, _ to: UnsafeMutablePointer<Float>, _ count: Int, _ dtype: DType
    ) {
      if dtype == .bfloat16 {
        vectors_widen_bfloat16(from, to, count)
      } else {
        vectors_widen_float16(from, to, count)
      }
    }
  }
#endif
