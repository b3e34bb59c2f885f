import WeighbridgeParallel

extension Tensor {
  /// Whether the elements lie on multiples of their size in memory. Those of a file that is used in
  /// place may not: zip puts them anywhere.
  package var isAligned: Bool {
    guard let storage else { return true }
    return storage.isAligned(to: dtype.byteCount)
  }

  /// The tensor itself, or a copy with the same strides where elements are not on multiples of their
  /// size.
  package func aligned() throws -> Tensor {
    guard !isAligned else { return self }
    let span = elementCount == 0 ? 0 : zip(shape, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
    let size = dtype.byteCount
    let copy = try TensorStorage(byteCount: span * size) { bytes in
      guard let target = bytes.baseAddress else { return }
      try withRawElements { source in
        Parallel.forRanges(span * size, grain: 1 << 19) { range in
          (target + range.lowerBound).copyMemory(
            from: source + range.lowerBound, byteCount: range.count)
        }
      }
    }
    return Tensor(dtype: dtype, shape: shape, strides: strides, offset: 0, storage: copy)
  }

  /// Every element with its bytes reversed: from big-endian to little-endian.
  package func byteSwapped() throws -> Tensor {
    guard storage != nil, dtype.byteCount > 1 else { return self }
    let format = preferredFormat
    let size = dtype.byteCount
    let copy = try TensorStorage(byteCount: byteCount) { bytes in
      guard let base = bytes.baseAddress else { return }
      try copyElements(to: base, format.strides(of: shape))
      Parallel.forRanges(elementCount, grain: 1 << 16) { range in
        switch size {
        case 2: Tensor.swapBytes(base, range, as: UInt16.self)
        case 4: Tensor.swapBytes(base, range, as: UInt32.self)
        default: Tensor.swapBytes(base, range, as: UInt64.self)
        }
      }
    }
    return Tensor(
      dtype: dtype, shape: shape, strides: format.strides(of: shape), offset: 0, storage: copy)
  }

  private static func swapBytes<Word: FixedWidthInteger & BitwiseCopyable>(
    _ base: UnsafeMutableRawPointer, _ range: Range<Int>, as type: Word.Type
  ) {
    let words = base.assumingMemoryBound(to: Word.self)
    for i in range { words[i] = words[i].byteSwapped }
  }
}
