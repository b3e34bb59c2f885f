extension Network {
  /// A module of the tree.
  package struct Node: Sendable {
    /// PyTorch's path; empty for the root.
    package let path: String
    /// The node that this is another name of.
    package let original: Int?
    /// The full name of the class: `torchvision.models.resnet.BasicBlock`.
    package let className: String
    /// Public attributes, in order.
    package let attributes: [(name: String, value: Operand)]
    package let parameters: [TensorDescription]
    package let buffers: [TensorDescription]
    /// The program of each call.
    package let calls: [Int]

    /// The class without its package.
    package var kind: String {
      className.split(separator: ".").last.map(String.init) ?? className
    }

    /// The full name of one of the tensors or children.
    package func name(_ child: String) -> String { Network.joined(path, child) }
  }

  /// A parameter or buffer of a module.
  package struct TensorDescription: Sendable, Hashable {
    package let name: String
    package let shape: [Int]
    /// PyTorch's name.
    package let dtype: String
    /// Which constant holds its values, where the state dict does not.
    package let constant: Int?
  }

  /// A call of a module in the run.
  package struct Call: Sendable {
    package let node: Int
    package let program: Int
    /// For each instruction the call that it makes; `nil` for functions.
    package let children: [Call?]
  }

  /// A path below another one.
  static func joined(_ path: String, _ name: String) -> String {
    if path.isEmpty { return name }
    return name.isEmpty ? path : "\(path).\(name)"
  }

  /// A path's last component, and what stands before it.
  static func divided(_ path: String) -> (owner: String, name: String) {
    guard let dot = path.lastIndex(of: ".") else { return ("", path) }
    return (String(path[..<dot]), String(path[path.index(after: dot)...]))
  }
}
