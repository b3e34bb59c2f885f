/// Modules one after the other, PyTorch's `nn.Sequential`: child i has the scope `w / i`.
///
/// When nothing is probed, a convolution with the norm and the activation that follow it, and a
/// linear map with its activation, run as one primitive.
public struct Sequential: Module {
  public let path: ModulePath
  /// The children in order: child i is at the path `i`.
  public let layers: [any UnaryModule]
  private let steps: [Step]

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
    steps = Step.joined(self.layers)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    if ProbeRun.current == nil {
      return try steps.reduce(x) { try $1($0) }
    }
    return try layers.reduce(x) { try $1($0) }
  }
}

/// What runs as one when nothing is probed.
private enum Step: Sendable {
  case single(any UnaryModule)
  case convolution(FusedConvolution)
  case linear(Linear, any ActivationModule)

  func callAsFunction(_ x: Tensor) throws -> Tensor {
    switch self {
    case .single(let module): try module(x)
    case .convolution(let fused): try fused(x)
    case .linear(let linear, let activation): try linear(x, then: activation)
    }
  }

  static func joined(_ layers: [any UnaryModule]) -> [Step] {
    var steps: [Step] = []
    var rest = layers[...]
    while let first = rest.popFirst() {
      if let convolution = first as? Conv2d {
        let norm = rest.first as? BatchNorm
        if norm != nil { rest.removeFirst() }
        let activation = rest.first as? any ActivationModule
        if activation != nil { rest.removeFirst() }
        steps.append(.convolution(FusedConvolution(convolution, norm, activation)))
      } else if let linear = first as? Linear, let activation = rest.first as? any ActivationModule
      {
        rest.removeFirst()
        steps.append(.linear(linear, activation))
      } else if !(first is Identity) {
        steps.append(.single(first))
      }
    }
    return steps
  }
}
