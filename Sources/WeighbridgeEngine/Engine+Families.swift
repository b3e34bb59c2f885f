/// Operators on windows and positions of images. An engine that has no better form of one runs the
/// plain kernel.
package protocol SpatialOperators: Sendable {
  /// x[N, C, …] resized on its last axes to `size`. `scales` are the factors where they were given: the
  /// positions then follow from them and not from the sizes.
  func interpolate(
    _ x: Tensor, _ interpolation: Interpolation, size: [Int], scales: [Double]?
  ) throws -> Tensor

  /// The last `amounts.count` axes with elements added or, by negative amounts, taken away.
  func pad(_ x: Tensor, _ amounts: [AxisPadding], _ mode: PaddingMode) throws -> Tensor

  /// The transposed convolution of x[N, in, H, W] and weight[in, out/groups, kh, kw], plus bias[out].
  func transposedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: TransposedConvolutionGeometry,
    output: Shape, cache: OperatorCache
  ) throws -> Tensor

  /// The windows of x[N, C, H, W] as columns: [N, C·kh·kw, windows].
  func unfold(_ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>) throws -> Tensor

  /// Columns [N, C·kh·kw, windows] summed where they came from: [N, C, H, W].
  func fold(_ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>, output: Shape) throws
    -> Tensor

  /// The maximum over the cells of each output's window, by the rule of `adaptiveAveragePool`.
  func adaptiveMaxPool(_ x: Tensor, output: Pair<Int>) throws -> Tensor
}

/// Operators that pick, order and compare elements. Elements that are only moved may be of any dtype.
package protocol SelectionOperators: Sendable {
  /// x[…, indices, …]: some neighbouring axes, from `axis` on, are replaced by those of the indices, one
  /// int64 tensor for each axis, all of one shape. Negative ones count from the end.
  func index(_ x: Tensor, axis: Int, indices: [Tensor]) throws -> Tensor

  /// result[…, i, …] = x[…, indices[…, i, …], …] along an axis; int64 indices of x's rank.
  func gather(_ x: Tensor, axis: Int, indices: Tensor) throws -> Tensor

  /// A comparison with broadcasting, as `bool`; `output` is the broadcast shape.
  func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor, output: Shape) throws -> Tensor

  /// a where the condition (`bool`) holds, else b, with broadcasting.
  func choose(_ condition: Tensor, _ a: Tensor, _ b: Tensor, output: Shape) throws -> Tensor

  /// The elements of an axis in order, NaN as the largest; equal ones stay as they stood.
  func sort(_ x: Tensor, axis: Int, descending: Bool) throws -> IndexedValues

  /// The largest or smallest element along an axis, which stays with extent 1, and where the first of
  /// them stands; NaN where there is one.
  func extreme(_ extreme: Extreme, _ x: Tensor, axis: Int) throws -> IndexedValues

  /// Σ of the elements up to each one along an axis.
  func cumulativeSum(_ x: Tensor, axis: Int) throws -> Tensor
}

extension SpatialOperators {
  package func interpolate(
    _ x: Tensor, _ interpolation: Interpolation, size: [Int], scales: [Double]?
  ) throws -> Tensor {
    try PlainEngine().interpolated(x, interpolation, size: size, scales: scales)
  }

  package func pad(_ x: Tensor, _ amounts: [AxisPadding], _ mode: PaddingMode) throws -> Tensor {
    try PlainEngine().paddedByMode(x, amounts, mode)
  }

  package func unfold(
    _ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>
  ) throws -> Tensor {
    try PlainEngine().columns(of: x, geometry, counts: counts)
  }

  package func fold(
    _ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>, output: Shape
  ) throws -> Tensor {
    try PlainEngine().image(ofColumns: x, geometry, counts: counts, output: output)
  }

  package func adaptiveMaxPool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    try PlainEngine().adaptiveMaximumPool(x, output: output)
  }
}

extension SelectionOperators {
  package func index(_ x: Tensor, axis: Int, indices: [Tensor]) throws -> Tensor {
    try PlainEngine().indexed(x, axis: axis, indices: indices)
  }

  package func gather(_ x: Tensor, axis: Int, indices: Tensor) throws -> Tensor {
    try PlainEngine().gathered(x, axis: axis, indices: indices)
  }

  package func compare(
    _ comparison: Comparison, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try PlainEngine().compared(comparison, a, b, output: output)
  }

  package func choose(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try PlainEngine().chosen(condition, a, b, output: output)
  }

  package func sort(_ x: Tensor, axis: Int, descending: Bool) throws -> IndexedValues {
    try PlainEngine().sorted(x, axis: axis, descending: descending)
  }

  package func extreme(_ extreme: Extreme, _ x: Tensor, axis: Int) throws -> IndexedValues {
    try PlainEngine().extremeValues(extreme, x, axis: axis)
  }

  package func cumulativeSum(_ x: Tensor, axis: Int) throws -> Tensor {
    try PlainEngine().runningSum(x, axis: axis)
  }
}
