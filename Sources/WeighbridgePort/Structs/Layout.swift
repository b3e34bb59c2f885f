import WeighbridgeNetwork

/// The properties of a struct that stand for modules and tensors, and how they are reached.
struct Layout {
  struct Property {
    enum Content {
      case module(Int)
      /// Modules under 0, 1 … of a list.
      case modules([Int])
      case tensor(Network.TensorDescription, isBuffer: Bool)
      /// A module that others of the class have.
      case absent
    }

    let name: String
    /// The name below the module, in PyTorch's words.
    let key: String
    let content: Content
  }

  var properties: [Property] = []
  /// Tensors below the module that nothing reads: the owner's path below the module, and the tensor.
  var unread: [(owner: String, tensor: Network.TensorDescription, isBuffer: Bool)] = []
  /// How each module directly held is reached.
  private(set) var modules: [Int: Code] = [:]
  private(set) var tensors: [String: Code] = [:]
  private(set) var names = Names()

  /// Marks the name of a property, which is `self.name` where a local variable is called so.
  static let mark = "\u{1}"

  init(_ node: Int, _ recording: Recording, _ parts: [Int: Part]) {
    let described = recording.network.nodes[node]
    for (tensor, isBuffer) in described.parameters.map({ ($0, false) })
      + described.buffers.map({ ($0, true) })
    {
      guard recording.layers.isRead(described.name(tensor.name)) else {
        if tensor.constant == nil { unread.append(("", tensor, isBuffer)) }
        continue
      }
      let name = names.unique(Names.value(tensor.name, other: "tensor"))
      tensors[tensor.name] = Code(Layout.mark + name)
      properties.append(
        Property(name: name, key: tensor.name, content: .tensor(tensor, isBuffer: isBuffer)))
    }
    for child in recording.children(node) { add(child, recording.name(child), recording, parts) }
  }

  private mutating func add(
    _ child: Int, _ key: String, _ recording: Recording, _ parts: [Int: Part]
  ) {
    switch parts[child] {
    case .layer, .attention, .chain, .type:
      let name = names.unique(Names.value(key, other: "layer"))
      modules[child] = Code(Layout.mark + name)
      properties.append(Property(name: name, key: key, content: .module(child)))
    case .container:
      let children = recording.children(child)
      let isList = children.enumerated().allSatisfy { index, inner in
        guard recording.name(inner) == "\(index)" else { return false }
        switch parts[inner] {
        case .layer, .attention, .chain, .type: return true
        default: return false
        }
      }
      addTensors(child, key, recording)
      guard isList, children.count > 1 else {
        for inner in children { add(inner, "\(key).\(recording.name(inner))", recording, parts) }
        return
      }
      let name = names.unique(Names.value(key, other: "layers"))
      for (index, inner) in children.enumerated() {
        modules[inner] = Code("\(Layout.mark)\(name)[\(index)]")
      }
      properties.append(Property(name: name, key: key, content: .modules(children)))
    case .unused:
      addTensors(child, key, recording)
      for inner in recording.children(child) {
        add(inner, "\(key).\(recording.name(inner))", recording, parts)
      }
    case .alias, nil: break
    }
  }

  /// The own tensors of a module that has no struct.
  private mutating func addTensors(_ child: Int, _ key: String, _ recording: Recording) {
    let described = recording.network.nodes[child]
    for (tensor, isBuffer) in described.parameters.map({ ($0, false) })
      + described.buffers.map({ ($0, true) })
    {
      guard recording.layers.isRead(described.name(tensor.name)) else {
        if tensor.constant == nil { unread.append((key, tensor, isBuffer)) }
        continue
      }
      let full = "\(key).\(tensor.name)"
      let name = names.unique(Names.value(full, other: "tensor"))
      tensors[full] = Code(Layout.mark + name)
      properties.append(
        Property(name: name, key: full, content: .tensor(tensor, isBuffer: isBuffer)))
    }
  }

  /// How many members others of the class have.
  var absentCount: Int {
    properties.count { if case .absent = $0.content { true } else { false } }
  }

  /// The property of an attribute.
  mutating func unique(_ name: String) -> String { names.unique(name) }
}
