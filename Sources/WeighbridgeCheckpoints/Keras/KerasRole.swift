import WeighbridgeTensors

/// What the variables of one layer of Keras are in PyTorch: Keras keeps kernels as HWIO and [in, out],
/// and calls a norm's weight gamma.
struct KerasRole {
  let layer: [String]
  /// The layer's class, where it is known.
  let kind: String?
  /// The layer's variables.
  let siblings: [String: Shape]
  /// How the inputs of a dense layer were flattened.
  var flattening = KerasNetwork.Flattening.none

  func form(_ name: String, _ shape: Shape) -> EntryForm? {
    if layer.first == "optimizer" || layer.first == "optimizer_weights" {
      return .beside("the optimizer's state")
    }
    if name.contains("seed_generator") || layer.last == "seed_generator" {
      return .beside("the state of a random generator")
    }
    switch name {
    case "gamma": return parameter("weight")
    case "beta": return parameter("bias")
    case "moving_mean": return parameter("running_mean")
    case "moving_variance": return parameter("running_var")
    case "embeddings": return parameter("weight")
    case "bias": return parameter(isSeparable ? "pointwise.bias" : "bias")
    case "depthwise_kernel":
      return depthwise(shape).map { parameter(isSeparable ? "depthwise.weight" : "weight", $0) }
    case "pointwise_kernel":
      return kernel(shape).map { parameter("pointwise.weight", $0) }
    case "kernel" where shape.rank == 2: return matrix(shape)
    case "kernel": return ordered(shape).map { parameter("weight", $0) }
    default: return nil
    }
  }

  /// How many channels the images have that a kernel of two axes of space makes.
  func channels(_ name: String, _ shape: Shape) -> Int? {
    guard shape.rank == 4, name.hasSuffix("kernel"), name != "depthwise_kernel" || !isSeparable
    else { return nil }
    let isDepthwise = name == "depthwise_kernel" || name == "kernel" && isDepthwise(shape) == true
    return isDepthwise ? shape[2] &* shape[3] : shape[3]
  }

  private var isSeparable: Bool { siblings["pointwise_kernel"] != nil }

  private func parameter(_ name: String, _ steps: [EntryForm.Step] = []) -> EntryForm {
    .parameter((layer + [name]).joined(separator: "."), steps)
  }

  private func ordered(_ shape: Shape) -> [EntryForm.Step]? {
    guard shape.rank == 4 else { return kernel(shape) }
    switch isDepthwise(shape) {
    case true?: return depthwise(shape)
    case false?: return kernel(shape)
    case nil: return []  // asked, when the shape does not fit
    }
  }

  /// Whether a kernel is a depthwise convolution's: Keras 3 calls those kernels, too. `nil` where
  /// neither the class nor the bias tells.
  private func isDepthwise(_ shape: Shape) -> Bool? {
    if let kind {
      if kind.hasPrefix("depthwise_conv") { return true }
      if kind.hasPrefix("conv") { return false }
    }
    let automatic = layer.last.map { KerasNetwork.kind(ofName: $0) } ?? ""
    if automatic.hasPrefix("depthwise_conv") { return true }
    if let bias = siblings["bias"], bias.rank == 1 {
      if bias[0] == shape[3] && bias[0] != shape[2] &* shape[3] { return false }
      if bias[0] == shape[2] &* shape[3] && bias[0] != shape[3] { return true }
    }
    return shape[3] == 1 && shape[2] > 1 && kind == nil ? nil : false
  }

  /// [H, W, C, M] as [C·M, 1, H, W]: the outputs of a channel stand together in both.
  private func depthwise(_ shape: Shape) -> [EntryForm.Step]? {
    guard shape.rank == 4 else { return nil }
    return [
      .permute([2, 3, 0, 1]), .reshape([shape[2] &* shape[3], 1, shape[0], shape[1]]),
    ]
  }

  /// [H, W, in, out] as [out, in, H, W], and with as many axes of space as there are; a transposed
  /// convolution's [H, W, out, in] becomes PyTorch's [in, out, H, W] the same way.
  private func kernel(_ shape: Shape) -> [EntryForm.Step]? {
    guard (3...5).contains(shape.rank) else { return nil }
    let space = shape.rank - 2
    return [.permute([space + 1, space] + Array(0..<space))]
  }

  /// [in, out] as [out, in]; where the inputs are a flattened image, from channels last to channels
  /// first.
  private func matrix(_ shape: Shape) -> EntryForm {
    func flattened(_ channels: Int) -> [EntryForm.Step] {
      [
        .reshape([shape[0] / channels, channels, shape[1]]), .permute([2, 1, 0]),
        .reshape([shape[1], shape[0]]),
      ]
    }
    let plain = [EntryForm.Step.permute([1, 0])]
    switch flattening {
    case .none: return parameter("weight", plain)
    case .channels(let channels):
      // An image of one pixel, or of one channel, is the same in both orders.
      guard channels > 1, shape[0] > channels, shape[0] % channels == 0 else {
        return parameter("weight", plain)
      }
      return parameter("weight", flattened(channels))
    case .unknown(let choices):
      let ways = choices.filter { $0 > 1 && shape[0] > $0 && shape[0] % $0 == 0 }
        .prefix(8).map(flattened)
      guard !ways.isEmpty else { return parameter("weight", plain) }
      return .undecided(
        (layer + ["weight"]).joined(separator: "."), ways: [plain] + ways,
        reason: "a flattened image may come to it, and the file does not tell")
    }
  }
}
