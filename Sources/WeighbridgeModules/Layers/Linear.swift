/// Whether a layer has a bias.
public enum BiasPolicy: Sendable, Hashable {
  /// There is one; a checkpoint without it is incomplete.
  case present
  /// There is none.
  case absent
  /// When the checkpoint has one; some checkpoints of the same architecture do and some do not.
  case ifPresent
}

/// x·Wᵀ + b over the last axis, PyTorch's `nn.Linear`: [..., in] → [..., out].
public struct Linear: DeclaringModule {
  private static let weight = DeclaredParameter<Linear>("weight", .linearWeight, \.weight)
  private static let bias = DeclaredParameter<Linear>("bias", .vector, ifPresent: \.bias)
  /// `weight` and, where there is one, `bias`.
  public static let declared = [weight, bias]

  public let path: ModulePath
  /// [out, in].
  public private(set) var weight: Tensor {
    get { stored.widened }
    set { stored = newValue }
  }
  /// The weights as they were loaded: 16-bit ones are widened when they are used.
  private var stored: Tensor { didSet { cache = OperatorCache() } }
  /// How many features it takes; asking for it widens nothing.
  package var inputCount: Int { stored.shape[1] }
  /// [out].
  public private(set) var bias: Tensor? { didSet { cache = OperatorCache() } }
  private var cache = OperatorCache()

  /// A layer of `out`·`in` weights.
  ///
  /// - Parameters:
  ///   - inputs: PyTorch's `in_features`.
  ///   - outputs: PyTorch's `out_features`.
  ///   - bias: By default there is one.
  public init(
    _ w: WeightScope, in inputs: Int, out outputs: Int, bias: BiasPolicy = .present
  ) throws {
    path = w.path
    stored = try w.parameter(asStored: Self.weight, [outputs, inputs])
    self.bias = try w.parameter(Self.bias, bias, [outputs])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try x.linear(weight: stored, bias: bias, cache: cache)
  }
}
