import WeighbridgeModules

/// Residuals against learnt codewords: a map [B, C, H, W], whose cells are the points, or points
/// [B, N, C] → [B, 64, C].
///
/// With a[n, ·] the softmax over the codewords of scale[k]·‖x[n] − c[k]‖², the result is
/// Σ_n a[n, k]·(x[n] − c[k]). There are always 64 codewords: the original ignores its argument.
public struct Encoding: Architecture, DeclaringModule {
  private static let codewords = DeclaredParameter<Encoding>("codewords", .codewords, \.codewords)
  private static let scale = DeclaredParameter<Encoding>("scale", .vector, \.scale)
  /// `codewords` and `scale`.
  public static let declared = [codewords, scale]

  /// The number of codewords, whatever `num_codes` says.
  public static let codeCount = 64

  public let path: ModulePath
  /// [64, C].
  public private(set) var codewords: Tensor
  /// [64].
  public private(set) var scale: Tensor

  /// - Parameter channels: C, the length of a codeword.
  public init(_ w: WeightScope, channels: Int) throws {
    path = w.path
    codewords = try w.parameter(Self.codewords, [Self.codeCount, channels])
    scale = try w.parameter(Self.scale, [Self.codeCount])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    guard (x.rank == 4 && x.shape[1] == channels) || (x.rank == 3 && x.shape[2] == channels) else {
      throw WeighbridgeError(
        .shape,
        "an encoding of \(channels) channels takes [B, \(channels), H, W] or "
          + "[B, N, \(channels)], got \(x.shape)")
    }
    return try points(x).encoded(codewords: codewords, scale: scale)
  }

  /// [B, N, C].
  package func points(_ x: Tensor) throws -> Tensor {
    x.rank == 4 ? try x.flattened(from: 2).transposed(1, 2) : x
  }

  private var channels: Int { codewords.shape[1] }
}

extension Encoding {
  public static let id = "encoding"
  public static let summary = "Residual encoding against 64 learnt codewords"

  public static let keys: [ConfigurationKey] = [
    .init("in_channels", .integer, default: nil, inferred: true, "channels of a point"),
    .init(
      "num_codes", .integer, default: .integer(64), hasEffect: false,
      "no effect: there are always 64 codewords"),
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("codewords", "scale") && shapes.names.count == 2
      && shapes["codewords"]?.rank == 2
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try configuration.infer("in_channels", extent: 1, of: "codewords", in: shapes)
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("in_channels")
  }

  /// From the key `in_channels`; `num_codes` has no effect.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    try Self.check(configuration)
    try self.init(w, channels: configuration.integer("in_channels"))
  }
}
