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

  public func forward(_ x: Tensor) throws -> Tensor { try layers.reduce(x) { try $1($0) } }
}
