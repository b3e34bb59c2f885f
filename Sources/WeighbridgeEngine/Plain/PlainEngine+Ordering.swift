import WeighbridgeParallel
import WeighbridgeTensors

/// Orders and running sums along an axis.
extension PlainEngine {
  func sorted(_ x: Tensor, axis: Int, descending: Bool) throws -> IndexedValues {
    try x.dtype == .float64
      ? sorted(x, axis, descending, Double.self) : sorted(x, axis, descending, Float.self)
  }

  private func sorted<S: PlainScalar>(
    _ x: Tensor, _ axis: Int, _ descending: Bool, _: S.Type
  ) throws -> IndexedValues {
    let length = x.shape[axis]
    return try rows(x, axis, outputs: length) { (input: UnsafePointer<S>, values, indices) in
      // Swift's sort keeps the order of equal elements.
      let order = (0..<length).sorted {
        let (a, b) = (input[$0], input[$1])
        if a.isNaN || b.isNaN { return descending ? a.isNaN && !b.isNaN : b.isNaN && !a.isNaN }
        return descending ? a > b : a < b
      }
      for (place, index) in order.enumerated() {
        values[place] = input[index]
        indices[place] = Int64(index)
      }
    }
  }

  func extremeValues(_ extreme: Extreme, _ x: Tensor, axis: Int) throws -> IndexedValues {
    guard x.shape[axis] > 0 else {
      throw WeighbridgeError(
        .shape, "there is no \(extreme.rawValue) of no elements of \(x.shape)")
    }
    return try x.dtype == .float64
      ? extremeValues(extreme, x, axis, Double.self) : extremeValues(extreme, x, axis, Float.self)
  }

  private func extremeValues<S: PlainScalar>(
    _ extreme: Extreme, _ x: Tensor, _ axis: Int, _: S.Type
  ) throws -> IndexedValues {
    let length = x.shape[axis]
    return try rows(x, axis, outputs: 1) { (input: UnsafePointer<S>, values, indices) in
      var best = 0
      for i in 1..<max(1, length) where !input[best].isNaN {
        let isBetter = extreme == .maximum ? input[i] > input[best] : input[i] < input[best]
        if isBetter || input[i].isNaN { best = i }
      }
      values[0] = input[best]
      indices[0] = Int64(best)
    }
  }

  /// Calls `body` with every run along an axis and where its results go.
  private func rows<S: PlainScalar>(
    _ x: Tensor, _ axis: Int, outputs: Int,
    _ body: (UnsafePointer<S>, UnsafeMutablePointer<S>, UnsafeMutablePointer<Int64>) -> Void
  ) throws -> IndexedValues {
    let length = x.shape[axis]
    var order = Array(x.shape.indices)
    order.append(order.remove(at: axis))
    var back = order
    for (position, axis) in order.enumerated() { back[axis] = position }
    let lines = try x.reordered(order).contiguous()
    let shape = Shape(lines.shape.dropLast() + [outputs])
    let count = lines.shape.dropLast().reduce(1, *)
    var places: Tensor?
    let values = try Tensor(shape: shape) { (values: UnsafeMutableBufferPointer<S>) in
      places = try Tensor(shape: shape) { (indices: UnsafeMutableBufferPointer<Int64>) in
        guard let values = values.baseAddress, let indices = indices.baseAddress,
          shape.elementCount > 0
        else { return }
        try lines.withUnsafeElements { (input: UnsafePointer<S>) in
          Parallel.forRanges(count, grain: max(1, 4096 / max(1, length))) { range in
            for line in range {
              body(input + line * length, values + line * outputs, indices + line * outputs)
            }
          }
        }
      }
    }
    guard let places else { throw WeighbridgeError(.engine, "no indices were made") }
    return IndexedValues(values: values.reordered(back), indices: places.reordered(back))
  }

  func runningSum(_ x: Tensor, axis: Int) throws -> Tensor {
    x.dtype == .float64
      ? try runningSum(x, axis, Double.self) : try runningSum(x, axis, Float.self)
  }

  /// Summed in float64, as PyTorch does on this side.
  private func runningSum<S: PlainScalar>(_ x: Tensor, _ axis: Int, _: S.Type) throws -> Tensor {
    let order = try MemoryOrder(x)
    let source = order.packed
    let extents = AxisExtents(source.shape, order.place(of: axis))
    let result = try Tensor(shape: source.shape) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, source.elementCount > 0 else { return }
      try source.withUnsafeElements { (input: UnsafePointer<S>) in
        Parallel.forRanges(
          extents.outer * extents.inner, grain: max(1, 16384 / extents.length)
        ) { range in
          for line in range {
            let (outer, inner) = line.quotientAndRemainder(dividingBy: extents.inner)
            var place = outer * extents.length * extents.inner + inner
            var total = 0.0
            for _ in 0..<extents.length {
              total += Double(input[place])
              output[place] = S(total)
              place += extents.inner
            }
          }
        }
      }
    }
    return order.restored(result)
  }
}
