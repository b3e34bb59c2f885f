/// A module that applies one activation function to each element. Such modules can be fused into
/// the layer before them.
public protocol ActivationModule: Module where Input == Tensor, Output == Tensor {
  var activation: Activation { get }
}

extension ActivationModule {
  public func forward(_ x: Tensor) throws -> Tensor { try x.activated(activation) }
}

/// PyTorch's `nn.ReLU`.
public struct ReLU: ActivationModule {
  public let path: ModulePath
  public var activation: Activation { .relu }

  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.GELU`, by default the erf form.
public struct GELU: ActivationModule {
  public let path: ModulePath
  public let activation: Activation

  public init(_ w: WeightScope, tanh: Bool = false) {
    path = w.path
    activation = tanh ? .geluTanh : .gelu
  }
}

/// PyTorch's `nn.SiLU`.
public struct SiLU: ActivationModule {
  public let path: ModulePath
  public var activation: Activation { .silu }

  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.Sigmoid`.
public struct Sigmoid: ActivationModule {
  public let path: ModulePath
  public var activation: Activation { .sigmoid }

  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.Tanh`.
public struct Tanh: ActivationModule {
  public let path: ModulePath
  public var activation: Activation { .tanh }

  public init(_ w: WeightScope) { path = w.path }
}

/// Any activation function as a module.
public struct ActivationLayer: ActivationModule {
  public let path: ModulePath
  public let activation: Activation
  public let kind: String

  public init(_ w: WeightScope, _ activation: Activation, kind: String) {
    path = w.path
    self.activation = activation
    self.kind = kind
  }
}

/// PyTorch's `nn.Softmax`.
public struct Softmax: Module {
  public let path: ModulePath
  public let axis: Int

  public init(_ w: WeightScope, axis: Int) {
    path = w.path
    self.axis = axis
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.softmax(axis: axis) }
}

extension Tensor {
  /// Unchanged when there is no function.
  package func activated(ifAny activation: Activation?) throws -> Tensor {
    try activation.map { try activated($0) } ?? self
  }
}
