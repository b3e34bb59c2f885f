/// A module with parameters of its own that a copy can have otherwise.
public protocol ParameterizedModule: Module {
  /// The parameters and buffers that it computes with.
  var parameters: [ModuleParameter] { get }
  /// A copy with some parameters replaced, by their names within the module.
  func replacing(_ tensors: [String: Tensor]) -> Self
}

/// One parameter of a module.
public struct ModuleParameter: Sendable {
  /// The name within the module: `weight`.
  public var name: String
  /// What it is to the module, from which layouts follow.
  public var role: ParameterRole
  /// Its value, in PyTorch's layout.
  public var tensor: Tensor
  /// What equal parts of its first axis are, where they serve different ends: `q`, `k`, `v`. Empty
  /// where it is one.
  public var sections: [String]

  /// - Parameter sections: What equal parts of the first axis are, `["q", "k", "v"]`.
  public init(
    _ name: String, _ role: ParameterRole, _ tensor: Tensor, sections: [String] = []
  ) {
    self.name = name
    self.role = role
    self.tensor = tensor
    self.sections = sections
  }
}
