extension Tensor {
  /// The elements in blocks of at most `limit` bytes, as tensors of one axis: views, in the order of
  /// memory where that is dense.
  ///
  /// - Throws: `shape` for a descriptor, and what `body` throws.
  package func forEachBlock(limit: Int, _ body: (Tensor) throws -> Void) throws {
    // Reversed, what lies in Fortran's order is row-major.
    let reversed = try isContiguous || rank < 2 ? self : permuted(Array((0..<rank).reversed()))
    let packed = try reversed.isContiguous ? reversed : contiguous(preferredFormat)
    guard packed.storage != nil else { throw Tensor.descriptorError(shape) }
    let (count, step) = (elementCount, max(1, limit / dtype.byteCount))
    for start in stride(from: 0, to: count, by: step) {
      try body(
        Tensor(
          dtype: dtype, shape: [min(step, count - start)], strides: [1],
          offset: packed.offset + start, storage: packed.storage))
    }
  }
}
