import Weighbridge

/// PyTorch's `nn.Flatten(1)`.
struct Flatten: Module {
  let path: ModulePath

  init(_ w: WeightScope) { path = w.path }

  func forward(_ x: Tensor) throws -> Tensor { try x.flattened(from: 1) }
}

/// Several tensors as one argument: a list, or a tensor and its skip connection.
struct Several: TensorBundle {
  var tensors: [Tensor]

  init(_ tensors: [Tensor]) { self.tensors = tensors }
  init(tensors: [Tensor]) { self.tensors = tensors }
}

/// timm's `LayerNorm2d`: the norm over the channels of [N, C, H, W].
struct LayerNorm2d: Module {
  let path: ModulePath
  let weight: Tensor, bias: Tensor
  let epsilon: Double

  init(_ w: WeightScope, channels: Int, epsilon: Double = 1e-6) throws {
    path = w.path
    weight = try w.parameter("weight", .vector, [channels])
    bias = try w.parameter("bias", .vector, [channels])
    self.epsilon = epsilon
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try x.permuted([0, 2, 3, 1])
      .layerNormalized(weight: weight, bias: bias, epsilon: epsilon)
      .permuted([0, 3, 1, 2])
  }
}

/// timm's `SelectAdaptivePool2d` with `pool_type="avg"`; flattens where it is told to.
struct GlobalPool: Module {
  let path: ModulePath
  var kind: String { "SelectAdaptivePool2d" }
  let pool: AdaptiveAvgPool2d
  let flatten: (any UnaryModule)
  let isMaximum: Bool

  init(_ w: WeightScope, flatten: Bool, isMaximum: Bool = false) {
    path = w.path
    pool = AdaptiveAvgPool2d(w / "pool", outputSize: 1)
    self.flatten = flatten ? Flatten(w / "flatten") : Identity(w / "flatten")
    self.isMaximum = isMaximum
  }

  func forward(_ x: Tensor) throws -> Tensor {
    if isMaximum {
      let size = Pair(x.shape[2], x.shape[3])
      return try flatten(x.pooled(PoolingGeometry(.maximum, kernel: size)))
    }
    return try flatten(pool(x))
  }
}

/// timm's `Mlp` on the last axis; with `isConvolution` on the channels of images.
struct Mlp: Module {
  enum Slip { case none, dropsActivation, scalesDropout }

  let path: ModulePath
  let fc1: any UnaryModule, fc2: any UnaryModule
  let act: any UnaryModule
  let drop1: Identity, norm: Identity, drop2: Identity
  let slip: Slip

  init(
    _ w: WeightScope, in inputs: Int, hidden: Int, isConvolution: Bool = false,
    activation: (WeightScope) -> any UnaryModule = { GELU($0) }, slip: Slip = .none
  ) throws {
    path = w.path
    if isConvolution {
      fc1 = try Conv2d(w / "fc1", in: inputs, out: hidden, kernel: 1)
      fc2 = try Conv2d(w / "fc2", in: hidden, out: inputs, kernel: 1)
    } else {
      fc1 = try Linear(w / "fc1", in: inputs, out: hidden)
      fc2 = try Linear(w / "fc2", in: hidden, out: inputs)
    }
    act = activation(w / "act")
    (drop1, drop2) = (Identity.dropout(w / "drop1"), Identity.dropout(w / "drop2"))
    norm = Identity(w / "norm")
    self.slip = slip
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try fc1(x)
    if slip != .dropsActivation { y = try act(y) }
    y = try drop1(y)
    if slip == .scalesDropout { y = try y.affine(scale: 0.9) }
    return try drop2(fc2(norm(y)))
  }
}
