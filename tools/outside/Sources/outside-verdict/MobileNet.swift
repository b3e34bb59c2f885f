import Weighbridge

/// torchvision's `Conv2dNormActivation`.
struct ConvNormAct: Module {
  let path: ModulePath
  var kind: String { "Conv2dNormActivation" }
  let conv: Conv2d, norm: BatchNorm
  let activation: (any UnaryModule)?

  init(
    _ w: WeightScope, in inputs: Int, out: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
    padding: Padding? = nil, epsilon: Double, activation: ((WeightScope) -> any UnaryModule)?
  ) throws {
    path = w.path
    conv = try Conv2d(
      w / 0, in: inputs, out: out, kernel: Pair(kernel), stride: Pair(stride),
      padding: padding ?? Padding((kernel - 1) / 2, (kernel - 1) / 2), groups: groups,
      bias: .absent)
    norm = try BatchNorm(w / 1, channels: out, epsilon: epsilon)
    self.activation = activation?(w / 2)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try norm(conv(x))
    return try activation?(y) ?? y
  }
}

/// torchvision's `SqueezeExcitation`.
struct SqueezeExcitation: Module {
  let path: ModulePath
  let avgpool: AdaptiveAvgPool2d
  let fc1: Conv2d, fc2: Conv2d
  let activation: any UnaryModule, scaleActivation: any UnaryModule

  init(_ w: WeightScope, channels: Int, squeezed: Int, _ mistake: Mistake) throws {
    path = w.path
    avgpool = AdaptiveAvgPool2d(w / "avgpool", outputSize: 1)
    fc1 = try Conv2d(w / "fc1", in: channels, out: squeezed, kernel: 1)
    fc2 = try Conv2d(w / "fc2", in: squeezed, out: channels, kernel: 1)
    let a = w / "activation", s = w / "scale_activation"
    activation =
      mistake == .mobilenetGateHardswish
      ? ActivationLayer(a, .hardSwish, kind: "Hardswish") : ReLU(a)
    scaleActivation =
      mistake == .mobilenetGateSigmoid
      ? Sigmoid(s) : ActivationLayer(s, .hardSigmoid, kind: "Hardsigmoid")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try scaleActivation(fc2(activation(fc1(avgpool(x))))) * x
  }
}

/// torchvision's `InvertedResidual` of MobileNetV3.
struct InvertedResidual: Module {
  struct Setting {
    var input: Int, kernel: Int, expanded: Int, out: Int, squeezed: Int?, hard: Bool, stride: Int
  }

  let path: ModulePath
  let block: Layers
  let isResidual: Bool

  init(_ w: WeightScope, _ s: Setting, _ mistake: Mistake) throws {
    path = w.path
    block = try Layers(w / "block", s, mistake)
    isResidual = s.stride == 1 && s.input == s.out && mistake != .mobilenetNoResidual
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try block(x)
    return isResidual ? try y + x : y
  }

  struct Layers: Module {
    let path: ModulePath
    var kind: String { "Sequential" }
    let before: [ConvNormAct]
    let gate: SqueezeExcitation?
    let project: ConvNormAct
    let skipsGate: Bool

    init(_ w: WeightScope, _ s: Setting, _ mistake: Mistake) throws {
      path = w.path
      let epsilon = mistake == .mobilenetNormEps ? 1e-5 : 1e-3
      let activation: (WeightScope) -> any UnaryModule = {
        s.hard ? hardSwish($0, mistake) : ReLU($0)
      }
      var before: [ConvNormAct] = []
      if s.expanded != s.input {
        before.append(
          try ConvNormAct(
            w / 0, in: s.input, out: s.expanded, kernel: 1, epsilon: epsilon,
            activation: activation))
      }
      before.append(
        try ConvNormAct(
          w / before.count, in: s.expanded, out: s.expanded, kernel: s.kernel, stride: s.stride,
          groups: s.expanded, epsilon: epsilon, activation: activation))
      gate = try s.squeezed.map {
        try SqueezeExcitation(w / before.count, channels: s.expanded, squeezed: $0, mistake)
      }
      project = try ConvNormAct(
        w / (before.count + (gate == nil ? 0 : 1)), in: s.expanded, out: s.out, kernel: 1,
        epsilon: epsilon, activation: mistake == .mobilenetProjectionActivated ? activation : nil)
      self.before = before
      skipsGate = mistake == .mobilenetGateForgotten && s.stride == 2 && s.out == 24
    }

    func forward(_ x: Tensor) throws -> Tensor {
      var y = try before.reduce(x) { try $1($0) }
      if let gate, !skipsGate { y = try gate(y) }
      return try project(y)
    }
  }
}

private func hardSwish(_ w: WeightScope, _ mistake: Mistake) -> any UnaryModule {
  mistake == .mobilenetSwish ? SiLU(w) : ActivationLayer(w, .hardSwish, kind: "Hardswish")
}

/// torchvision's `MobileNetV3`, small, half the width.
struct MobileNetPort: Module {
  let path: ModulePath
  let features: Stage<AnyLayer>
  let avgpool: AdaptiveAvgPool2d
  let classifier: Classifier

  /// A child of `features`: a convolution or a block.
  struct AnyLayer: Module {
    let path: ModulePath
    let kind: String
    let layer: any UnaryModule

    init(_ layer: any UnaryModule) {
      (path, kind, self.layer) = (layer.path, layer.kind, layer)
    }

    func forward(_ x: Tensor) throws -> Tensor { try layer.forward(x) }
  }

  struct Classifier: Module {
    let path: ModulePath
    var kind: String { "Sequential" }
    let hidden: Linear, activation: any UnaryModule, drop: Identity, out: Linear
    let skipsActivation: Bool

    init(_ w: WeightScope, _ mistake: Mistake) throws {
      path = w.path
      hidden = try Linear(w / 0, in: 288, out: 512)
      activation = hardSwish(w / 1, mistake)
      drop = Identity.dropout(w / 2)
      out = try Linear(w / 3, in: 512, out: 10)
      skipsActivation = mistake == .mobilenetClassifierActivationForgotten
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let y = try hidden(x)
      return try out(drop(skipsActivation ? y : activation(y)))
    }
  }

  private static let settings: [InvertedResidual.Setting] = [
    .init(input: 8, kernel: 3, expanded: 8, out: 8, squeezed: 8, hard: false, stride: 2),
    .init(input: 8, kernel: 3, expanded: 40, out: 16, squeezed: nil, hard: false, stride: 2),
    .init(input: 16, kernel: 3, expanded: 48, out: 16, squeezed: nil, hard: false, stride: 1),
    .init(input: 16, kernel: 5, expanded: 48, out: 24, squeezed: 16, hard: true, stride: 2),
    .init(input: 24, kernel: 5, expanded: 120, out: 24, squeezed: 32, hard: true, stride: 1),
    .init(input: 24, kernel: 5, expanded: 120, out: 24, squeezed: 32, hard: true, stride: 1),
    .init(input: 24, kernel: 5, expanded: 64, out: 24, squeezed: 16, hard: true, stride: 1),
    .init(input: 24, kernel: 5, expanded: 72, out: 24, squeezed: 24, hard: true, stride: 1),
    .init(input: 24, kernel: 5, expanded: 144, out: 48, squeezed: 40, hard: true, stride: 2),
    .init(input: 48, kernel: 5, expanded: 288, out: 48, squeezed: 72, hard: true, stride: 1),
    .init(input: 48, kernel: 5, expanded: 288, out: 48, squeezed: 72, hard: true, stride: 1),
  ]

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    let epsilon = mistake == .mobilenetNormEps ? 1e-5 : 1e-3
    var builders: [(WeightScope) throws -> AnyLayer] = [
      {
        AnyLayer(
          try ConvNormAct(
            $0, in: 3, out: 8, kernel: 3, stride: 2,
            padding: mistake == .mobilenetSamePadding
              ? Padding(top: 0, bottom: 1, left: 0, right: 1) : nil,
            epsilon: epsilon, activation: { hardSwish($0, mistake) }))
      }
    ]
    builders += Self.settings.map { setting in
      { AnyLayer(try InvertedResidual($0, setting, mistake)) }
    }
    builders.append {
      AnyLayer(
        try ConvNormAct(
          $0, in: 48, out: 288, kernel: 1, epsilon: epsilon,
          activation: { mistake == .mobilenetLastRelu ? ReLU($0) : hardSwish($0, mistake) }))
    }
    features = try Stage(w / "features", builders)
    avgpool = AdaptiveAvgPool2d(w / "avgpool", outputSize: 1)
    classifier = try Classifier(w / "classifier", mistake)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try classifier(avgpool(features(x)).flattened(from: 1))
  }
}
