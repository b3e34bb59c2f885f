/// Pooling of sequences [N, C, L], and the adaptive maximum of images.
extension Tensor {
  /// An operator on images applied to sequences, as images of one row.
  fileprivate func asRow(_ body: (Tensor) throws -> Tensor) throws -> Tensor {
    guard rank == 3 else {
      throw WeighbridgeError(.shape, "pooling of one axis takes [N, C, L], got \(shape)")
    }
    return try body(unsqueezed(2)).squeezed(2)
  }
}

/// PyTorch's `nn.MaxPool1d`: [N, C, L] → [N, C, L'].
public struct MaxPool1d: Module {
  public let path: ModulePath
  /// Of an image of one row: the second of each pair is the sequence's.
  public let geometry: PoolingGeometry

  /// - Parameters:
  ///   - kernel: PyTorch's `kernel_size`, in elements.
  ///   - stride: The distance between windows; `nil`, PyTorch's default, for the kernel's size.
  ///   - padding: −∞ before and after the sequence, at most half of the kernel each.
  ///   - dilation: The distance between the elements of one window.
  ///   - ceilMode: PyTorch's `ceil_mode`: whether a last window may reach beyond the sequence.
  public init(
    _ w: WeightScope, kernel: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    ceilMode: Bool = false
  ) {
    path = w.path
    geometry = PoolingGeometry(
      .maximum, kernel: Pair(1, kernel), stride: Pair(1, stride ?? kernel),
      padding: Padding(0, padding), dilation: Pair(1, dilation), ceilMode: ceilMode)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.asRow { try $0.pooled(geometry) } }
}

/// PyTorch's `nn.AvgPool1d`: [N, C, L] → [N, C, L'].
public struct AvgPool1d: Module {
  public let path: ModulePath
  /// Of an image of one row: the second of each pair is the sequence's.
  public let geometry: PoolingGeometry

  /// - Parameters:
  ///   - kernel: PyTorch's `kernel_size`, in elements.
  ///   - stride: The distance between windows; `nil`, PyTorch's default, for the kernel's size.
  ///   - padding: Zeros before and after the sequence, at most half of the kernel each.
  ///   - ceilMode: PyTorch's `ceil_mode`: whether a last window may reach beyond the sequence.
  ///   - countIncludePad: PyTorch's `count_include_pad`: whether padding counts among what averages
  ///     divide by.
  public init(
    _ w: WeightScope, kernel: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
  ) {
    path = w.path
    geometry = PoolingGeometry(
      .average(countIncludePad: countIncludePad), kernel: Pair(1, kernel),
      stride: Pair(1, stride ?? kernel), padding: Padding(0, padding), ceilMode: ceilMode)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.asRow { try $0.pooled(geometry) } }
}

/// PyTorch's `nn.AdaptiveAvgPool1d`: [N, C, L] → [N, C, outputSize].
public struct AdaptiveAvgPool1d: Module {
  public let path: ModulePath
  /// The length of the result, in elements.
  public let outputSize: Int

  /// - Parameter outputSize: PyTorch's `output_size`; 1 for global average pooling.
  public init(_ w: WeightScope, outputSize: Int) {
    path = w.path
    self.outputSize = outputSize
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.asRow { try $0.adaptiveAveragePooled(to: Pair(1, outputSize)) }
  }
}

/// PyTorch's `nn.AdaptiveMaxPool2d`: [N, C, H, W] → [N, C, …outputSize]; −1 keeps an extent.
public struct AdaptiveMaxPool2d: Module {
  public let path: ModulePath
  /// Height and width of the result, in pixels; −1 keeps the input's.
  public let outputSize: Pair<Int>

  /// - Parameter outputSize: PyTorch's `output_size`, where −1 stands for its `None`.
  public init(_ w: WeightScope, outputSize: Pair<Int>) {
    path = w.path
    self.outputSize = outputSize
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.adaptiveMaxPooled(to: outputSize) }
}
