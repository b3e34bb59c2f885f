import WeighbridgeModules

extension Sequential {
  /// The shortcut of a residual block that changes shape: `0` a 1×1 convolution with the block's
  /// stride and without bias, `1` its batch norm.
  static func shortcut(
    _ w: WeightScope, in inputs: Int, out outputs: Int, stride: Int
  ) throws -> Sequential {
    try Sequential(
      w,
      { try Conv2d($0, in: inputs, out: outputs, kernel: 1, stride: Pair(stride), bias: .absent) },
      { try BatchNorm($0, channels: outputs) })
  }
}

/// A residual stage as a module of its own, `layer1` … `layer4`: the first block changes width and
/// stride, the others keep both.
struct ResidualStage {
  /// Channels that come in.
  var inputs: Int
  /// Channels within the blocks, before expansion.
  var planes: Int
  /// How many times wider a block's output is than its planes.
  var expansion: Int
  /// The number of blocks.
  var count: Int
  /// The first block's stride.
  var stride: Int

  /// Channels that go out.
  var outputs: Int { planes * expansion }

  /// - Parameter block: Builds one block from its scope, input channels and stride.
  func build(
    _ w: WeightScope,
    _ block: @escaping (WeightScope, _ inputs: Int, _ stride: Int) throws -> any UnaryModule
  ) throws -> Sequential {
    try Sequential(
      w,
      (0..<count).map { index in
        { try block($0, index == 0 ? inputs : outputs, index == 0 ? stride : 1) }
      })
  }
}

extension Configuration {
  /// Infers whether the shortcut of a residual block has a convolution.
  mutating func inferDownsample(from shapes: StateDictShapes) throws {
    let downsamples = shapes.hasPrefix("downsample.")
    try infer(
      "downsample", .boolean(downsamples),
      evidence: downsamples ? "downsample.* is there" : "there is no downsample.*")
  }

  /// Checks that a residual block without a convolution on its shortcut keeps the shape.
  ///
  /// - Throws: `usage`, naming the rule and the values.
  func checkShortcut(inputs: Int, outputs: Int) throws {
    let stride = try positive("stride")
    guard try !boolean("downsample"), inputs != outputs || stride != 1 else { return }
    throw WeighbridgeError(
      .usage,
      "without downsample, \(architecture) needs stride 1 and as many channels in as out, got stride=\(stride), \(inputs) in and \(outputs) out"
    )
  }
}
