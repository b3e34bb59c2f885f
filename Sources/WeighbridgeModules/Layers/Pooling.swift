/// PyTorch's `nn.MaxPool2d`.
public struct MaxPool2d: Module {
  public let path: ModulePath
  /// How the window moves: a maximum's.
  public let geometry: PoolingGeometry

  /// - Parameters:
  ///   - kernel: PyTorch's `kernel_size`, in pixels.
  ///   - stride: The distance between windows; `nil`, PyTorch's default, for the kernel's size.
  ///   - padding: −∞ around the image, at most half of the kernel.
  ///   - dilation: The distance between the pixels of one window.
  ///   - ceilMode: PyTorch's `ceil_mode`: whether a last window may reach beyond the image.
  public init(
    _ w: WeightScope, kernel: Pair<Int>, stride: Pair<Int>? = nil, padding: Padding = 0,
    dilation: Pair<Int> = 1, ceilMode: Bool = false
  ) {
    path = w.path
    geometry = PoolingGeometry(
      .maximum, kernel: kernel, stride: stride, padding: padding, dilation: dilation,
      ceilMode: ceilMode)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.pooled(geometry) }
}

/// PyTorch's `nn.AvgPool2d`.
public struct AvgPool2d: Module {
  public let path: ModulePath
  /// How the window moves, and how averages divide.
  public let geometry: PoolingGeometry

  /// - Parameters:
  ///   - kernel: PyTorch's `kernel_size`, in pixels.
  ///   - stride: The distance between windows; `nil`, PyTorch's default, for the kernel's size.
  ///   - padding: Zeros around the image, at most half of the kernel.
  ///   - ceilMode: PyTorch's `ceil_mode`: whether a last window may reach beyond the image.
  ///   - countIncludePad: PyTorch's `count_include_pad`: whether padding counts among what averages
  ///     divide by.
  public init(
    _ w: WeightScope, kernel: Pair<Int>, stride: Pair<Int>? = nil, padding: Padding = 0,
    ceilMode: Bool = false, countIncludePad: Bool = true
  ) {
    path = w.path
    geometry = PoolingGeometry(
      .average(countIncludePad: countIncludePad), kernel: kernel, stride: stride,
      padding: padding, ceilMode: ceilMode)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.pooled(geometry) }
}

/// PyTorch's `nn.AdaptiveAvgPool2d`.
public struct AdaptiveAvgPool2d: Module {
  public let path: ModulePath
  /// Height and width of the result, in pixels.
  public let outputSize: Pair<Int>

  /// - Parameter outputSize: PyTorch's `output_size`; 1 for global average pooling.
  public init(_ w: WeightScope, outputSize: Pair<Int>) {
    path = w.path
    self.outputSize = outputSize
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.adaptiveAveragePooled(to: outputSize)
  }
}
