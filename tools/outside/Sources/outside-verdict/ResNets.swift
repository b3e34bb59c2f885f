import Weighbridge

/// timm's `BasicBlock`.
struct BasicBlock: Module {
  let path: ModulePath
  let conv1: Conv2d, conv2: Conv2d
  let bn1: BatchNorm, bn2: BatchNorm
  let dropBlock: Identity, aa: Identity
  let act1: ReLU, act2: ReLU
  let downsample: (conv: Conv2d, norm: BatchNorm)?
  let downsamplePath: ModulePath
  let mistake: Mistake

  init(_ w: WeightScope, in inputs: Int, out: Int, stride: Int, _ mistake: Mistake) throws {
    path = w.path
    let late = mistake == .resnetStrideOnSecondConv
    let epsilon = mistake == .resnetNormEps ? 1e-3 : 1e-5
    conv1 = try Conv2d(
      w / "conv1", in: inputs, out: out, kernel: 3, stride: Pair(late ? 1 : stride), padding: 1,
      bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: out, epsilon: epsilon)
    conv2 = try Conv2d(
      w / "conv2", in: out, out: out, kernel: 3, stride: Pair(late ? stride : 1), padding: 1,
      bias: .absent)
    bn2 = try BatchNorm(w / "bn2", channels: out, epsilon: epsilon)
    (dropBlock, aa) = (Identity(w / "drop_block"), Identity(w / "aa"))
    (act1, act2) = (ReLU(w / "act1"), ReLU(w / "act2"))
    let d = w / "downsample"
    downsamplePath = d.path
    downsample =
      stride == 1 && inputs == out
      ? nil
      : (
        try Conv2d(d / 0, in: inputs, out: out, kernel: 1, stride: Pair(stride), bias: .absent),
        try BatchNorm(d / 1, channels: out, epsilon: epsilon)
      )
    self.mistake = mistake
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var shortcut = x
    if let downsample {
      shortcut = try downsample.conv(x)
      if mistake != .resnetShortcutWithoutNorm { shortcut = try downsample.norm(shortcut) }
    }
    let y = try bn2(conv2(aa(act1(dropBlock(bn1(conv1(x)))))))
    switch mistake {
    case .resnetReluBeforeSum: return try act2(y) + shortcut
    case .resnetNoReluAfterSum: return try y + shortcut
    default: return try act2(y + shortcut)
    }
  }
}

/// Blocks one after the other, with what goes wrong in loops.
struct Stage<Block: UnaryModule>: Module {
  let path: ModulePath
  var kind: String { "Sequential" }
  let blocks: [Block]
  var isReversed = false
  var skipsLast = false

  init(_ w: WeightScope, _ builders: [(WeightScope) throws -> Block]) throws {
    path = w.path
    blocks = try builders.enumerated().map { try $1(w / $0) }
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var order = isReversed ? blocks.reversed() : blocks
    if skipsLast { order.removeLast() }
    return try order.reduce(x) { try $1($0) }
  }
}

/// timm's `ResNet` of basic blocks.
struct ResNetPort: Module {
  let path: ModulePath
  let conv1: Conv2d, bn1: BatchNorm, act1: ReLU, maxpool: MaxPool2d
  let stages: [Stage<BasicBlock>]
  let pool: GlobalPool, fc: Linear
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    let padding: Padding =
      mistake == .resnetStemPadding ? Padding(top: 2, bottom: 3, left: 2, right: 3) : 3
    conv1 = try Conv2d(
      w / "conv1", in: 3, out: 64, kernel: 7, stride: 2, padding: padding, bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: 64)
    act1 = ReLU(w / "act1")
    maxpool =
      mistake == .resnetPoolPadding
      ? MaxPool2d(w / "maxpool", kernel: 3, stride: 2, padding: 0, ceilMode: true)
      : MaxPool2d(w / "maxpool", kernel: 3, stride: 2, padding: 1)
    let widths = [64, 64, 64, 64, 128]
    stages = try (1...4).map { i in
      var stage = try Stage<BasicBlock>(
        w / "layer\(i)",
        (0..<2).map { block in
          {
            try BasicBlock(
              $0, in: block == 0 ? widths[i - 1] : widths[i], out: widths[i],
              stride: block == 0 && i > 1 ? 2 : 1, mistake)
          }
        })
      if i == 1, mistake == .resnetBlocksReversed { stage.isReversed = true }
      if i == 4, mistake == .resnetLastBlockSkipped { stage.skipsLast = true }
      return stage
    }
    pool = GlobalPool(w / "global_pool", flatten: true)
    fc = try Linear(w / "fc", in: 128, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var x = x
    if mistake == .resnetBGR {
      let planes = try x.split(3, axis: 1)
      x = try Tensor.concatenated(planes.reversed(), axis: 1)
    }
    let y = try stages.reduce(maxpool(act1(bn1(conv1(x))))) { try $1($0) }
    return try fc(pool(y))
  }
}

/// timm's `Bottleneck` with groups and an averaging shortcut.
struct GroupedBottleneck: Module {
  let path: ModulePath
  var kind: String { "Bottleneck" }
  let conv1: Conv2d, conv2: Conv2d, conv3: Conv2d
  let bn1: BatchNorm, bn2: BatchNorm, bn3: BatchNorm
  let act1: ReLU, act2: ReLU, act3: ReLU
  let dropBlock: Identity, aa: Identity
  let downsample: Sequential?
  let mistake: Mistake

  init(
    _ w: WeightScope, in inputs: Int, width: Int, out: Int, stride: Int, isFirst: Bool,
    isLast: Bool, _ mistake: Mistake
  ) throws {
    path = w.path
    self.mistake = mistake
    conv1 = try Conv2d(w / "conv1", in: inputs, out: width, kernel: 1, bias: .absent)
    let spread = isLast && mistake == .resnextDilation ? 2 : 1
    conv2 = try Conv2d(
      w / "conv2", in: width, out: width, kernel: 3, stride: Pair(stride),
      padding: Padding(spread, spread), dilation: Pair(spread), groups: 4, bias: .absent)
    conv3 = try Conv2d(w / "conv3", in: width, out: out, kernel: 1, bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: width)
    bn2 = try BatchNorm(w / "bn2", channels: width)
    bn3 = try BatchNorm(w / "bn3", channels: out)
    (act1, act2, act3) = (ReLU(w / "act1"), ReLU(w / "act2"), ReLU(w / "act3"))
    (dropBlock, aa) = (Identity(w / "drop_block"), Identity(w / "aa"))
    let strided = mistake == .resnextStridedShortcut ? stride : 1
    downsample =
      isFirst
      ? try Sequential(
        w / "downsample",
        { w in
          if stride == 1 || mistake == .resnextStridedShortcut { return Identity(w) }
          return mistake == .resnextShortcutMaxPool
            ? MaxPool2d(w, kernel: 2, stride: 2)
            : AvgPool2d(w, kernel: 2, stride: 2, ceilMode: true, countIncludePad: false)
        },
        { try Conv2d($0, in: inputs, out: out, kernel: 1, stride: Pair(strided), bias: .absent) },
        { try BatchNorm($0, channels: out) })
      : nil
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try conv2(act1(bn1(conv1(x))))
    if mistake != .resnextSecondNormForgotten { y = try bn2(y) }
    y = try bn3(conv3(aa(act2(dropBlock(y)))))
    if downsample != nil, mistake == .resnextNoShortcut { return try act3(y) }
    let shortcut = try downsample?(x) ?? x
    if downsample == nil, mistake == .resnextShortcutTwice { y = try y + shortcut }
    return try act3(y + shortcut)
  }
}

/// timm's `ResNet` of bottlenecks with a deep stem.
struct ResNeXtPort: Module {
  let path: ModulePath
  let conv1: DeepStem, bn1: BatchNorm, act1: ReLU
  let maxpool: any UnaryModule
  let stages: [Stage<GroupedBottleneck>]
  let pool: GlobalPool, fc: Linear

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    conv1 = try DeepStem(w / "conv1", mistake)
    bn1 = try BatchNorm(w / "bn1", channels: 16)
    act1 = ReLU(w / "act1")
    maxpool =
      mistake == .resnextStemAveragePool
      ? AvgPool2d(w / "maxpool", kernel: 3, stride: 2, padding: 1)
      : MaxPool2d(w / "maxpool", kernel: 3, stride: 2, padding: 1)
    let widths = [0, 8, 16, 32, 64], outs = [16, 64, 128, 256, 512], depths = [0, 1, 2, 1, 1]
    stages = try (1...4).map { i in
      try Stage<GroupedBottleneck>(
        w / "layer\(i)",
        (0..<depths[i]).map { block in
          {
            try GroupedBottleneck(
              $0, in: block == 0 ? outs[i - 1] : outs[i], width: widths[i], out: outs[i],
              stride: block == 0 && i > 1 ? 2 : 1, isFirst: block == 0, isLast: i == 4, mistake)
          }
        })
    }
    pool = GlobalPool(
      w / "global_pool", flatten: true, isMaximum: mistake == .resnextGlobalMaxPool)
    fc = try Linear(w / "fc", in: 512, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try fc(pool(stages.reduce(maxpool(act1(bn1(conv1(x))))) { try $1($0) }))
  }
}

/// The stem of three convolutions, `nn.Sequential` in timm.
struct DeepStem: Module {
  let path: ModulePath
  var kind: String { "Sequential" }
  let convolutions: [Conv2d], norms: [BatchNorm], rectifiers: [ReLU]
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    convolutions = [
      try Conv2d(w / 0, in: 3, out: 8, kernel: 3, stride: 2, padding: 1, bias: .absent),
      try Conv2d(w / 3, in: 8, out: 8, kernel: 3, padding: 1, bias: .absent),
      try Conv2d(w / 6, in: 8, out: 16, kernel: 3, padding: 1, bias: .absent),
    ]
    norms = [try BatchNorm(w / 1, channels: 8), try BatchNorm(w / 4, channels: 8)]
    rectifiers = [ReLU(w / 2), ReLU(w / 5)]
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try rectifiers[0](norms[0](convolutions[0](x)))
    var z = try norms[1](convolutions[1](y))
    if mistake != .resnextStemReluForgotten { z = try rectifiers[1](z) }
    return try convolutions[2](z)
  }
}
