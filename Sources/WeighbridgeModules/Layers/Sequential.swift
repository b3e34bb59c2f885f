/// Modules one after the other, PyTorch's `nn.Sequential`: child i has the scope `w / i`.
public struct Sequential: Module {
  public let path: ModulePath
  /// The children in order: child i is at the path `i`.
  public let layers: [any UnaryModule]

  /// - Parameter layers: Each builds one child in the scope that it is given. Children count from
  ///   0, those without parameters too.
  public init(_ w: WeightScope, _ layers: Build...) throws {
    try self.init(w, layers)
  }

  /// The same with a list of any length.
  ///
  /// - Parameter layers: Each builds one child in the scope that it is given.
  public init(_ w: WeightScope, _ layers: [Build]) throws {
    path = w.path
    self.layers = try layers.enumerated().map { index, build in try build(w / index) }
  }

  /// The same with rows of modules that are built alike.
  ///
  /// - Parameter rows: Each builds so many children, one after the other.
  public init(_ w: WeightScope, rows: (count: Int, build: Build)...) throws {
    try self.init(w, rows.flatMap { [Build](repeating: $0.build, count: max(0, $0.count)) })
  }

  /// The same with the children as statements, each of which names its own scope: loops and conditions
  /// build children, too.
  ///
  /// ```swift
  /// let stage = try Sequential(in: w / "stage") { w in
  ///   try Conv2d(w / "conv", in: 3, out: 8, kernel: 3)
  ///   for index in 0..<4 { try Block(w / index, channels: 8) }
  /// }
  /// ```
  ///
  /// - Parameter layers: Builds the children in the order in which they run.
  public init(
    in w: WeightScope, @LayersBuilder layers: (WeightScope) throws -> [any UnaryModule]
  ) throws {
    path = w.path
    self.layers = try layers(w)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try layers.reduce(x) { try $1($0) } }
}

/// The children of a `Sequential` as statements.
@resultBuilder public enum LayersBuilder {
  /// One child, or none where an optional one is not there.
  public static func buildExpression(_ layer: (any UnaryModule)?) -> [any UnaryModule] {
    layer.map { [$0] } ?? []
  }

  public static func buildBlock(_ layers: [any UnaryModule]...) -> [any UnaryModule] {
    layers.flatMap { $0 }
  }

  public static func buildArray(_ layers: [[any UnaryModule]]) -> [any UnaryModule] {
    layers.flatMap { $0 }
  }

  public static func buildOptional(_ layers: [any UnaryModule]?) -> [any UnaryModule] {
    layers ?? []
  }

  public static func buildEither(first layers: [any UnaryModule]) -> [any UnaryModule] { layers }

  public static func buildEither(second layers: [any UnaryModule]) -> [any UnaryModule] { layers }
}

/// A module of a class of its own that runs its children one after the other, and does nothing else:
///
/// ```swift
/// struct Stem: SequentialModule {
///   let layers: Sequential
///
///   init(_ w: WeightScope) throws {
///     layers = try Sequential(in: w) { w in
///       try Conv2d(w / "conv", in: 3, out: 8, kernel: 3)
///       try BatchNorm(w / "norm", channels: 8)
///     }
///   }
/// }
/// ```
public protocol SequentialModule: Module where Input == Tensor, Output == Tensor {
  /// The children in the scope of the module itself.
  var layers: Sequential { get }
}

extension SequentialModule {
  public var path: ModulePath { layers.path }

  /// The children are called; that they are in a `Sequential` is no call of its own.
  public func forward(_ x: Tensor) throws -> Tensor { try layers.forward(x) }
}
