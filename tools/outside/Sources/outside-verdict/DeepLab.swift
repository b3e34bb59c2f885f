import Weighbridge

/// A convolution, its norm and its rectifier, `nn.Sequential` in torchvision.
private func atrous(_ w: WeightScope, rate: Int, declared: Int) throws -> Sequential {
  try Sequential(
    w,
    {
      try Conv2d(
        $0, in: 16, out: 16, kernel: 3, padding: Padding(declared, declared),
        dilation: Pair(rate), bias: .absent)
    },
    { try BatchNorm($0, channels: 16) }, { ReLU($0) })
}

/// torchvision's `ASPPPooling`.
struct ASPPPooling: Module {
  let path: ModulePath
  let pool: AdaptiveAvgPool2d, conv: Conv2d, norm: BatchNorm, relu: ReLU

  init(_ w: WeightScope) throws {
    path = w.path
    pool = AdaptiveAvgPool2d(w / 0, outputSize: 1)
    conv = try Conv2d(w / 1, in: 16, out: 16, kernel: 1, bias: .absent)
    norm = try BatchNorm(w / 2, channels: 16)
    relu = ReLU(w / 3)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    // Bilinear interpolation of one pixel is that pixel everywhere.
    try relu(norm(conv(pool(x)))).expanded(to: [x.shape[0], 16, x.shape[2], x.shape[3]])
  }
}

/// torchvision's `ASPP`.
struct ASPPPort: Module {
  let path: ModulePath
  var kind: String { "ASPP" }
  let branches: [any UnaryModule]
  let project: Sequential
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    let c = w / "convs"
    let rates =
      switch mistake {
      case .deeplabRatesSwapped: [2, 6, 4]
      case .deeplabNoDilation: [1, 1, 1]
      default: [2, 4, 6]
      }
    branches =
      [
        try Sequential(
          c / 0, { try Conv2d($0, in: 16, out: 16, kernel: 1, bias: .absent) },
          { try BatchNorm($0, channels: 16) }, { ReLU($0) })
      ]
      + (try rates.enumerated().map { try atrous(c / ($0 + 1), rate: $1, declared: $1) })
      + [try ASPPPooling(c / 4)]
    project = try Sequential(
      w / "project", { try Conv2d($0, in: 80, out: 16, kernel: 1, bias: .absent) },
      { try BatchNorm($0, channels: 16) }, { ReLU($0) }, { Identity.dropout($0) })
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var parts = try branches.map { try $0(x) }
    if mistake == .deeplabPooledFirst { parts.insert(parts.removeLast(), at: 0) }
    return try project(Tensor.concatenated(parts, axis: 1))
  }
}

struct DeepLabPort: Module {
  let path: ModulePath
  let backbone: Sequential, aspp: ASPPPort, head: Sequential

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    backbone = try Sequential(
      w / "backbone",
      { try Conv2d($0, in: 3, out: 8, kernel: 3, stride: 2, padding: 1, bias: .absent) },
      { try BatchNorm($0, channels: 8) }, { ReLU($0) },
      { try Conv2d($0, in: 8, out: 16, kernel: 3, stride: 2, padding: 1, bias: .absent) },
      { try BatchNorm($0, channels: 16) }, { ReLU($0) })
    aspp = try ASPPPort(w / "aspp", mistake)
    head = try Sequential(
      w / "head", { try Conv2d($0, in: 16, out: 16, kernel: 3, padding: 1, bias: .absent) },
      { try BatchNorm($0, channels: 16) }, { ReLU($0) },
      { try Conv2d($0, in: 16, out: 5, kernel: 1) })
  }

  func forward(_ x: Tensor) throws -> Tensor { try head(aspp(backbone(x))) }
}
