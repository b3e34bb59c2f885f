import WeighbridgeModules

/// One step of recurrent attention: looks at a location, updates its state, and says what it sees
/// and where to look next.
///
/// Inputs in order: images [B, C, H, W], locations [B, 2], state [B, H], and optionally ε [B, 2].
/// Several glimpses are several calls, each with the state and location of the one before.
public struct RecurrentAttention: Architecture {
  public let path: ModulePath
  private let sensor: GlimpseNetwork
  private let rnn: CoreNetwork
  private let locator: LocationNetwork
  private let classifier: ActionNetwork
  private let baseliner: BaselineNetwork

  /// From the keys `g`, `k`, `s`, `c`, `h_g`, `h_l`, `std`, `hidden_size` and `num_classes`.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    try Self.check(configuration)
    let hidden = try configuration.integer("hidden_size")
    path = w.path
    sensor = try GlimpseNetwork(w / "sensor", configuration)
    rnn = try CoreNetwork(w / "rnn", hidden: hidden)
    locator = try LocationNetwork(
      w / "locator", hidden: hidden, deviation: configuration.number("std"))
    classifier = try ActionNetwork(
      w / "classifier", hidden: hidden, classes: configuration.integer("num_classes"))
    baseliner = try BaselineNetwork(w / "baseliner", hidden: hidden)
  }

  public func forward(_ input: Input) throws -> Output {
    let state = try rnn(
      CoreNetwork.Input(
        glimpse: sensor(GlimpseInput(input.image, at: input.location)), state: input.state))
    let next = try locator(LocationNetwork.Input(state: state, noise: input.noise))
    let baseline = try baseliner(state)
    return Output(
      state: state, location: next.location, baseline: baseline,
      logProbabilities: try classifier(state), logDensity: next.logDensity)
  }

  /// What a step takes.
  public struct Input: TensorBundle {
    /// Images [B, C, H, W].
    public var image: Tensor
    /// Where to look, [B, 2] as (x, y) in −1…1.
    public var location: Tensor
    /// The state [B, H]; zeros before the first glimpse.
    public var state: Tensor
    /// ε [B, 2], the standard normal noise of the next location; `nil` for 0. The original draws it
    /// even in inference.
    public var noise: Tensor?

    /// - Parameters:
    ///   - image: [B, C, H, W].
    ///   - location: [B, 2] as (x, y) in −1…1.
    ///   - state: [B, H], zeros before the first glimpse.
    ///   - noise: ε [B, 2]; `nil` for 0.
    public init(image: Tensor, location: Tensor, state: Tensor, noise: Tensor? = nil) {
      (self.image, self.location, self.state, self.noise) = (image, location, state, noise)
    }

    public var tensors: [Tensor] { [image, location, state] + (noise.map { [$0] } ?? []) }

    public init(tensors: [Tensor]) throws {
      guard tensors.count == 3 || tensors.count == 4 else {
        throw WeighbridgeError(
          .shape,
          "recurrent attention takes images, locations, state and perhaps ε, got "
            + "\(tensors.count) tensors")
      }
      self.init(
        image: tensors[0], location: tensors[1], state: tensors[2],
        noise: tensors.count == 4 ? tensors[3] : nil)
    }
  }

  /// What a step gives.
  public struct Output: TensorBundle {
    /// The new state [B, H].
    public var state: Tensor
    /// Where to look next, [B, 2].
    public var location: Tensor
    /// The estimated value of the state, [B, 1].
    public var baseline: Tensor
    /// Logarithms of the class probabilities, [B, classes].
    public var logProbabilities: Tensor
    /// The logarithm of the next location's density, [B].
    public var logDensity: Tensor

    /// - Parameters:
    ///   - state: [B, H].
    ///   - location: [B, 2].
    ///   - baseline: [B, 1].
    ///   - logProbabilities: [B, classes].
    ///   - logDensity: [B].
    public init(
      state: Tensor, location: Tensor, baseline: Tensor, logProbabilities: Tensor,
      logDensity: Tensor
    ) {
      (self.state, self.location, self.baseline) = (state, location, baseline)
      (self.logProbabilities, self.logDensity) = (logProbabilities, logDensity)
    }

    public var tensors: [Tensor] { [state, location, baseline, logProbabilities, logDensity] }

    public init(tensors: [Tensor]) throws {
      guard tensors.count == 5 else {
        throw WeighbridgeError(
          .shape, "recurrent attention gives five outputs, got \(tensors.count)")
      }
      self.init(
        state: tensors[0], location: tensors[1], baseline: tensors[2],
        logProbabilities: tensors[3], logDensity: tensors[4])
    }
  }
}

extension RecurrentAttention {
  public static let id = "recurrent_attention"
  public static let summary = "Recurrent model of visual attention: one glimpse step"

  public static let keys: [ConfigurationKey] =
    retinaKeys(g: 8, k: 1, s: 1, inferred: true) + [
      .init("c", .integer, default: .integer(1), inferred: true, "channels of the image"),
      .init("h_g", .integer, default: .integer(128), inferred: true, "hidden width of the glimpse"),
      .init(
        "h_l", .integer, default: .integer(128), inferred: true, "hidden width of the location"),
      .init("std", .number, default: .number(0.05), "standard deviation of the next location"),
      .init("hidden_size", .integer, default: .integer(256), inferred: true, "width of the state"),
      .init("num_classes", .integer, default: .integer(10), inferred: true, "classes"),
    ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("sensor.fc1.weight", "rnn.h2h.weight", "locator.fc.weight")
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try GlimpseNetwork.infer(&configuration, under: "sensor.", from: shapes)
    try configuration.infer("hidden_size", extent: 0, of: "rnn.h2h.weight", in: shapes)
    try configuration.infer("num_classes", extent: 0, of: "classifier.fc.weight", in: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    try GlimpseNetwork.check(configuration)
    try configuration.requirePositive("hidden_size", "num_classes")
    let (hidden, glimpse, location) = (
      try configuration.integer("hidden_size"), try configuration.integer("h_g"),
      try configuration.integer("h_l")
    )
    guard hidden == glimpse + location, hidden >= 2 else {
      throw WeighbridgeError(
        .usage,
        "hidden_size must be h_g + h_l: \(hidden) is not \(glimpse) + \(location)")
    }
    let deviation = try configuration.number("std")
    guard deviation > 0, deviation.isFinite else {
      throw WeighbridgeError(.usage, "std must be greater than 0, got std=\(deviation)")
    }
  }
}
