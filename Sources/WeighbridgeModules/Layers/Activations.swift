/// A module that applies one activation function to each element. Such modules can be fused into
/// the layer before them.
public protocol ActivationModule: Module where Input == Tensor, Output == Tensor {
  /// The function, which is part of the epilogue of the layer before it when both are fused.
  var activation: Activation { get }
}

extension ActivationModule {
  public func forward(_ x: Tensor) throws -> Tensor { try x.activated(activation) }
}

/// PyTorch's `nn.ReLU`.
public struct ReLU: ActivationModule {
  public let path: ModulePath
  /// max(x, 0).
  public var activation: Activation { .relu }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.GELU`, by default the erf form.
public struct GELU: ActivationModule {
  public let path: ModulePath
  /// `.gelu` or `.geluTanh`.
  public let activation: Activation

  /// - Parameter tanh: Whether it is PyTorch's `approximate="tanh"`; by default `"none"`.
  public init(_ w: WeightScope, tanh: Bool = false) {
    path = w.path
    activation = tanh ? .geluTanh : .gelu
  }
}

/// PyTorch's `nn.SiLU`.
public struct SiLU: ActivationModule {
  public let path: ModulePath
  /// x·sigmoid(x).
  public var activation: Activation { .silu }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.Sigmoid`.
public struct Sigmoid: ActivationModule {
  public let path: ModulePath
  /// 1 / (1 + e⁻ˣ).
  public var activation: Activation { .sigmoid }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.Tanh`.
public struct Tanh: ActivationModule {
  public let path: ModulePath
  /// tanh(x).
  public var activation: Activation { .tanh }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// Any activation function as a module.
public struct ActivationLayer: ActivationModule {
  public let path: ModulePath
  /// The function that each element goes through.
  public let activation: Activation
  /// PyTorch's class name, for reports.
  public let kind: String

  /// - Parameter kind: PyTorch's class name, for reports: it does not choose the function.
  public init(_ w: WeightScope, _ activation: Activation, kind: String) {
    path = w.path
    self.activation = activation
    self.kind = kind
  }
}

/// PyTorch's `nn.Softmax`.
public struct Softmax: Module {
  public let path: ModulePath
  /// PyTorch's `dim`.
  public let axis: Int

  /// - Parameter axis: PyTorch's `dim`: the axis along which the results add up to 1. Negative ones
  ///   count from the end.
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
