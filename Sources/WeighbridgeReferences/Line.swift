import WeighbridgeModules

/// What a line of a verdict is about.
public enum Line: Sendable, Hashable {
  /// A tensor that a module's call returned.
  case module(ActivationKey)
  /// An input of the model, where two references are held against each other.
  case input(Int)
  /// An output of the model.
  case output(Int)
  /// An output of the model run as a program runs it.
  case production(Int)
}

extension Line: CustomStringConvertible {
  /// `layer1.0.relu#2`, `outputs/0`.
  public var description: String {
    switch self {
    case .module(let key): key.description
    case .input(let index): "inputs/\(index)"
    case .output(let index): "outputs/\(index)"
    case .production(let index): "production/\(index)"
    }
  }
}

extension Line: ExpressibleByStringLiteral {
  /// What the first call of the module of this path returned.
  public init(stringLiteral value: String) {
    self = .module(ActivationKey(ModulePath(value)))
  }
}

extension Line {
  /// The module's path; `nil` of what is none.
  public var path: ModulePath? {
    if case .module(let key) = self { return key.path }
    return nil
  }
}
