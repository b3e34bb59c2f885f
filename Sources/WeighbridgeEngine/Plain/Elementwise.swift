import WeighbridgeParallel
import WeighbridgeTensors

/// Loops over dense memory.
extension Tensor {
  /// Whether the elements fill one run of memory without gaps or repeats, in whatever order of axes.
  var isPacked: Bool {
    if isContiguous { return true }
    var expected = 1
    for axis in shape.indices.sorted(by: { strides[$0] < strides[$1] }) where shape[axis] != 1 {
      guard strides[axis] == expected else { return false }
      expected *= shape[axis]
    }
    return true
  }

  /// This tensor where its elements are packed in any order, else a copy in its preferred format.
  func packed() throws -> Tensor {
    isPacked ? self : try contiguous(preferredFormat)
  }

  /// A new tensor in the memory order of this packed one; `fill` gets both, element by element in
  /// that order, and writes every element of the given range.
  @inline(__always)
  func filledAlike<S: PlainScalar>(
    grain: Int, _ fill: (Range<Int>, UnsafePointer<S>, UnsafeMutablePointer<S>) -> Void
  ) throws -> Tensor {
    let count = elementCount
    let storage = try withUnsafeElements { (input: UnsafePointer<S>) in
      try TensorStorage(byteCount: byteCount) { bytes in
        guard count > 0, let output = bytes.bindMemory(to: S.self).baseAddress else { return }
        Parallel.forRanges(count, grain: grain) { range in fill(range, input, output) }
      }
    }
    return Tensor(dtype: dtype, shape: shape, strides: strides, offset: 0, storage: storage)
  }

  /// `transform` of each element.
  @inline(__always)
  func mappedElements<S: PlainScalar>(grain: Int = 16384, _ transform: (S) -> S) throws -> Tensor {
    try packed().filledAlike(grain: grain) { (range, input: UnsafePointer<S>, output) in
      for i in range { output[i] = transform(input[i]) }
    }
  }
}
