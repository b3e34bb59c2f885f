/// PyTorch's `nn.MaxPool2d`.
public struct MaxPool2d: Module {
  public let path: ModulePath
  public let geometry: PoolingGeometry

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
  public let geometry: PoolingGeometry

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
  public let outputSize: Pair<Int>

  public init(_ w: WeightScope, outputSize: Pair<Int>) {
    path = w.path
    self.outputSize = outputSize
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.adaptiveAveragePooled(to: outputSize)
  }
}
