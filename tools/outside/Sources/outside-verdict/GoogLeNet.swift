import Weighbridge

/// torchvision's `BasicConv2d`: the rectifier is a function there.
struct BasicConv2d: Module {
  let path: ModulePath
  let conv: Conv2d, bn: BatchNorm
  let mistake: Mistake

  init(
    _ w: WeightScope, in inputs: Int, out: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
    _ mistake: Mistake
  ) throws {
    path = w.path
    self.mistake = mistake
    conv = try Conv2d(
      w / "conv", in: inputs, out: out, kernel: Pair(kernel), stride: Pair(stride),
      padding: Padding(padding, padding), bias: .absent)
    bn = try BatchNorm(
      w / "bn", channels: out, epsilon: mistake == .googlenetNormEps ? 1e-5 : 1e-3)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try bn(conv(x))
    return mistake == .googlenetReluForgotten ? y : try y.activated(.relu)
  }
}

/// torchvision's `Inception`.
struct Inception: Module {
  let path: ModulePath
  let branch1: BasicConv2d, branch2: Sequential, branch3: Sequential, branch4: Sequential
  let mistake: Mistake

  init(
    _ w: WeightScope, in inputs: Int, _ c1: Int, _ r3: Int, _ c3: Int, _ r5: Int, _ c5: Int,
    _ p: Int, _ mistake: Mistake
  ) throws {
    path = w.path
    self.mistake = mistake
    branch1 = try BasicConv2d(w / "branch1", in: inputs, out: c1, kernel: 1, mistake)
    branch2 = try Sequential(
      w / "branch2", { try BasicConv2d($0, in: inputs, out: r3, kernel: 1, mistake) },
      { try BasicConv2d($0, in: r3, out: c3, kernel: 3, padding: 1, mistake) })
    branch3 = try Sequential(
      w / "branch3", { try BasicConv2d($0, in: inputs, out: r5, kernel: 1, mistake) },
      { try BasicConv2d($0, in: r5, out: c5, kernel: 3, padding: 1, mistake) })
    branch4 = try Sequential(
      w / "branch4",
      {
        if mistake == .googlenetBranchAveragePool {
          return AvgPool2d($0, kernel: 3, stride: 1, padding: 1)
        }
        return MaxPool2d($0, kernel: 3, stride: 1, padding: 1, ceilMode: true)
      },
      { try BasicConv2d($0, in: inputs, out: p, kernel: 1, mistake) })
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let (a, b, c, d) = (try branch1(x), try branch2(x), try branch3(x), try branch4(x))
    let parts = mistake == .googlenetBranchOrder ? [a, b, d, c] : [a, b, c, d]
    return try Tensor.concatenated(parts, axis: 1)
  }
}

/// torchvision's `GoogLeNet` with `transform_input`, a quarter of the channels.
struct GoogLeNetPort: Module {
  let path: ModulePath
  let conv1: BasicConv2d, conv2: BasicConv2d, conv3: BasicConv2d
  let maxpool1: MaxPool2d, maxpool2: MaxPool2d, maxpool3: MaxPool2d, maxpool4: MaxPool2d
  let i3a: Inception, i3b: Inception
  let i4a: Inception, i4b: Inception, i4c: Inception, i4d: Inception, i4e: Inception
  let i5a: Inception, i5b: Inception
  let avgpool: AdaptiveAvgPool2d, dropout: Identity, fc: Linear
  let mistake: Mistake

  init(_ w: WeightScope, _ m: Mistake) throws {
    path = w.path
    mistake = m
    conv1 = try BasicConv2d(w / "conv1", in: 3, out: 16, kernel: 7, stride: 2, padding: 3, m)
    conv2 = try BasicConv2d(w / "conv2", in: 16, out: 16, kernel: 1, m)
    conv3 = try BasicConv2d(w / "conv3", in: 16, out: 48, kernel: 3, padding: 1, m)
    let ceil = m != .googlenetPoolFloor
    maxpool1 = MaxPool2d(w / "maxpool1", kernel: 3, stride: 2, ceilMode: ceil)
    maxpool2 = MaxPool2d(w / "maxpool2", kernel: 3, stride: 2, ceilMode: ceil)
    maxpool3 = MaxPool2d(w / "maxpool3", kernel: 3, stride: 2, ceilMode: ceil)
    maxpool4 = MaxPool2d(
      w / "maxpool4", kernel: m == .googlenetPoolKernel ? 3 : 2, stride: 2, ceilMode: ceil)
    i3a = try Inception(w / "inception3a", in: 48, 16, 24, 32, 4, 8, 8, m)
    i3b = try Inception(w / "inception3b", in: 64, 32, 32, 48, 8, 24, 16, m)
    i4a = try Inception(w / "inception4a", in: 120, 48, 24, 52, 4, 12, 16, m)
    i4b = try Inception(w / "inception4b", in: 128, 40, 28, 56, 6, 16, 16, m)
    i4c = try Inception(w / "inception4c", in: 128, 32, 32, 64, 6, 16, 16, m)
    i4d = try Inception(w / "inception4d", in: 128, 28, 36, 72, 8, 16, 16, m)
    i4e = try Inception(w / "inception4e", in: 132, 64, 40, 80, 8, 32, 32, m)
    i5a = try Inception(w / "inception5a", in: 208, 64, 40, 80, 8, 32, 32, m)
    i5b = try Inception(w / "inception5b", in: 208, 96, 48, 96, 12, 32, 32, m)
    avgpool = AdaptiveAvgPool2d(w / "avgpool", outputSize: 1)
    dropout = Identity.dropout(w / "dropout")
    fc = try Linear(w / "fc", in: 256, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = mistake == .googlenetInputNotTransformed ? x : try transformed(x)
    y = try maxpool2(conv3(conv2(maxpool1(conv1(y)))))
    y = try i4a(maxpool3(i3b(i3a(y))))
    y = try i4b(y)
    y = mistake == .googlenetBlockTwice ? try i4b(y) : try i4c(y)
    y = try i5b(i5a(maxpool4(i4e(i4d(y)))))
    return try fc(dropout(avgpool(y).flattened(from: 1)))
  }

  private func transformed(_ x: Tensor) throws -> Tensor {
    let planes = try x.split(3, axis: 1)
    return try Tensor.concatenated(
      [
        planes[0].affine(scale: 0.229 / 0.5, shift: (0.485 - 0.5) / 0.5),
        planes[1].affine(scale: 0.224 / 0.5, shift: (0.456 - 0.5) / 0.5),
        planes[2].affine(scale: 0.225 / 0.5, shift: (0.406 - 0.5) / 0.5),
      ], axis: 1)
  }
}
