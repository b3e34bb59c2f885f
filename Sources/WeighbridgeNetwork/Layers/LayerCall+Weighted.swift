extension LayerCall {
  /// A layer with parameters.
  func weighted(_ w: WeightScope) throws -> (any UnaryModule)? {
    guard let weight = shape("weight") else { return nil }
    let hasBoth = own == ["weight", "bias"]
    switch (name, weight.count) {
    case ("conv2d", 4): return try convolution(w, weight)
    case ("conv1d", 3): return try rowConvolution(w, weight)
    case ("conv_transpose2d", 4): return try transposedConvolution(w, weight)
    case ("linear", 2):
      return try Linear(w, in: weight[1], out: weight[0], bias: bias)
    case ("embedding", 2):
      return try Embedding(w, count: weight[0], features: weight[1])
    case ("prelu", 1):
      return try PReLU(w, channels: weight[0])
    case ("batch_norm", 1):
      guard own == ["weight", "bias", "running_mean", "running_var"],
        try !arguments.flag("training")
      else { return nil }
      return try BatchNorm(
        w, channels: weight[0], epsilon: arguments.number("eps"), kind: node.kind)
    case ("layer_norm", 1) where hasBoth:
      guard try arguments.integers("normalized_shape") == weight else { return nil }
      return try LayerNorm(w, features: weight[0], epsilon: arguments.number("eps"))
    case ("group_norm", 1) where hasBoth:
      return try GroupNorm(
        w, groups: arguments.integer("num_groups"), channels: weight[0],
        epsilon: arguments.number("eps"))
    case ("rms_norm", 1):
      guard try arguments.integers("normalized_shape") == weight else { return nil }
      return try RMSNorm(
        w, features: weight[0],
        epsilon: arguments.isNone("eps") ? nil : arguments.number("eps"))
    default: return nil
    }
  }

  private func convolution(_ w: WeightScope, _ weight: [Int]) throws -> (any UnaryModule)? {
    let geometry = try Vocabulary.convolution(arguments, kernel: Array(weight[2...]))
    guard let inputs = channels(weight[1], geometry.groups, dividing: weight[0]) else { return nil }
    return try Conv2d(
      w, in: inputs, out: weight[0], kernel: Pair(weight[2], weight[3]),
      stride: geometry.stride, padding: geometry.padding, dilation: geometry.dilation,
      groups: geometry.groups, bias: bias)
  }

  private func rowConvolution(_ w: WeightScope, _ weight: [Int]) throws -> (any UnaryModule)? {
    let geometry = try Vocabulary.convolution(arguments, kernel: [1, weight[2]])
    guard let inputs = channels(weight[1], geometry.groups, dividing: weight[0]),
      geometry.padding.left == geometry.padding.right
    else { return nil }
    return try Conv1d(
      w, in: inputs, out: weight[0], kernel: weight[2], stride: geometry.stride.width,
      padding: geometry.padding.left, dilation: geometry.dilation.width,
      groups: geometry.groups, bias: bias)
  }

  private func transposedConvolution(
    _ w: WeightScope, _ weight: [Int]
  ) throws -> (any UnaryModule)? {
    let geometry = try Vocabulary.transposedConvolution(arguments)
    guard let outputs = channels(weight[1], geometry.groups, dividing: weight[0]) else {
      return nil
    }
    return try ConvTranspose2d(
      w, in: weight[0], out: outputs, kernel: Pair(weight[2], weight[3]),
      stride: geometry.stride, padding: geometry.padding,
      outputPadding: geometry.outputPadding, dilation: geometry.dilation,
      groups: geometry.groups, bias: bias)
  }

  /// All channels, of which each group has some.
  private func channels(_ each: Int, _ groups: Int, dividing other: Int) -> Int? {
    let (all, overflow) = each.multipliedReportingOverflow(by: groups)
    return groups > 0 && !overflow && other % groups == 0 ? all : nil
  }
}
