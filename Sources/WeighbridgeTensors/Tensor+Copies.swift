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
    guard let storage else { throw Tensor.descriptorError(shape) }
    let source = storage.base + offset * dtype.byteCount
    let target = format.strides(of: shape)
    let copy = try TensorStorage(byteCount: byteCount) { bytes in
      guard let destination = bytes.baseAddress else { return }
      StridedCopy(shape: shape.dimensions, from: strides, to: target)
        .run(from: source, to: destination, elementSize: dtype.byteCount)
    }
    return Tensor(dtype: dtype, shape: shape, strides: target, offset: 0, storage: copy)
  }

  /// Tensors joined along an existing axis, as `torch.cat`, laid out like the first.
  ///
  /// - Throws: `shape` when there is none or other extents or dtypes differ.
  public static func concatenated(_ tensors: [Tensor], axis: Int) throws -> Tensor {
    guard let first = tensors.first else {
      throw WeighbridgeError(.shape, "there is nothing to concatenate")
    }
    let axis = try first.shape.resolvedAxis(axis)
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
    let shape = Shape(dimensions)
    let format: MemoryFormat =
      tensors.contains { $0.preferredFormat == .channelsLast } ? .channelsLast : .contiguous
    let strides = format.strides(of: shape)
    let size = first.dtype.byteCount
    let storage = try TensorStorage(byteCount: shape.elementCount * size) { bytes in
      guard let base = bytes.baseAddress else { return }
      var start = 0
      for tensor in tensors {
        guard let source = tensor.storage else { throw descriptorError(tensor.shape) }
        StridedCopy(shape: tensor.shape.dimensions, from: tensor.strides, to: strides)
          .run(
            from: source.base + tensor.offset * size, to: base + start * strides[axis] * size,
            elementSize: size)
        start += tensor.shape[axis]
      }
    }
    return Tensor(dtype: first.dtype, shape: shape, strides: strides, offset: 0, storage: storage)
  }

  /// Tensors joined along a new axis, as `torch.stack`.
  public static func stacked(_ tensors: [Tensor], axis: Int) throws -> Tensor {
    try concatenated(tensors.map { try $0.unsqueezed(axis) }, axis: axis)
  }

  /// The axis reversed, as `torch.flip`.
  public func flipped(_ axis: Int) throws -> Tensor {
    let axis = try shape.resolvedAxis(axis)
    let indices = stride(from: shape[axis] - 1, through: 0, by: -1)
    guard shape[axis] > 1 else { return self }
    return try Tensor.concatenated(
      indices.map { try narrowed(axis, start: $0, length: 1) }, axis: axis)
  }

  /// Zeros added around the last axes, as `torch.nn.functional.pad`: `amounts` holds (before, after)
  /// per axis, for the last `amounts.count` axes in order.
  ///
  /// - Throws: `shape` when an amount is negative or there are more amounts than axes.
  public func padded(_ amounts: [(before: Int, after: Int)]) throws -> Tensor {
    guard amounts.count <= rank, amounts.allSatisfy({ $0.before >= 0 && $0.after >= 0 }) else {
      throw WeighbridgeError(.shape, "cannot pad \(shape) by \(amounts)")
    }
    guard let storage else { throw Tensor.descriptorError(shape) }
    var dimensions = shape.dimensions
    let lead = rank - amounts.count
    let target: MemoryFormat = preferredFormat
    for (index, amount) in amounts.enumerated() {
      dimensions[lead + index] += amount.before + amount.after
    }
    let padded = Shape(dimensions)
    let strides = target.strides(of: padded)
    var start = 0
    for (index, amount) in amounts.enumerated() { start += amount.before * strides[lead + index] }
    let size = dtype.byteCount
    let copy = try TensorStorage(byteCount: padded.elementCount * size) { bytes in
      _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
      guard let base = bytes.baseAddress else { return }
      StridedCopy(shape: shape.dimensions, from: self.strides, to: strides)
        .run(from: storage.base + offset * size, to: base + start * size, elementSize: size)
    }
    return Tensor(dtype: dtype, shape: padded, strides: strides, offset: 0, storage: copy)
  }
}

/// A copy between two strided layouts of one shape.
///
/// Axes are ordered by the destination's strides and merged where both sides step evenly; what is
/// left is a loop over outer axes around an inner run, in parallel when there is much to move.
struct StridedCopy {
  private(set) var extents: [Int] = []
  private(set) var sourceStrides: [Int] = []
  private(set) var targetStrides: [Int] = []

  init(shape: [Int], from source: [Int], to target: [Int]) {
    let axes = shape.indices.filter { shape[$0] != 1 }
      .sorted { (target[$0], source[$0]) > (target[$1], source[$1]) }
    for axis in axes {
      if let last = extents.indices.last,
        sourceStrides[last] == source[axis] * shape[axis],
        targetStrides[last] == target[axis] * shape[axis]
      {
        extents[last] *= shape[axis]
        sourceStrides[last] = source[axis]
        targetStrides[last] = target[axis]
      } else {
        extents.append(shape[axis])
        sourceStrides.append(source[axis])
        targetStrides.append(target[axis])
      }
    }
  }

  func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, elementSize: Int) {
    switch elementSize {
    case 1: run(source, target, as: UInt8.self)
    case 2: run(source, target, as: UInt16.self)
    case 4: run(source, target, as: UInt32.self)
    default: run(source, target, as: UInt64.self)
    }
  }

  private func run<Word: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, as word: Word.Type
  ) {
    let target = target.assumingMemoryBound(to: Word.self)
    guard let inner = extents.last else {
      target[0] = source.loadUnaligned(as: Word.self)
      return
    }
    guard !extents.contains(0) else { return }
    let outer = extents.dropLast().reduce(1, *)
    let grain = max(1, 65536 / (inner * MemoryLayout<Word>.size))
    if outer == 1, sourceStrides.last == 1, targetStrides.last == 1 {
      copyBlock(from: source, to: target, byteCount: inner * MemoryLayout<Word>.size)
      return
    }
    nonisolated(unsafe) let (from, to) = (source, target)
    Parallel.forRanges(outer, grain: grain) { range in
      copyRows(range, from: from, to: to, inner: inner)
    }
  }

  private func copyBlock(
    from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int
  ) {
    nonisolated(unsafe) let (from, to) = (source, target)
    Parallel.forRanges(byteCount, grain: 1 << 20) { range in
      (to + range.lowerBound).copyMemory(from: from + range.lowerBound, byteCount: range.count)
    }
  }

  private func copyRows<Word: BitwiseCopyable>(
    _ rows: Range<Int>, from source: UnsafeRawPointer, to target: UnsafeMutablePointer<Word>,
    inner: Int
  ) {
    let last = extents.count - 1
    let size = MemoryLayout<Word>.size
    let (sourceStep, targetStep) = (sourceStrides[last], targetStrides[last])
    for row in rows {
      var rest = row
      var (from, to) = (0, 0)
      for axis in stride(from: last - 1, through: 0, by: -1) {
        let index = rest % extents[axis]
        rest /= extents[axis]
        from += index * sourceStrides[axis]
        to += index * targetStrides[axis]
      }
      // Elements of a file that is used in place may lie on any byte.
      let (input, output) = (source + from * size, target + to)
      let step = sourceStep &* size
      if sourceStep == 1 && targetStep == 1 {
        UnsafeMutableRawPointer(output).copyMemory(from: input, byteCount: inner * size)
      } else if targetStep == 1 {
        for i in 0..<inner {
          output[i] = input.loadUnaligned(fromByteOffset: i &* step, as: Word.self)
        }
      } else {
        for i in 0..<inner {
          output[i &* targetStep] = input.loadUnaligned(fromByteOffset: i &* step, as: Word.self)
        }
      }
    }
  }
}
