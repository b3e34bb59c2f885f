import WeighbridgeParallel

/// Copies: the same elements in another order of memory.
extension Tensor {
  /// The elements packed in the given format; the tensor itself where they lie so already.
  ///
  /// - Throws: `shape` for a descriptor, `engine` when memory is short.
  public func contiguous(_ format: MemoryFormat = .contiguous) throws -> Tensor {
    isDense(format) ? self : try packedCopy(format)
  }

  /// A packed copy in the given format, also where the elements lie so already. Elements that are not
  /// on multiples of their size are on such in the copy.
  package func packedCopy(_ format: MemoryFormat = .contiguous) throws -> Tensor {
    let target = format.strides(of: shape)
    return try Capture.moving([self], again: { try $0[0].packedCopy(format) }) {
      try copied(at: target)
    }
  }

  /// The elements at other strides, none of which lets two of them share a place; a view where only axes
  /// of one element differ.
  package func arranged(at target: [Int]) throws -> Tensor {
    let isSame = shape.indices.allSatisfy { shape[$0] == 1 || strides[$0] == target[$0] }
    guard !isSame, elementCount > 0 else {
      return Tensor(dtype: dtype, shape: shape, strides: target, offset: offset, storage: storage)
    }
    return try copied(at: target)
  }

  /// A copy at these strides, none of which lets two elements share a place.
  private func copied(at target: [Int]) throws -> Tensor {
    let span = elementCount == 0 ? 0 : zip(shape, target).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
    return try RunLog.moving("copy", shape: \.shape) {
      let copy = try TensorStorage(byteCount: span * dtype.byteCount) { bytes in
        guard let destination = bytes.baseAddress else { return }
        // Strides may leave gaps.
        if span > elementCount { _ = bytes.initializeMemory(as: UInt8.self, repeating: 0) }
        try copyElements(to: destination, target)
      }
      return Tensor(dtype: dtype, shape: shape, strides: target, offset: 0, storage: copy)
    }
  }

  /// Writes the elements to an address, at these strides in elements.
  func copyElements(to target: UnsafeMutableRawPointer, _ strides: [Int]) throws {
    try withRawElements { source in
      StridedCopy(shape: shape.dimensions, from: self.strides, to: strides)
        .run(from: source, to: target, elementSize: dtype.byteCount)
    }
  }

  /// Tensors joined along an existing axis, as `torch.cat`, laid out like the first.
  ///
  /// - Throws: `shape` when there is none or other extents or dtypes differ.
  public static func concatenated(_ tensors: [Tensor], axis: Int) throws -> Tensor {
    guard let first = tensors.first else {
      throw WeighbridgeError(.shape, "there is nothing to concatenate")
    }
    let axis = try first.shape.resolvedAxis(axis)
    if let seen = try observed(LayoutOperation.concatenate(axis: axis), tensors) { return seen }
    var dimensions = first.shape.dimensions
    dimensions[axis] = 0
    for tensor in tensors {
      var expected = tensor.shape.dimensions
      guard expected.count == dimensions.count, tensor.dtype == first.dtype else {
        throw WeighbridgeError(.shape, "cannot concatenate \(first.shape) and \(tensor.shape)")
      }
      expected[axis] = dimensions[axis]
      guard expected == dimensions else {
        throw WeighbridgeError(
          .shape, "cannot concatenate \(first.shape) and \(tensor.shape) along axis \(axis)")
      }
      dimensions[axis] += tensor.shape[axis]
    }
    let shape = try Shape(dimensions).checked(first.dtype)
    let format: MemoryFormat =
      tensors.contains { $0.preferredFormat == .channelsLast } ? .channelsLast : .contiguous
    let strides = format.strides(of: shape)
    let size = first.dtype.byteCount
    return try Capture.noting(
      ConcatenationOperation(axis: axis), tensors, results: { [$0] }
    ) {
      try RunLog.moving("concatenate", shape: \.shape) {
        let storage = try TensorStorage(byteCount: shape.elementCount * size) { bytes in
          guard let base = bytes.baseAddress else { return }
          var start = 0
          for tensor in tensors {
            try tensor.copyElements(to: base + start * strides[axis] * size, strides)
            start += tensor.shape[axis]
          }
        }
        return Tensor(
          dtype: first.dtype, shape: shape, strides: strides, offset: 0, storage: storage)
      }
    }
  }

  /// Tensors joined along a new axis, as `torch.stack`.
  public static func stacked(_ tensors: [Tensor], axis: Int) throws -> Tensor {
    try concatenated(tensors.map { try $0.unsqueezed(axis) }, axis: axis)
  }

  /// The axis reversed, as `torch.flip`.
  public func flipped(_ axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    guard shape[axis] > 1, elementCount > 0 else { return self }
    // Read backwards from the last index on.
    var reversed = strides
    reversed[axis] = -strides[axis]
    let last = offset + (shape[axis] - 1) * strides[axis]
    let target = preferredFormat.strides(of: shape)
    return try Capture.moving([self], again: { try $0[0].flipped(axis) }) {
      try RunLog.moving("flip", shape: \.shape) {
        let copy = try TensorStorage(byteCount: byteCount) { bytes in
          guard let base = bytes.baseAddress else { return }
          try Tensor(dtype: dtype, shape: shape, strides: reversed, offset: last, storage: storage)
            .copyElements(to: base, target)
        }
        return Tensor(dtype: dtype, shape: shape, strides: target, offset: 0, storage: copy)
      }
    }
  }

  /// One value added around the last axes, as `torch.nn.functional.pad`: `amounts` holds
  /// (before, after) per axis, for the last `amounts.count` axes in order.
  ///
  /// - Throws: `shape` when an amount is negative or there are more amounts than axes.
  public func padded(
    _ amounts: [(before: Int, after: Int)], with value: Double = 0
  ) throws -> Tensor {
    guard amounts.count <= rank, amounts.allSatisfy({ $0.before >= 0 && $0.after >= 0 }) else {
      throw WeighbridgeError(.shape, "cannot pad \(shape) by \(amounts)")
    }
    var dimensions = shape.dimensions
    let lead = rank - amounts.count
    let target: MemoryFormat = preferredFormat
    for (index, amount) in amounts.enumerated() {
      let (added, overflow) = amount.before.addingReportingOverflow(amount.after)
      let (extent, isTooLong) = dimensions[lead + index].addingReportingOverflow(added)
      dimensions[lead + index] = overflow || isTooLong ? .max : extent
    }
    let padded = try Shape(dimensions).checked(dtype)
    let strides = target.strides(of: padded)
    var start = 0
    for (index, amount) in amounts.enumerated() { start += amount.before * strides[lead + index] }
    let (size, first) = (dtype.byteCount, start)
    return try Capture.moving([self], again: { try $0[0].padded(amounts, with: value) }) {
      let copy = try TensorStorage(byteCount: padded.elementCount * size) { bytes in
        guard let base = bytes.baseAddress else { return }
        if value == 0 && value.sign == .plus {
          _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
        } else {
          try Tensor.full(padded, value, dtype: dtype).copyElements(to: base, strides)
        }
        try copyElements(to: base + first * size, strides)
      }
      return Tensor(dtype: dtype, shape: padded, strides: strides, offset: 0, storage: copy)
    }
  }
}
