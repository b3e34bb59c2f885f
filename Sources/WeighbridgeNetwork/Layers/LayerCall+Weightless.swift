extension LayerCall {
  /// A layer without parameters.
  func weightless(_ w: WeightScope) throws -> (any UnaryModule)? {
    guard own.isEmpty else { return nil }
    if let activation = try activation() { return layer(w, activation) }
    let a = arguments
    switch name {
    case "softmax":
      guard try a.dtype() == nil, !a.isNone("dim") else { return nil }
      return Softmax(w, axis: try a.integer("dim"))
    case "max_pool2d":
      let geometry = try Vocabulary.maximumPooling(a)
      return MaxPool2d(
        w, kernel: geometry.kernel, stride: geometry.stride, padding: geometry.padding,
        dilation: geometry.dilation, ceilMode: geometry.ceilMode)
    case "avg_pool2d":
      let geometry = try Vocabulary.averagePooling(a)
      return AvgPool2d(
        w, kernel: geometry.kernel, stride: geometry.stride, padding: geometry.padding,
        ceilMode: geometry.ceilMode, countIncludePad: try a.flag("count_include_pad"))
    case "adaptive_avg_pool2d":
      return AdaptiveAvgPool2d(w, outputSize: try Vocabulary.adaptiveSize(a))
    case "flatten":
      return Flatten(
        w, from: try a.integer("start_dim", default: 0),
        through: try a.integer("end_dim", default: -1))
    case "interpolate":
      return Upsample(
        w, to: try Vocabulary.target(a), try Vocabulary.interpolation(a))
    case "pixel_shuffle": return PixelShuffle(w, factor: try a.integer("upscale_factor"))
    case "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout":
      return try a.flag("training") ? nil : Dropout(w, kind: node.kind)
    default: return nil
    }
  }

  /// A layer by the name of its class where this package has it, so that its alternatives are known.
  private func layer(_ w: WeightScope, _ activation: Activation) -> any UnaryModule {
    switch (node.kind, activation) {
    case ("ReLU", .relu): ReLU(w)
    case ("GELU", .gelu): GELU(w)
    case ("GELU", .geluTanh): GELU(w, tanh: true)
    case ("SiLU", .silu): SiLU(w)
    case ("Sigmoid", .sigmoid): Sigmoid(w)
    case ("Tanh", .tanh): Tanh(w)
    case ("ReLU6", .relu6): ReLU6(w)
    case ("Hardswish", .hardSwish): Hardswish(w)
    case ("Hardsigmoid", .hardSigmoid): Hardsigmoid(w)
    case ("Softplus", .softplus): Softplus(w)
    case ("LeakyReLU", .leakyReLU(let slope)): LeakyReLU(w, slope: slope)
    case ("ELU", .elu(let alpha)): ELU(w, alpha: alpha)
    default: ActivationLayer(w, activation, kind: node.kind)
    }
  }

  /// The activation function that the call is.
  private func activation() throws -> Activation? {
    let a = arguments
    switch name {
    case "relu": return .relu
    case "relu6": return .relu6
    case "silu": return .silu
    case "sigmoid": return .sigmoid
    case "tanh": return .tanh
    case "hardswish": return .hardSwish
    case "hardsigmoid": return .hardSigmoid
    case "gelu":
      switch a.isNone("approximate") ? "none" : try a.text("approximate") {
      case "none": return .gelu
      case "tanh": return .geluTanh
      default: return nil
      }
    case "leaky_relu": return .leakyReLU(slope: try a.number("negative_slope"))
    case "elu": return .elu(alpha: try a.number("alpha", default: 1))
    case "hardtanh":
      return try a.number("min_val") == 0 && a.number("max_val") == 6 ? .relu6 : nil
    case "softplus":
      return try a.number("beta", default: 1) == 1 && a.number("threshold", default: 20) == 20
        ? .softplus : nil
    default: return nil
    }
  }
}
