import WeighbridgeNative

/// PyTorch's `BasicBlock`, timm/models/resnet.py:143.
struct BasicBlock: Module {
  let path: ModulePath
  let conv1, conv2: Conv2d
  let bn1, bn2: BatchNorm
  let dropBlock, aa: Identity
  let act1, act2: ReLU
  let downsample: (any UnaryModule)?

  init(
    _ w: WeightScope, inChannels: Int, outChannels: Int, stride: Int = 1, downsample: Build? = nil
  ) throws {
    path = w.path
    conv1 = try Conv2d(
      w / "conv1", in: inChannels, out: outChannels, kernel: 3, stride: Pair(stride), padding: 1,
      bias: .absent)
    bn1 = try BatchNorm(w / "bn1", channels: outChannels)
    dropBlock = Identity(w / "drop_block")
    act1 = ReLU(w / "act1")
    aa = Identity(w / "aa")
    conv2 = try Conv2d(
      w / "conv2", in: outChannels, out: outChannels, kernel: 3, padding: 1, bias: .absent)
    bn2 = try BatchNorm(w / "bn2", channels: outChannels)
    act2 = ReLU(w / "act2")
    self.downsample = try downsample?(w / "downsample")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let act1Output = try act1(dropBlock(bn1(conv1(x))))
    return try act2(bn2(conv2(aa(act1Output))) + (downsample?(x) ?? x))
  }
}
