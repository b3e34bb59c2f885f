import WeighbridgeParallel
import WeighbridgeTensors

/// Elements picked by index, of any dtype: words of their size are moved.
extension PlainEngine {
  func indexed(_ x: Tensor, axis: Int, indices: [Tensor]) throws -> Tensor {
    guard let first = indices.first else { return x }
    var places = [Int](repeating: 0, count: first.elementCount)
    for (offset, index) in indices.enumerated() {
      let extent = x.shape[axis + offset]
      for (position, value) in try index.elements(as: Int64.self).enumerated() {
        places[position] =
          places[position] * extent + (try Self.checked(value, extent, axis + offset, x.shape))
      }
    }
    // The indexed axes as one, which only a packed tensor has.
    let packed = indices.count == 1 ? x : try x.contiguous()
    let merged = x.shape[axis..<(axis + indices.count)].reduce(1, *)
    let (before, after) = (Array(x.shape[..<axis]), Array(x.shape[(axis + indices.count)...]))
    let source = indices.count == 1 ? x : packed.packed(as: Shape(before + [merged] + after))
    let picked = try selected(source, axis: axis, places)
    guard first.rank != 1 else { return picked }
    return try picked.contiguous().packed(as: Shape(before + first.shape.dimensions + after))
  }

  /// A negative index counts from the end.
  private static func checked(
    _ value: Int64, _ extent: Int, _ axis: Int, _ shape: Shape
  ) throws -> Int {
    guard value < Int64(extent), value >= -Int64(extent) else {
      throw WeighbridgeError(.shape, "there is no index \(value) on axis \(axis) of \(shape)")
    }
    return Int(value) + (value < 0 ? extent : 0)
  }

  /// The elements at these places of an axis, in this order; the result lies in memory as x does.
  func selected(_ x: Tensor, axis: Int, _ places: [Int]) throws -> Tensor {
    let order = try MemoryOrder(x)
    let (source, place) = (order.packed, order.place(of: axis))
    let extents = AxisExtents(source.shape, place)
    var dimensions = source.shape.dimensions
    dimensions[place] = places.count
    let shape = try Shape(dimensions).addressable(x.dtype)
    let run = extents.inner * x.dtype.byteCount
    let storage = try TensorStorage(byteCount: shape.elementCount * x.dtype.byteCount) { bytes in
      guard let target = bytes.baseAddress, shape.elementCount > 0 else { return }
      try source.withRawElements { input in
        Parallel.forRanges(extents.outer * places.count, grain: max(1, 65536 / run)) { range in
          for line in range {
            let (outer, index) = line.quotientAndRemainder(dividingBy: places.count)
            (target + line * run).copyMemory(
              from: input + (outer * extents.length + places[index]) * run, byteCount: run)
          }
        }
      }
    }
    return order.restored(
      Tensor(
        dtype: x.dtype, shape: shape, strides: shape.contiguousStrides, offset: 0,
        storage: storage))
  }

  func gathered(_ x: Tensor, axis: Int, indices: Tensor) throws -> Tensor {
    let places = try indices.elements(as: Int64.self)
    let extent = x.shape[axis]
    if let wrong = places.first(where: { $0 < 0 || $0 >= Int64(extent) }) {
      throw WeighbridgeError(.shape, "there is no index \(wrong) on axis \(axis) of \(x.shape)")
    }
    // Where indices are shorter than x on another axis, they mean its beginning.
    var part = x
    for other in x.shape.indices where other != axis {
      part = try part.narrowed(other, start: 0, length: indices.shape[other])
    }
    let source = try part.contiguous()
    switch x.dtype.byteCount {
    case 1: return try gathered(source, axis, places, indices.shape, UInt8.self)
    case 2: return try gathered(source, axis, places, indices.shape, UInt16.self)
    case 4: return try gathered(source, axis, places, indices.shape, UInt32.self)
    default: return try gathered(source, axis, places, indices.shape, UInt64.self)
    }
  }

  private func gathered<Word: TensorElement>(
    _ source: Tensor, _ axis: Int, _ places: [Int64], _ shape: Shape, _: Word.Type
  ) throws -> Tensor {
    let from = AxisExtents(source.shape, axis)
    let to = AxisExtents(shape, axis)
    return try Tensor(shape: shape) { (output: UnsafeMutableBufferPointer<Word>) in
      try source.withRawElements { input in
        for index in places.indices {
          let (outer, rest) = index.quotientAndRemainder(dividingBy: to.length * to.inner)
          let element = (outer * from.length + Int(places[index])) * from.inner + rest % to.inner
          output[index] = input.loadUnaligned(
            fromByteOffset: element * MemoryLayout<Word>.size, as: Word.self)
        }
      }
    }.reinterpreted(as: source.dtype)
  }
}
