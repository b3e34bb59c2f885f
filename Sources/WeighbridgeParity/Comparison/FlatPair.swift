import WeighbridgeModules
import WeighbridgeParallel

/// Two tensors whose elements lie in one order of memory.
struct FlatPair {
  private static let blockSize = 512
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
    if got.dtype == .float32, reference.dtype == .float32 { return floats(tolerance) }
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
  ) -> Accumulator {
    let results = PartialResults()
    guard let a = got.bytes, let b = reference.bytes else { return Accumulator() }
    Parallel.forRanges(got.elementCount, grain: 1 << 15) { range in
      var part = Accumulator()
      var start = range.lowerBound
      while start < range.upperBound {
        let size = min(FlatPair.blockSize, range.upperBound - start)
        var from = b + start &* 4
        if let copy {
          (copy + start &* 4).copyMemory(from: from, byteCount: size &* 4)
          from = UnsafeRawPointer(copy + start &* 4)
        }
        part.addRows(
          FloatRows(
            got: a + start &* 4, gotStep: 0, reference: from, referenceStep: 0, rows: 1,
            columns: size),
          tolerance: tolerance, locate: { _, column in position(start + column) })
        start += size
      }
      results.add(part, start: range.lowerBound)
    }
    return withExtendedLifetime((got, reference)) { results.merged() }
  }

  private func doubles(_ tolerance: ElementwiseTolerance?) throws -> Accumulator {
    let (loadGot, loadReference) = (BlockLoader(got), BlockLoader(reference))
    let both = got.dtype == .float64 && reference.dtype == .float64
    let results = PartialResults()
    Parallel.forRanges(got.elementCount, grain: 1 << 13) { range in
      var part = Accumulator()
      let size = FlatPair.blockSize
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * size) { scratch in
        guard let a = scratch.baseAddress else { return }
        let b = a + size
        var start = range.lowerBound
        while start < range.upperBound {
          let count = min(size, range.upperBound - start)
          loadGot.load(start, count, into: a)
          loadReference.load(start, count, into: b)
          part.addBlock(
            got: a, reference: b, count: count, countsDoubleULPs: both, tolerance: tolerance,
            locate: { position(start + $0) })
          start += count
        }
      }
      results.add(part, start: range.lowerBound)
    }
    return withExtendedLifetime((got, reference)) { results.merged() }
  }
}
