/// PyTorch's `nn.LeakyReLU`.
public struct LeakyReLU: ActivationModule {
  public let path: ModulePath
  /// `.leakyReLU` of the slope.
  public let activation: Activation

  /// - Parameter slope: What negative values are multiplied by.
  public init(_ w: WeightScope, slope: Double = 0.01) {
    path = w.path
    activation = .leakyReLU(slope: slope)
  }
}

/// PyTorch's `nn.ReLU6`.
public struct ReLU6: ActivationModule {
  public let path: ModulePath
  /// min(max(x, 0), 6).
  public var activation: Activation { .relu6 }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.ELU`.
public struct ELU: ActivationModule {
  public let path: ModulePath
  /// `.elu` of the alpha.
  public let activation: Activation

  /// - Parameter alpha: The limit towards −∞, negated.
  public init(_ w: WeightScope, alpha: Double = 1) {
    path = w.path
    activation = .elu(alpha: alpha)
  }
}

/// PyTorch's `nn.Hardswish`.
public struct Hardswish: ActivationModule {
  public let path: ModulePath
  /// x·hardSigmoid(x).
  public var activation: Activation { .hardSwish }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.Hardsigmoid`.
public struct Hardsigmoid: ActivationModule {
  public let path: ModulePath
  /// min(max(x/6 + ½, 0), 1).
  public var activation: Activation { .hardSigmoid }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}

/// PyTorch's `nn.Softplus` of β = 1.
public struct Softplus: ActivationModule {
  public let path: ModulePath
  /// ln(1 + eˣ).
  public var activation: Activation { .softplus }

  /// A layer without parameters; the scope gives its path.
  public init(_ w: WeightScope) { path = w.path }
}
