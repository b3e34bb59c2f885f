import WeighbridgeModules

/// torchvision's `BasicConv2d`: a convolution without bias, batch norm with eps 1e-3, relu.
package struct BasicConv2d: Module {
  package let path: ModulePath
  package let conv: Conv2d
  package let bn: BatchNorm

  init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, kernel: Pair<Int>, stride: Int = 1,
    padding: Padding = 0
  ) throws {
    path = w.path
    conv = try Conv2d(
      w / "conv", in: inputs, out: outputs, kernel: kernel, stride: Pair(stride),
      padding: padding, bias: .absent)
    bn = try BatchNorm(w / "bn", channels: outputs, epsilon: 1e-3)
  }

  package func forward(_ x: Tensor) throws -> Tensor { try bn(conv(x)).activated(.relu) }
}

extension BasicConv2d {
  /// A 1×`length` convolution that keeps the size.
  static func wide(
    _ w: WeightScope, in inputs: Int, out outputs: Int, length: Int
  ) throws -> BasicConv2d {
    try BasicConv2d(
      w, in: inputs, out: outputs, kernel: Pair(1, length), padding: Padding(0, length / 2))
  }

  /// A `length`×1 convolution that keeps the size.
  static func tall(
    _ w: WeightScope, in inputs: Int, out outputs: Int, length: Int
  ) throws -> BasicConv2d {
    try BasicConv2d(
      w, in: inputs, out: outputs, kernel: Pair(length, 1), padding: Padding(length / 2, 0))
  }
}

extension Tensor {
  /// The 3×3 average at stride 1 of a pooling branch.
  ///
  /// - Parameter countsPadding: Whether zeros beyond the edge count as cells, so that the divisor is 9 at
  ///   the borders, too.
  package func smoothed(countsPadding: Bool) throws -> Tensor {
    try pooled(
      PoolingGeometry(
        .average(countIncludePad: countsPadding), kernel: 3, stride: 1, padding: 1))
  }

  /// The 3×3 maximum at stride 2.
  func shrunk() throws -> Tensor {
    try pooled(PoolingGeometry(.maximum, kernel: 3, stride: 2))
  }
}

extension WeightScope {
  /// Asks for the parameters of the `SELayer` that the enclosing block registers and never calls, where
  /// the file has one: torchvision's own network has none.
  func unusedSELayer(channel: Int) throws {
    let scope = (self / "SELayer").dead(because: "the layer is registered and never called")
    guard scope.contains("fc.0.weight") ?? true || scope.contains("fc.2.weight") ?? true else {
      return
    }
    _ = try SELayer(scope, channel: channel)
  }
}
