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
      /// A module that another one holds, and lends.
      case borrowed(Int)
    }

    let name: String
    /// The name below the module, in PyTorch's words.
    let key: String
    let content: Content
    /// The first number, where modules of a list have names as `layer1`, `layer2` … and `key` is `layer`.
    var first: Int?
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
    var rest = recording.children(node)[...]
    while let child = rest.first {
      if let row = NumberedRow(rest, recording, parts) {
        add(row)
        rest = rest.dropFirst(row.nodes.count)
      } else {
        add(child, recording.name(child), recording, parts)
        rest = rest.dropFirst()
      }
    }
    for other in recording.borrowed(node) { borrow(other, node, recording) }
    for child in recording.children(node) { lend(child, node, recording, parts) }
  }

  /// What a module below this one needs, and neither has.
  private mutating func lend(
    _ child: Int, _ node: Int, _ recording: Recording, _ parts: [Int: Part]
  ) {
    switch parts[child] {
    case .type(let draft):
      for (_, other) in draft.layout.borrowed where !recording.isBelow(other, node) {
        borrow(other, node, recording)
      }
    case .chain, .container, .unused:
      for inner in recording.children(child) { lend(inner, node, recording, parts) }
    default: break
    }
  }

  private mutating func borrow(_ other: Int, _ node: Int, _ recording: Recording) {
    guard modules[other] == nil else { return }
    let key = recording.children(node).first { recording.network.nodes[$0].original == other }
    let name = names.unique(Names.value(recording.name(key ?? other), other: "layer"))
    modules[other] = Code(Layout.mark + name)
    properties.append(Property(name: name, key: name, content: .borrowed(other)))
  }

  /// How a module below, or one that is lent, is reached.
  func reached(_ target: Int, from node: Int, _ recording: Recording, _ parts: [Int: Part]) -> Code?
  {
    if let code = modules[target] { return code }
    // A module in one that is held: a property of its struct.
    var path = recording.network.nodes[target].path
    while let owner = recording.node(Recording.owner(of: path)), owner != node, !path.isEmpty {
      if let code = modules[owner], case .type(let draft)? = parts[owner],
        let inner = draft.layout.modules[target]
      {
        return code.member(inner.text.replacing(Layout.mark, with: ""))
      }
      path = recording.network.nodes[owner].path
    }
    return nil
  }

  private mutating func add(
    _ child: Int, _ key: String, _ recording: Recording, _ parts: [Int: Part]
  ) {
    switch parts[child] {
    case .layer, .attention, .recurrent, .chain, .type:
      let name = names.unique(Names.value(key, other: "layer"))
      modules[child] = Code(Layout.mark + name)
      properties.append(Property(name: name, key: key, content: .module(child)))
    case .container:
      let children = recording.children(child)
      let isList =
        children.enumerated().allSatisfy { recording.name($1) == "\($0)" }
        && Layout.areAlike(children, parts)
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

  private mutating func add(_ row: NumberedRow) {
    let name = names.unique(Names.value(row.prefix + "s", other: "layers"))
    for (index, inner) in row.nodes.enumerated() {
      modules[inner] = Code("\(Layout.mark)\(name)[\(index)]")
    }
    properties.append(
      Property(name: name, key: row.prefix, content: .modules(row.nodes), first: row.first))
  }

  /// Whether modules are called alike, so that they are one array.
  private static func areAlike(_ nodes: [Int], _ parts: [Int: Part]) -> Bool {
    guard let interface = nodes.first.flatMap({ parts[$0]?.interface }) else { return false }
    return nodes.allSatisfy { parts[$0]?.interface == interface }
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

  /// The modules directly held.
  var nodes: [Int] {
    properties.flatMap { property -> [Int] in
      switch property.content {
      case .module(let node): [node]
      case .modules(let nodes): nodes
      case .tensor, .absent, .borrowed: []
      }
    }
  }

  /// Modules that other ones hold.
  var borrowed: [(name: String, node: Int)] {
    properties.compactMap { property in
      if case .borrowed(let node) = property.content { (property.name, node) } else { nil }
    }
  }

  /// How many members others of the class have.
  var absentCount: Int {
    properties.count { if case .absent = $0.content { true } else { false } }
  }

  /// The property of an attribute.
  mutating func unique(_ name: String) -> String { names.unique(name) }
}

extension Layout.Property {
  /// What the property is to its struct: how it is declared, asked for and called, whatever it holds in
  /// one instance.
  func signature(_ node: Int, _ recording: Recording, _ parts: [Int: Part]) -> String {
    func call(_ node: Int) -> String { "\(parts[node]?.interface ?? .unary)" }
    switch content {
    case .module(let node): return "\(name):\(key):\(call(node))"
    case .modules(let nodes):
      return "\(name):\(key):\(first ?? -1):\(Set(nodes.map(call)).sorted())"
    case .absent: return "\(name):absent"
    case .borrowed(let node): return "\(name):\(call(node)):lent"
    case .tensor(let tensor, let isBuffer):
      let role = recording.layers.role(of: recording.network.nodes[node].name(key), tensor)
      return "\(name):\(key):\(tensor.shape.count):\(role):\(isBuffer)"
    }
  }
}
