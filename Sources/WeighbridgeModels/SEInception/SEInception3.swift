import WeighbridgeModules

/// torchvision's `Inception3` (Szegedy et al. 2015) whose blocks also register an SELayer that they
/// never call: [N, 3, 299, 299] → logits [N, num_classes].
public struct Inception3: Module {
  /// The one size of images that fits.
  public static let imageSize = 299

  public let path: ModulePath
  package let transformsInput: Bool
  let stem: [any UnaryModule]
  let mixed: [any UnaryModule]
  let avgpool: AdaptiveAvgPool2d
  let dropout: Identity
  let fc: Linear
  package let softmax: Softmax?

  /// - Parameters:
  ///   - classes: The number of logits.
  ///   - auxiliary: Whether the checkpoint has an auxiliary head, which only training runs.
  ///   - transformsInput: torchvision's `transform_input`: whether images that are normalised as
  ///     ImageNet's are brought to mean and deviation ½ first.
  ///   - countsPadding: Whether the averages within blocks divide by 9 at the borders, too.
  ///   - endsInSoftmax: Whether the output is the softmax of the logits.
  public init(
    _ w: WeightScope, classes: Int = 1000, auxiliary: Bool = true, transformsInput: Bool = false,
    countsPadding: Bool = true, endsInSoftmax: Bool = false
  ) throws {
    path = w.path
    self.transformsInput = transformsInput
    stem = try [
      BasicConv2d(w / "Conv2d_1a_3x3", in: 3, out: 32, kernel: 3, stride: 2),
      BasicConv2d(w / "Conv2d_2a_3x3", in: 32, out: 32, kernel: 3),
      BasicConv2d(w / "Conv2d_2b_3x3", in: 32, out: 64, kernel: 3, padding: 1),
      MaxPool2d(w / "maxpool1", kernel: 3, stride: 2),
      BasicConv2d(w / "Conv2d_3b_1x1", in: 64, out: 80, kernel: 1),
      BasicConv2d(w / "Conv2d_4a_3x3", in: 80, out: 192, kernel: 3),
      MaxPool2d(w / "maxpool2", kernel: 3, stride: 2),
    ]
    let early: [any UnaryModule] = try [
      InceptionA(w / "Mixed_5b", in: 192, pool: 32, countsPadding: countsPadding),
      InceptionA(w / "Mixed_5c", in: 256, pool: 64, countsPadding: countsPadding),
      InceptionA(w / "Mixed_5d", in: 288, pool: 64, countsPadding: countsPadding),
      InceptionB(w / "Mixed_6a", in: 288),
      InceptionC(w / "Mixed_6b", in: 768, width: 128, countsPadding: countsPadding),
      InceptionC(w / "Mixed_6c", in: 768, width: 160, countsPadding: countsPadding),
      InceptionC(w / "Mixed_6d", in: 768, width: 160, countsPadding: countsPadding),
      InceptionC(w / "Mixed_6e", in: 768, width: 192, countsPadding: countsPadding),
    ]
    if auxiliary { try Inception3.describeAuxiliary(w / "AuxLogits", classes: classes) }
    let late: [any UnaryModule] = try [
      InceptionD(w / "Mixed_7a", in: 768),
      InceptionE(w / "Mixed_7b", in: 1280, countsPadding: countsPadding),
      InceptionE(w / "Mixed_7c", in: 2048, countsPadding: countsPadding),
    ]
    mixed = early + late
    avgpool = AdaptiveAvgPool2d(w / "avgpool", outputSize: 1)
    dropout = .dropout(w / "dropout")
    fc = try Linear(w / "fc", in: 2048, out: classes)
    softmax = endsInSoftmax ? Softmax(w / "softmax", axis: 1) : nil
  }

  /// Asks for the parameters of the auxiliary head, which only training runs.
  private static func describeAuxiliary(_ w: WeightScope, classes: Int) throws {
    let w = w.dead(because: "the auxiliary head runs in training only")
    _ = try BasicConv2d(w / "conv0", in: 768, out: 128, kernel: 1)
    _ = try BasicConv2d(w / "conv1", in: 128, out: 768, kernel: 5)
    _ = try Linear(w / "fc", in: 768, out: classes)
    try w.unusedSELayer(channel: 768)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try ended(logits(x))
  }

  /// The output for logits.
  package func ended(_ logits: Tensor) throws -> Tensor { try softmax?(logits) ?? logits }

  /// Before any softmax.
  package func logits(_ x: Tensor) throws -> Tensor {
    let size = Inception3.imageSize
    guard x.rank == 4, Array(x.shape.dropFirst()) == [3, size, size] else {
      throw WeighbridgeError(
        .shape, "se_inception3 takes [N, 3, \(size), \(size)], got \(x.shape)", entry: path.name)
    }
    return try classified(transformsInput ? transformed(x) : x)
  }

  /// The logits of images as the stem takes them.
  package func classified(_ x: Tensor) throws -> Tensor {
    let features = try (stem + mixed).reduce(x) { try $1($0) }
    return try fc(dropout(avgpool(features)).flattened(from: 1))
  }

  /// Channels normalised with ImageNet's mean and deviation brought to mean and deviation ½:
  /// x·(σ/½) + (μ − ½)/½.
  package func transformed(_ x: Tensor) throws -> Tensor {
    let deviation = [0.229, 0.224, 0.225].map { $0 / 0.5 }
    let mean = [0.485, 0.456, 0.406].map { ($0 - 0.5) / 0.5 }
    let scale = try Tensor(deviation, shape: [1, 3, 1, 1]).converted(to: x.dtype)
    let shift = try Tensor(mean, shape: [1, 3, 1, 1]).converted(to: x.dtype)
    return try x * scale + shift
  }
}

/// `Inception3` under the name `model`.
public struct SEInception3: Module {
  public let path: ModulePath
  package let model: Inception3

  /// - Parameters:
  ///   - classes: The number of logits.
  ///   - auxiliary: Whether the checkpoint has an auxiliary head, which only training runs.
  ///   - transformsInput: torchvision's `transform_input`: whether images that are normalised as
  ///     ImageNet's are brought to mean and deviation ½ first.
  ///   - countsPadding: Whether the averages within blocks divide by 9 at the borders, too.
  ///   - endsInSoftmax: Whether the output is the softmax of the logits.
  public init(
    _ w: WeightScope, classes: Int = 1000, auxiliary: Bool = true, transformsInput: Bool = false,
    countsPadding: Bool = true, endsInSoftmax: Bool = false
  ) throws {
    path = w.path
    model = try Inception3(
      w / "model", classes: classes, auxiliary: auxiliary, transformsInput: transformsInput,
      countsPadding: countsPadding, endsInSoftmax: endsInSoftmax)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try model(x) }
}

extension SEInception3: Architecture {
  public static let id = "se_inception3"
  public static let summary = "Inception v3 whose squeeze-and-excitation is never called"
  public static let keys: [ConfigurationKey] = [
    ConfigurationKey("num_classes", .integer, default: .integer(1000), inferred: true, "classes"),
    ConfigurationKey(
      "aux_logits", .boolean, default: .boolean(true), inferred: true,
      "whether there is an auxiliary head; it runs in training only"),
    ConfigurationKey(
      "transform_input", .boolean, default: .boolean(false),
      "whether ImageNet-normalised input is brought to mean and deviation 0.5 first"),
    ConfigurationKey(
      "count_include_pad", .boolean, default: .boolean(true),
      "whether the averages within blocks divide by 9 at the borders, too; Keras' do not"),
    ConfigurationKey(
      "softmax", .boolean, default: .boolean(false),
      "whether the output is the softmax of the logits, as with Keras"),
    .batchNormEpsilon, .batchNormScale,
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains(
      "model.Conv2d_1a_3x3.conv.weight", "model.Mixed_5b.branch1x1.conv.weight",
      "model.Mixed_5b.SELayer.fc.0.weight", "model.Mixed_7c.branch_pool.conv.weight",
      "model.fc.weight")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer(
      "num_classes", votes: [("model.fc.weight", 0), ("model.fc.bias", 0)], in: shapes)
    // Of a trunk alone that is known, too.
    guard shapes.hasPrefix("model.Mixed_7c.") else { return }
    let auxiliary = shapes.hasPrefix("model.AuxLogits.")
    try configuration.infer(
      "aux_logits", .boolean(auxiliary),
      evidence: auxiliary ? "model.AuxLogits.* is there" : "there is no model.AuxLogits.*")
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("num_classes")
  }

  /// From the keys in `keys`.
  ///
  /// - Throws: `usage` for a missing value, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    let w = try w.normalizing(as: configuration)
    try self.init(
      w, classes: configuration.integer("num_classes"),
      auxiliary: configuration.boolean("aux_logits"),
      transformsInput: configuration.boolean("transform_input"),
      countsPadding: configuration.boolean("count_include_pad"),
      endsInSoftmax: configuration.boolean("softmax"))
  }
}
