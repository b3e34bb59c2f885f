import WeighbridgeModules

/// x += layer_scale_1·dw(norm1(x)), then x += layer_scale_2·mlp(norm2(x)); both norms are
/// GroupNorms with one group.
///
/// `linear` is registered and never called; newer checkpoints lack it.
struct LightMLPBlock: Module {
  let path: ModulePath
  private let scale1, scale2: Tensor
  private let norm1, norm2: GroupNorm
  private let depthwise: DepthwiseSeparable
  private let mlp: ConvolutionalMLP
  private let dropPath: Identity

  init(_ w: WeightScope, channels: Int) throws {
    path = w.path
    scale1 = try w.parameter("layer_scale_1", .vector, [channels])
    scale2 = try w.parameter("layer_scale_2", .vector, [channels])
    depthwise = try DepthwiseSeparable(w / "dw", channels: channels)
    let dead = (w / "linear").dead(because: "l_MLP.linear is registered and never called")
    for (name, role, shape) in [
      ("weight", ParameterRole.linearWeight, [channels, channels] as Shape),
      ("bias", .vector, [channels]),
    ] {
      _ = try dead.parameter(ifPresent: name, role, shape, byDefault: true)
    }
    norm1 = try GroupNorm(w / "norm1", groups: 1, channels: channels)
    norm2 = try GroupNorm(w / "norm2", groups: 1, channels: channels)
    mlp = try ConvolutionalMLP(w / "mlp", channels: channels, hidden: 4 * channels)
    dropPath = Identity(w / "drop_path")
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let x = try x + dropPath(scale1.expanded(toRank: 3) * depthwise(norm1(x)))
    return try x + dropPath(scale2.expanded(toRank: 3) * mlp(norm2(x)))
  }
}

/// A depthwise 1×1 convolution, then a pointwise one, each with its norm and SiLU: `dconv`, `pconv`.
private struct DepthwiseSeparable: Module {
  let path: ModulePath
  let dconv, pconv: NormedConvolution

  init(_ w: WeightScope, channels: Int) throws {
    path = w.path
    dconv = try NormedConvolution(
      w / "dconv", channels: channels, groups: channels)
    pconv = try NormedConvolution(w / "pconv", channels: channels, groups: 1)
  }

  var kind: String { "DWConv" }

  func forward(_ x: Tensor) throws -> Tensor { try pconv(dconv(x)) }
}

/// A 1×1 convolution without bias, its norm, SiLU: `conv`, `bn`, `act`.
private struct NormedConvolution: Module {
  let path: ModulePath
  let conv: Conv2d
  let bn: BatchNorm
  let act: SiLU

  init(_ w: WeightScope, channels: Int, groups: Int) throws {
    path = w.path
    conv = try Conv2d(
      w / "conv", in: channels, out: channels, kernel: 1, groups: groups, bias: .absent)
    bn = try BatchNorm(w / "bn", channels: channels)
    act = SiLU(w / "act")
  }

  var kind: String { "BaseConv" }

  func forward(_ x: Tensor) throws -> Tensor { try act(bn(conv(x))) }
}

/// Two 1×1 convolutions with a GELU between them; one dropout serves both.
private struct ConvolutionalMLP: Module {
  let path: ModulePath
  let fc1, fc2: Conv2d
  let act: GELU
  let drop: Identity

  init(_ w: WeightScope, channels: Int, hidden: Int) throws {
    path = w.path
    fc1 = try Conv2d(w / "fc1", in: channels, out: hidden, kernel: 1)
    act = GELU(w / "act")
    fc2 = try Conv2d(w / "fc2", in: hidden, out: channels, kernel: 1)
    drop = .dropout(w / "drop")
  }

  var kind: String { "Mlp" }

  func forward(_ x: Tensor) throws -> Tensor { try drop(fc2(drop(act(fc1(x))))) }
}
