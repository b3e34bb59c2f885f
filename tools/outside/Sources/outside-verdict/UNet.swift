import Weighbridge

/// Two convolutions with their norms.
struct DoubleConv: Module {
  struct Layers: Module {
    let path: ModulePath
    var kind: String { "Sequential" }
    let conv0: Conv2d, conv3: Conv2d
    let norm1: BatchNorm, norm4: BatchNorm
    let act2: any UnaryModule, act5: any UnaryModule
    let usesOneNorm: Bool

    init(_ w: WeightScope, in inputs: Int, out: Int, _ mistake: Mistake, usesOneNorm: Bool) throws {
      path = w.path
      conv0 = try Conv2d(w / 0, in: inputs, out: out, kernel: 3, padding: 1, bias: .absent)
      norm1 = try BatchNorm(w / 1, channels: out)
      conv3 = try Conv2d(w / 3, in: out, out: out, kernel: 3, padding: 1, bias: .absent)
      norm4 = try BatchNorm(w / 4, channels: out)
      func act(_ w: WeightScope) -> any UnaryModule {
        mistake == .unetLeakyRelu
          ? ActivationLayer(w, .leakyReLU(slope: 0.01), kind: "LeakyReLU") : ReLU(w)
      }
      (act2, act5) = (act(w / 2), act(w / 5))
      self.usesOneNorm = usesOneNorm
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let y = try conv3(act2(norm1(conv0(x))))
      return try act5(usesOneNorm ? norm1(y) : norm4(y))
    }
  }

  let path: ModulePath
  let layers: Layers

  init(_ w: WeightScope, in inputs: Int, out: Int, _ mistake: Mistake, usesOneNorm: Bool = false)
    throws
  {
    path = w.path
    layers = try Layers(
      w / "double_conv", in: inputs, out: out, mistake, usesOneNorm: usesOneNorm)
  }

  func forward(_ x: Tensor) throws -> Tensor { try layers(x) }
}

/// Pooling, then two convolutions.
struct Down: Module {
  let path: ModulePath
  let layers: Sequential

  init(_ w: WeightScope, in inputs: Int, out: Int, _ mistake: Mistake, isFirst: Bool = false) throws
  {
    path = w.path
    layers = try Sequential(
      w / "maxpool_conv",
      {
        if isFirst && mistake == .unetAveragePool { return AvgPool2d($0, kernel: 2) }
        return MaxPool2d($0, kernel: 2)
      },
      {
        try DoubleConv(
          $0, in: inputs, out: out, mistake,
          usesOneNorm: isFirst && mistake == .unetOneNormForTwo)
      })
  }

  func forward(_ x: Tensor) throws -> Tensor { try layers(x) }
}

/// PyTorch's `nn.Upsample(scale_factor=2)`, written with the matrices of interpolation.
struct Upsample: Module {
  enum Mode { case bilinear(alignCorners: Bool), nearest }

  let path: ModulePath
  let mode: Mode

  init(_ w: WeightScope, _ mode: Mode) {
    path = w.path
    self.mode = mode
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let rows = try matrix(x.shape[2]), columns = try matrix(x.shape[3])
    return try rows.matmul(x).matmul(columns.transposed())
  }

  /// [2·size, size]: how much each input counts for each output.
  private func matrix(_ size: Int) throws -> Tensor {
    var weights = [Float](repeating: 0, count: 2 * size * size)
    for row in 0..<(2 * size) {
      let position: Double
      switch mode {
      case .nearest: position = Double(row / 2)
      case .bilinear(alignCorners: true):
        position = Double(row) * Double(size - 1) / Double(2 * size - 1)
      case .bilinear(alignCorners: false): position = max(0, (Double(row) + 0.5) / 2 - 0.5)
      }
      let low = min(Int(position), size - 1), high = min(low + 1, size - 1)
      weights[row * size + low] += Float(1 - (position - Double(low)))
      weights[row * size + high] += Float(position - Double(low))
    }
    return try Tensor(weights, shape: [2 * size, size])
  }
}

/// Upsampling, the skip connection, two convolutions.
struct Up: Module {
  let path: ModulePath
  let up: Upsample, conv: DoubleConv
  let mistake: Mistake

  init(_ w: WeightScope, in inputs: Int, out: Int, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    let mode: Upsample.Mode =
      switch mistake {
      case .unetNearest: .nearest
      case .unetAlignCorners: .bilinear(alignCorners: false)
      default: .bilinear(alignCorners: true)
      }
    up = Upsample(w / "up", mode)
    conv = try DoubleConv(w / "conv", in: inputs, out: out, mistake)
  }

  func forward(_ input: Several) throws -> Tensor {
    let x = try up(input.tensors[0]), skip = input.tensors[1]
    let parts = mistake == .unetConcatOrder ? [x, skip] : [skip, x]
    return try conv(Tensor.concatenated(parts, axis: 1))
  }
}

struct OutConv: Module {
  let path: ModulePath
  let conv: Conv2d

  init(_ w: WeightScope) throws {
    path = w.path
    conv = try Conv2d(w / "conv", in: 8, out: 4, kernel: 1)
  }

  func forward(_ x: Tensor) throws -> Tensor { try conv(x) }
}

struct UNetPort: Module {
  let path: ModulePath
  let mean: Tensor, deviation: Tensor
  let inc: DoubleConv
  let down1: Down, down2: Down, down3: Down
  let up1: Up, up2: Up, up3: Up
  let outc: OutConv
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    mean = try w.buffer("pixel_mean", .statistic, [1, 3, 1, 1])
    deviation = try w.buffer("pixel_std", .statistic, [1, 3, 1, 1])
    inc = try DoubleConv(w / "inc", in: 3, out: 8, mistake)
    down1 = try Down(w / "down1", in: 8, out: 16, mistake, isFirst: true)
    down2 = try Down(w / "down2", in: 16, out: 32, mistake)
    down3 = try Down(w / "down3", in: 32, out: 32, mistake)
    up1 = try Up(w / "up1", in: 64, out: 16, mistake)
    up2 = try Up(w / "up2", in: 32, out: 8, mistake)
    up3 = try Up(w / "up3", in: 16, out: 8, mistake)
    outc = try OutConv(w / "outc")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var x = x
    if mistake != .unetPixelsNotScaled { x = try x.affine(scale: 1 / 255) }
    if mistake != .unetNotNormalised { x = try (x - mean) / deviation }
    let x1 = try inc(x)
    let x2 = try down1(x1)
    let x3 = try down2(x2)
    let x4 = try down3(x3)
    let y1 = try up1(Several([x4, x3]))
    let y2 = try up2(Several([y1, x2]))
    let y3 = try up3(Several([y2, x1]))
    let y = try outc(y3)
    return mistake == .unetSigmoidAtTheEnd ? try y.activated(.sigmoid) : y
  }
}
