import Synchronization
import WeighbridgeModules
import WeighbridgeParallel

/// Compares two tensors in one pass over both, on all compute threads.
public enum Comparison {
  /// The figures of `got` against `reference`: any two dtypes, any two memory layouts.
  ///
  /// float32 pairs that lie alike, or ours channels-last against a row-major reference, are read in
  /// place; everything else is converted block by block or packed first.
  ///
  /// - Parameter tolerance: Fills in `elementwiseRatio`.
  /// - Throws: `shape` when the shapes differ or a tensor is a descriptor.
  public static func figures(
    _ got: Tensor, _ reference: Tensor, tolerance: ElementwiseTolerance? = nil
  ) throws -> Figures {
    guard got.shape == reference.shape else {
      throw WeighbridgeError(
        .shape, "the shapes differ: \(got.shape) here, \(reference.shape) in the reference")
    }
    guard !got.isDescriptor, !reference.isDescriptor else {
      throw WeighbridgeError(.shape, "a descriptor has no elements to compare")
    }
    guard got.elementCount > 0 else {
      return Accumulator().figures(shape: got.shape, tolerance: tolerance)
    }
    let total: Accumulator
    if let tiled = try TiledPair(got, reference) {
      total = tiled.accumulated(tolerance)
    } else {
      total = try FlatPair(got, reference).accumulated(tolerance)
    }
    return total.figures(shape: got.shape, tolerance: tolerance)
  }
}

/// Partial results of several threads, merged in the order of their ranges, so that the sums do not
/// depend on which thread was first.
struct PartialResults: ~Copyable {
  private let parts = Mutex<[(start: Int, part: Accumulator)]>([])

  borrowing func add(_ part: Accumulator, start: Int) {
    parts.withLock { $0.append((start, part)) }
  }

  borrowing func merged() -> Accumulator {
    parts.withLock { parts in
      parts.sorted { $0.start < $1.start }.reduce(into: Accumulator()) { $0.merge($1.part) }
    }
  }
}

/// Two tensors whose elements lie in one order of memory.
private struct FlatPair {
  private static let blockSize = 2048
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

  private func floats(_ tolerance: ElementwiseTolerance?) -> Accumulator {
    let count = got.elementCount
    let results = PartialResults()
    guard let a = got.bytes, let b = reference.bytes else { return Accumulator() }
    Parallel.forRanges(count, grain: 1 << 15) { range in
      var part = Accumulator()
      var start = range.lowerBound
      while start < range.upperBound {
        let size = min(FlatPair.blockSize, range.upperBound - start)
        part.addBlock(
          got: a + start &* 4, reference: b + start &* 4, count: size, tolerance: tolerance,
          locate: { position(start + $0) })
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

extension Tensor {
  /// The address of element [0, 0, …], on any byte; valid while the tensor is alive.
  var bytes: UnsafeRawPointer? {
    storage.map { $0.base + offset * dtype.byteCount }
  }
}
