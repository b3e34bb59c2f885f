import WeighbridgeTensors

/// A tensor with its axes in the order of its memory, so that a kernel along one axis finds
/// [outer, length, inner] packed: row-major, and for channels-last images NHWC.
struct MemoryOrder {
  /// Packed and row-major.
  let packed: Tensor
  /// Which of the tensor's axes stands at each place.
  private let order: [Int]

  init(_ x: Tensor) throws {
    guard x.preferredFormat == .channelsLast else {
      (packed, order) = (try x.contiguous(), Array(x.shape.indices))
      return
    }
    order = [0, 2, 3, 1]
    packed = try x.contiguous(.channelsLast).reordered(order)
  }

  /// Where one of the tensor's axes stands in `packed`.
  func place(of axis: Int) -> Int { order.firstIndex(of: axis) ?? axis }

  /// A result of the same order with the tensor's own axes.
  func restored(_ result: Tensor) -> Tensor {
    var back = order
    for (place, axis) in order.enumerated() { back[axis] = place }
    return result.reordered(back)
  }
}

/// The extents before an axis, of it and behind it, each as one number.
struct AxisExtents {
  let outer: Int
  let length: Int
  let inner: Int

  init(_ shape: Shape, _ axis: Int) {
    outer = shape[..<axis].reduce(1, *)
    length = shape[axis]
    inner = shape[(axis + 1)...].reduce(1, *)
  }
}

extension Tensor {
  /// `permuted` within a kernel, which nobody observes.
  func reordered(_ axes: [Int]) -> Tensor {
    Tensor(
      dtype: dtype, shape: Shape(axes.map { shape[$0] }), strides: axes.map { strides[$0] },
      offset: offset, storage: storage)
  }

  /// The same packed elements under another shape of as many, within a kernel.
  func packed(as shape: Shape) -> Tensor {
    Tensor(
      dtype: dtype, shape: shape, strides: shape.contiguousStrides, offset: offset,
      storage: storage)
  }
}
