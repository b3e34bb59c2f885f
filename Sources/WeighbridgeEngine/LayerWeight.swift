/// A layer's weight as it was loaded, and what is done to it before it is used. What an engine keeps is
/// its own packed form; nothing else stays in memory.
package struct LayerWeight: Sendable {
  /// As it was loaded: of the dtype in which the layer runs, or of 16 bits beside float32.
  package let stored: Tensor
  /// A float64 factor for each row of the first axis, of a norm that is folded in.
  package let rowScale: Tensor?

  package init(_ stored: Tensor, rowScale: Tensor? = nil) {
    (self.stored, self.rowScale) = (stored, rowScale)
  }

  package var shape: Shape { stored.shape }

  /// Whether it is used as it is stored.
  var isPlain: Bool { rowScale == nil && !stored.dtype.isHalfPrecision }

  /// What the values are representable in: the stored dtype, unless they are scaled.
  var keptDType: DType { rowScale == nil ? stored.dtype : .float32 }

  /// The values in the dtype in which the layer runs.
  func values(in dtype: DType) throws -> Tensor {
    let wide = try stored.converted(to: dtype)
    return try rowScale.map { try wide.rowsScaled(by: $0) } ?? wide
  }

  /// Whether both are the very same weight, not only equal ones.
  func isSame(as other: LayerWeight) -> Bool {
    stored.storage === other.stored.storage && stored.offset == other.stored.offset
      && stored.strides == other.stored.strides
      && rowScale?.storage === other.rowScale?.storage
  }
}

extension Engine {
  /// The convolution with a weight as it is.
  package func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry, output: Shape,
    epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    try convolution(
      x, weight: LayerWeight(weight), bias: bias, geometry: geometry, output: output,
      epilogue: epilogue, cache: cache)
  }

  /// The linear map with a weight as it is.
  package func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    try linear(
      x, weight: LayerWeight(weight), bias: bias, epilogue: epilogue, cache: cache)
  }
}
