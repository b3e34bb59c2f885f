import WeighbridgeModules

/// Weights for any model: every parameter has values of its own that its name determines, the same in
/// every run.
public struct MadeWeights: WeightSource {
  /// Tensors that are given instead of made.
  public var given: [String: Tensor]
  /// Whether this checkpoint lacks a name.
  public var isAbsent: @Sendable (String) -> Bool

  public init(
    given: [String: Tensor] = [:], isAbsent: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    (self.given, self.isAbsent) = (given, isAbsent)
  }

  public init(given: [String: Tensor] = [:], absent: Set<String>) {
    self.init(given: given) { absent.contains($0) }
  }

  public func contains(_ name: String) -> Bool { !isAbsent(name) }

  public func tensor(for request: ParameterRequest) throws -> Tensor {
    if let tensor = given[request.name] { return tensor }
    guard contains(request.name) else {
      throw WeighbridgeError(.mapping, "there is no such tensor", entry: request.name)
    }
    if request.role == .counter { return try Tensor(repeating: Int64(1), shape: request.shape) }
    var numbers = Numbers(seed: request.name)
    let count = request.shape.elementCount
    let fanIn = request.shape.dropFirst().reduce(1, *)
    let scale = request.shape.rank > 1 ? 1.5 / Double(max(1, fanIn)).squareRoot() : 0.5
    let isPositive = request.name.hasSuffix("running_var") || request.name.contains("norm")
    let values = (0..<count).map { _ in
      isPositive ? 0.75 + 0.5 * numbers.next() : scale * numbers.next()
    }
    return try Tensor(values, shape: request.shape)
  }
}

/// Weights that are zero everywhere and take no memory, to build full-size models with.
public struct ZeroWeights: WeightSource {
  public init() {}

  public func contains(_ name: String) -> Bool { true }

  public func tensor(for request: ParameterRequest) throws -> Tensor {
    try Tensor(repeating: 0 as Float, shape: request.shape)
  }
}

/// A reproducible sequence of numbers in −1…1.
public struct Numbers {
  private var state: UInt64

  public init(seed: String) {
    state = seed.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  public mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
  }

  /// A tensor of such numbers.
  public static func tensor(
    _ shape: Shape, seed: String = "input", dtype: DType = .float64
  ) throws -> Tensor {
    var numbers = Numbers(seed: seed)
    return try Tensor((0..<shape.elementCount).map { _ in numbers.next() }, shape: shape)
      .converted(to: dtype)
  }
}
