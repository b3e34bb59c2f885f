import Synchronization
import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeParallel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One comparison and its result, kept for the module that returns the same tensor again: a block
/// whose last child's output is its own.
package struct ComparedOutput: Sendable {
  /// Ours, or what was handed on in its place.
  package let tensor: Tensor
  package let recorded: Tensor
  package let tolerance: ElementwiseTolerance?
  package let figures: Figures
  /// Whether `tensor` is the recorded one.
  package let isSubstituted: Bool

  /// The figures of `got` against `other` where they follow from this comparison: the tensor is the
  /// same one, and so is, byte for byte, the recorded one. Comparing bytes is much less work.
  package func figures(
    of got: Tensor, against other: Tensor, tolerance: ElementwiseTolerance?
  ) -> Figures? {
    guard got.isSameView(as: tensor), tolerance == self.tolerance,
      figures.nonFinite == Figures.NonFinite(), recorded.hasSameBytes(as: other)
    else { return nil }
    return isSubstituted ? figures.ofReferenceWithItself(recorded) : figures
  }
}

extension Figures {
  /// The figures of a finite reference against itself.
  fileprivate func ofReferenceWithItself(_ reference: Tensor) -> Figures {
    var same = self
    let first = (try? reference.withRawElements { Double($0.loadUnaligned(as: Float.self)) }) ?? 0
    let index = [Int](repeating: 0, count: reference.rank)
    (same.maxAbs, same.rms, same.maxRel, same.maxULP, same.cosine) = (0, 0, 0, 0, 1)
    same.worst = Element(index: index, got: first, reference: first)
    same.localShare = localShare.map { _ in 0 }
    same.elementwiseRatio = elementwiseRatio.map { _ in 0 }
    return same
  }
}

extension Tensor {
  /// Whether both are the same elements of the same memory.
  fileprivate func isSameView(as other: Tensor) -> Bool {
    storage != nil && storage === other.storage && offset == other.offset && dtype == other.dtype
      && shape == other.shape && strides == other.strides
  }

  /// Whether both are float32, packed, of one shape and equal bit by bit.
  fileprivate func hasSameBytes(as other: Tensor) -> Bool {
    guard dtype == .float32, other.dtype == .float32, shape == other.shape, isContiguous,
      other.isContiguous, elementCount > 0
    else { return false }
    let isSame = Atomic(true)
    try? withRawElements { a in
      try other.withRawElements { b in
        Parallel.forRanges(elementCount, grain: 1 << 16) { range in
          let (a, b) = (a + range.lowerBound * 4, b + range.lowerBound * 4)
          if memcmp(a, b, range.count * 4) != 0 { isSame.store(false, ordering: .relaxed) }
        }
      }
    }
    return isSame.load(ordering: .relaxed)
  }
}
