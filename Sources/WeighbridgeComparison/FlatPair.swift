import WeighbridgeModules

/// Two tensors whose elements lie in one order of memory.
struct FlatPair {
  /// Elements that a thread takes at a time.
  private static let partSize = 1 << 16
  private static let blockSize = 256
  private let got: Tensor
  private let reference: Tensor
  private let isChannelsLast: Bool

  init(_ got: Tensor, _ reference: Tensor) throws {
    isChannelsLast =
      got.preferredFormat == .channelsLast && reference.isDense(.channelsLast)
    let format: MemoryFormat = isChannelsLast ? .channelsLast : .contiguous
    self.got = try got.contiguous(format)
    self.reference = try reference.contiguous(format)
  }

  func accumulated(_ tolerance: ElementwiseTolerance?) throws -> Accumulator {
    if got.dtype == .float32, reference.dtype == .float32 { return try floats(tolerance) }
    return try doubles(tolerance)
  }

  /// The row-major position of an element by its place in memory.
  private func position(_ place: Int) -> Int {
    guard isChannelsLast else { return place }
    let shape = got.shape
    let pixels = shape[2] * shape[3]
    let (image, rest) = place.quotientAndRemainder(dividingBy: shape[1] * pixels)
    let (pixel, channel) = rest.quotientAndRemainder(dividingBy: shape[1])
    return (image * shape[1] + channel) * pixels + pixel
  }

  /// float32 against float32.
  ///
  /// - Parameter copy: Where the whole reference goes in its order; `nil` when nobody wants it.
  func floats(
    _ tolerance: ElementwiseTolerance?, copyingTo copy: UnsafeMutableRawPointer? = nil
  ) throws -> Accumulator {
    try eachBlock { a, b, start, size, sums in
      var from = b + start &* 4
      if let copy {
        (copy + start &* 4).copyMemory(from: from, byteCount: size &* 4)
        from = UnsafeRawPointer(copy + start &* 4)
      }
      sums.addRows(
        FloatRows(
          got: a + start &* 4, gotStep: 0, reference: from, referenceStep: 0, rows: 1,
          columns: size),
        tolerance: tolerance, locate: { _, column in position(start + column) })
    }
  }

  private func doubles(_ tolerance: ElementwiseTolerance?) throws -> Accumulator {
    let both = got.dtype == .float64 && reference.dtype == .float64
    return try eachBlock { got, reference, start, size, sums in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * size) { scratch in
        guard let a = scratch.baseAddress else { return }
        let b = a + size
        BlockLoader(got, self.got.dtype).load(start, size, into: a)
        BlockLoader(reference, self.reference.dtype).load(start, size, into: b)
        sums.addBlock(
          got: a, reference: b, count: size, countsDoubleULPs: both, tolerance: tolerance,
          locate: { position(start + $0) })
      }
    }
  }

  /// Goes through all elements in the order of memory, block by block, on all threads.
  @inline(__always)
  private func eachBlock(
    _ body: (
      _ got: UnsafeRawPointer, _ reference: UnsafeRawPointer, _ start: Int, _ size: Int,
      _ sums: inout Accumulator
    ) -> Void
  ) throws -> Accumulator {
    let count = got.elementCount
    return try got.withRawElements { got in
      try reference.withRawElements { reference in
        PartialResults.gathered(parts: (count + Self.partSize - 1) / Self.partSize) { part, sums in
          let end = min(count, (part + 1) * Self.partSize)
          for start in stride(from: part * Self.partSize, to: end, by: Self.blockSize) {
            body(got, reference, start, min(Self.blockSize, end - start), &sums)
          }
        }
      }
    }
  }
}
