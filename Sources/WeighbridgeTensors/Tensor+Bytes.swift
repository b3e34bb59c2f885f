import WeighbridgeParallel

extension TensorStorage {
  /// The bytes from `offset` to the end, kept alive by this storage.
  package func part(from offset: Int) throws -> TensorStorage {
    guard offset >= 0, offset <= byteCount else {
      throw WeighbridgeError(.malformed, "the elements begin at byte \(offset) of \(byteCount)")
    }
    if offset == 0 { return self }
    return TensorStorage(
      borrowing: UnsafeRawBufferPointer(start: base + offset, count: byteCount - offset),
      owner: self)
  }
}

extension Tensor {
  /// Whether the elements lie on multiples of their size in memory. Those of a file that is used in
  /// place may not: zip puts them anywhere.
  package var isAligned: Bool {
    guard let storage else { return true }
    return Int(bitPattern: storage.base) % dtype.byteCount == 0
  }

  /// The tensor itself, or a copy with the same strides where elements are not on multiples of their
  /// size.
  package func aligned() throws -> Tensor {
    guard let storage, !isAligned else { return self }
    let span = elementCount == 0 ? 0 : zip(shape, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
    let size = dtype.byteCount
    let copy = try TensorStorage(byteCount: span * size) { bytes in
      guard let target = bytes.baseAddress else { return }
      let source = storage.base + offset * size
      Parallel.forRanges(span * size, grain: 1 << 19) { range in
        (target + range.lowerBound).copyMemory(
          from: source + range.lowerBound, byteCount: range.count)
      }
    }
    return Tensor(dtype: dtype, shape: shape, strides: strides, offset: 0, storage: copy)
  }

  /// Every element with its bytes reversed: from big-endian to little-endian.
  package func byteSwapped() throws -> Tensor {
    guard storage != nil, dtype.byteCount > 1 else { return self }
    let format = preferredFormat
    let copy = try packedCopy(format)
    let (count, size) = (copy.elementCount, dtype.byteCount)
    guard let storage = copy.storage else { return copy }
    // The copy is ours alone until it is returned.
    nonisolated(unsafe) let base = UnsafeMutableRawPointer(mutating: storage.base)
    Parallel.forRanges(count, grain: 1 << 16) { range in
      switch size {
      case 2: Tensor.swapBytes(base, range, as: UInt16.self)
      case 4: Tensor.swapBytes(base, range, as: UInt32.self)
      default: Tensor.swapBytes(base, range, as: UInt64.self)
      }
    }
    return copy
  }

  private static func swapBytes<Word: FixedWidthInteger & BitwiseCopyable>(
    _ base: UnsafeMutableRawPointer, _ range: Range<Int>, as type: Word.Type
  ) {
    let words = base.assumingMemoryBound(to: Word.self)
    for i in range { words[i] = words[i].byteSwapped }
  }
}
