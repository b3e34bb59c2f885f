import Weighbridge

/// torchvision's `_DenseLayer`.
struct DenseLayer: Module {
  let path: ModulePath
  var kind: String { "_DenseLayer" }
  let norm1: BatchNorm, norm2: BatchNorm
  let relu1: ReLU, relu2: ReLU
  let conv1: Conv2d, conv2: Conv2d
  let mistake: Mistake

  init(_ w: WeightScope, in inputs: Int, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    norm1 = try BatchNorm(w / "norm1", channels: inputs)
    relu1 = ReLU(w / "relu1")
    conv1 = try Conv2d(w / "conv1", in: inputs, out: 16, kernel: 1, bias: .absent)
    norm2 = try BatchNorm(w / "norm2", channels: 16)
    relu2 = ReLU(w / "relu2")
    conv2 = try Conv2d(w / "conv2", in: 16, out: 8, kernel: 3, padding: 1, bias: .absent)
  }

  func forward(_ features: Several) throws -> Tensor {
    let parts =
      mistake == .densenetNewestFirst ? features.tensors.reversed() : features.tensors
    let y = try conv1(relu1(norm1(Tensor.concatenated(parts, axis: 1))))
    let z = mistake == .densenetReluBeforeNorm ? try norm2(relu2(y)) : try relu2(norm2(y))
    return try conv2(z)
  }
}

/// torchvision's `_DenseBlock`.
struct DenseBlock: Module {
  let path: ModulePath
  var kind: String { "_DenseBlock" }
  let layers: [DenseLayer]
  let mistake: Mistake

  init(_ w: WeightScope, in inputs: Int, count: Int, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    layers = try (0..<count).map {
      try DenseLayer(w / "denselayer\($0 + 1)", in: inputs + 8 * $0, mistake)
    }
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var features = [x]
    for layer in layers { features.append(try layer(Several(features))) }
    if mistake == .densenetBlockOutputOrder {
      features = Array(features.dropFirst()) + [x]
    }
    return try Tensor.concatenated(features, axis: 1)
  }
}

/// torchvision's `_Transition`.
struct Transition: Module {
  let path: ModulePath
  var kind: String { "_Transition" }
  let norm: BatchNorm, relu: ReLU, conv: Conv2d
  let pool: any UnaryModule

  init(_ w: WeightScope, in inputs: Int, _ mistake: Mistake) throws {
    path = w.path
    norm = try BatchNorm(w / "norm", channels: inputs)
    relu = ReLU(w / "relu")
    conv = try Conv2d(w / "conv", in: inputs, out: inputs / 2, kernel: 1, bias: .absent)
    pool =
      mistake == .densenetTransitionMaxPool
      ? MaxPool2d(w / "pool", kernel: 2, stride: 2) : AvgPool2d(w / "pool", kernel: 2, stride: 2)
  }

  func forward(_ x: Tensor) throws -> Tensor { try pool(conv(relu(norm(x)))) }
}

/// torchvision's `DenseNet.features`.
struct DenseFeatures: Module {
  let path: ModulePath
  var kind: String { "Sequential" }
  let conv0: Conv2d, norm0: BatchNorm, relu0: ReLU, pool0: MaxPool2d
  let block1: DenseBlock, block2: DenseBlock, block3: DenseBlock
  let transition1: Transition, transition2: Transition
  let norm5: BatchNorm
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    conv0 = try Conv2d(
      w / "conv0", in: 3, out: 16, kernel: 7, stride: 2, padding: 3, bias: .absent)
    norm0 = try BatchNorm(w / "norm0", channels: 16)
    relu0 = ReLU(w / "relu0")
    pool0 = MaxPool2d(
      w / "pool0", kernel: 3, stride: 2, padding: 1, ceilMode: mistake == .densenetPoolCeil)
    block1 = try DenseBlock(w / "denseblock1", in: 16, count: 2, mistake)
    transition1 = try Transition(w / "transition1", in: 32, mistake)
    block2 = try DenseBlock(w / "denseblock2", in: 16, count: 3, mistake)
    transition2 = try Transition(w / "transition2", in: 40, mistake)
    block3 = try DenseBlock(w / "denseblock3", in: 20, count: 2, mistake)
    norm5 = try BatchNorm(w / "norm5", channels: 36)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try transition1(block1(pool0(relu0(norm0(conv0(x))))))
    let z = try block3(transition2(block2(y)))
    return mistake == .densenetLastNormForgotten ? z : try norm5(z)
  }
}

/// torchvision's `DenseNet`.
struct DenseNetPort: Module {
  let path: ModulePath
  let features: DenseFeatures
  let classifier: Linear
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    features = try DenseFeatures(w / "features", mistake)
    classifier = try Linear(w / "classifier", in: 36, out: 10)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try features(x)
    if mistake != .densenetLastReluForgotten { y = try y.activated(.relu) }
    y = try y.adaptiveAveragePooled(to: 1).flattened(from: 1)
    return try classifier(y)
  }
}
