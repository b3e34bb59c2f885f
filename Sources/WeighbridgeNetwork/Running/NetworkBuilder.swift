/// Builds the calls of a recorded network: asks the scope for every module's parameters, makes layers of
/// those modules that this package has, and fills weights, constants and attributes into programs.
struct NetworkBuilder {
  let network: Network
  let scope: WeightScope
  let context: ComputeContext
  private let places: [String: Int]
  let uses: TensorUses
  /// The distinct programs of each module's calls.
  private let programs: [Set<Int>]
  /// By full name.
  private var tensors: [String: Tensor] = [:]
  private(set) var layers: [Int: any UnaryModule] = [:]
  private(set) var attentions: [Int: AttentionLayer] = [:]
  private let constants: [Tensor]
  /// Whether what cannot be run is an error only when it is run.
  private let isLenient: Bool

  init(_ network: Network, _ scope: WeightScope, isLenient: Bool = false) {
    self.network = network
    self.isLenient = isLenient
    self.scope = scope
    let dtypes = network.nodes.lazy.flatMap(\.parameters).compactMap { DType(rawValue: $0.dtype) }
    context = ComputeContext(
      dtype: scope.dtype, recorded: dtypes.first(where: \.isFloatingPoint) ?? .float32)
    places = Dictionary(network.nodes.enumerated().map { ($1.path, $0) }) { first, _ in first }
    uses = TensorUses(network)
    programs = network.nodes.map { Set($0.calls) }
    let context = context
    constants = network.constants.map { (try? context.computing($0)) ?? $0 }
  }

  // Tensors

  /// Asks for every module's tensors, in the order of registration.
  mutating func bindTensors() throws {
    // Modules whose parameters belong to the one that they are in.
    var owned: Set<String> = []
    for (index, node) in network.nodes.enumerated() where !owned.contains(node.path) {
      let own = node.path.isEmpty ? scope : scope / node.path
      if let original = node.original {
        try noteOtherName(own, network.nodes[original])
      } else if let layer = try layer(index, own) {
        layers[index] = layer
        keep((layer as? any ParameterizedModule)?.parameters ?? [], of: node)
      } else if let attention = try attention(index, own) {
        attentions[index] = attention
        owned.insert(node.name(AttentionLayer.child))
        keep(attention.layer.parameters, of: node)
      } else {
        try bindTensors(of: node, own)
      }
    }
  }

  private func layer(_ index: Int, _ own: WeightScope) throws -> (any UnaryModule)? {
    guard programs[index].count == 1, let number = programs[index].first else { return nil }
    return try LayerRecognition(
      node: network.nodes[index], program: network.programs[number], context: context,
      attribute: { attribute($0) }
    ).layer(own)
  }

  /// Attention whose child `out_proj` is as its own, not called and of no other name.
  private func attention(_ index: Int, _ own: WeightScope) throws -> AttentionLayer? {
    let node = network.nodes[index]
    guard programs[index].count == 1, let number = programs[index].first,
      let child = places[node.name(AttentionLayer.child)].map({ network.nodes[$0] }),
      child.original == nil, child.calls.isEmpty,
      Set(child.parameters.map(\.name)).isSubset(of: ["weight", "bias"]), child.buffers.isEmpty,
      child.parameters.contains(where: { $0.name == "bias" })
        == node.parameters.contains(where: { $0.name == "in_proj_bias" })
    else { return nil }
    return try AttentionLayer(node, network.programs[number], own)
  }

  private mutating func keep(_ parameters: [ModuleParameter], of node: Network.Node) {
    for parameter in parameters { tensors[node.name(parameter.name)] = parameter.tensor }
  }

  private mutating func bindTensors(of node: Network.Node, _ own: WeightScope) throws {
    for parameter in node.parameters {
      let name = node.name(parameter.name)
      let role = uses.role(of: name, parameter)
      let place = uses.contains(name) ? own : own.dead(because: "nothing that ran reads it")
      tensors[name] = try place.parameter(parameter.name, role, Shape(parameter.shape))
    }
    for buffer in node.buffers {
      let name = node.name(buffer.name)
      if let constant = buffer.constant {
        tensors[name] = constants[constant]
      } else if !uses.contains(name) {
        try own.toleratedBuffer(
          buffer.name, unreadRole(buffer), Shape(buffer.shape))
      } else {
        tensors[name] = try own.buffer(
          buffer.name, uses.role(of: name, buffer), Shape(buffer.shape))
      }
    }
  }

  /// A state dict holds a module with two names twice.
  private func noteOtherName(_ own: WeightScope, _ original: Network.Node) throws {
    for tensor in original.parameters + original.buffers where tensor.constant == nil {
      let name = original.name(tensor.name)
      try own.otherName(
        tensor.name,
        tensor.isFloatingPoint ? uses.role(of: name, tensor) : unreadRole(tensor),
        Shape(tensor.shape), of: tensors[name], named: name)
    }
  }

  /// What a tensor is that nothing reads.
  private func unreadRole(_ tensor: Network.TensorDescription) -> ParameterRole {
    if tensor.isFloatingPoint { return tensor.shape.count < 2 ? .statistic : .table }
    return tensor.shape.isEmpty ? .counter : .integers
  }

  // Calls

  func call(_ call: Network.Call) throws -> BoundCall {
    let (node, program) = (network.nodes[call.node], network.programs[call.program])
    let last = lastUses(program)
    let steps = try program.body.enumerated().map { index, instruction in
      BoundCall.Step(
        target: try target(instruction, call.children[index], node),
        operands: try instruction.arguments.map { try operand($0.value, node) },
        place: instruction.place ?? program.place, released: last[index] ?? [])
    }
    let conditions = try program.guards.map { condition in
      BoundCall.Condition(
        condition: condition, left: try operand(condition.left, node),
        right: try operand(condition.right, node),
        needs: (condition.left.values + condition.right.values).reduce(program.inputs.count) {
          max($0, $1 + 1)
        })
    }
    return BoundCall(
      path: scope.path / node.path, kind: node.kind, site: call, program: program, steps: steps,
      returns: try operand(program.returns, node),
      conditions: conditions.sorted { $0.needs < $1.needs },
      parameters: parameters(of: node), layer: layers[call.node],
      attention: attentions[call.node], context: context)
  }

  private func target(
    _ instruction: Network.Instruction, _ child: Network.Call?, _ node: Network.Node
  ) throws -> BoundCall.Target {
    let name: String
    switch instruction.target {
    case .module:
      guard let child else {
        throw WeighbridgeError(.malformed, "calls a module that is not there", entry: node.path)
      }
      return .module(try call(child))
    case .function(let known):
      if let function = Vocabulary.function(known), function.run != nil {
        return .function(function)
      }
      name = known
    case .unknown(let unknown): name = unknown
    }
    let place = instruction.place.map { " (\($0))" } ?? ""
    let error = WeighbridgeError(
      .unsupported,
      "\(node.className.shortened()) calls \(name.shortened()), which cannot be run here\(place)",
      entry: node.path.isEmpty ? nil : node.path,
      remedy: "Write that module in PyTorch's other functions, or in Swift")
    if isLenient { return .refused(error) }
    throw error
  }

  private func parameters(of node: Network.Node) -> [ModuleParameter] {
    (node.parameters + node.buffers).compactMap { description in
      let name = node.name(description.name)
      guard uses.contains(name), let tensor = tensors[name], tensor.dtype.isFloatingPoint else {
        return nil
      }
      return ModuleParameter(description.name, uses.role(of: name, description), tensor)
    }
  }

  /// For each step the values that are used there last.
  private func lastUses(_ program: Network.Program) -> [Int: [Int]] {
    var last: [Int: Int] = [:]
    for (index, instruction) in program.body.enumerated() {
      last[program.inputs.count + index] = index
      for value in instruction.arguments.flatMap(\.value.values) { last[value] = index }
    }
    let kept = ([program.returns] + program.guards.flatMap { [$0.left, $0.right] })
      .flatMap(\.values)
    for value in kept { last[value] = nil }
    return Dictionary(grouping: last.keys) { last[$0] ?? 0 }
  }

  // Operands

  func operand(_ said: Network.Operand, _ node: Network.Node) throws -> BoundOperand {
    func bound(_ operand: Network.Operand) throws -> BoundOperand {
      try self.operand(operand, node)
    }
    switch said {
    case .value(let number): return .value(number)
    case .item(let of, let index): return .item(try bound(of), index)
    case .member(let of, let key): return .member(try bound(of), key)
    case .size(let of, let axis): return .size(try bound(of), axis: axis)
    case .operation(let operation, let operands):
      return .operation(operation, try operands.map(bound))
    case .slice(let a, let b, let c): return .slice(try bound(a), try bound(b), try bound(c))
    case .dictionary(let members):
      return .dictionary(try members.map { (key: $0.key, value: try bound($0.value)) })
    case .list(let items): return folded(try items.map(bound))
    case .tensor(let reference):
      let name = absolute(reference, node)
      guard let tensor = tensors[name] else {
        throw WeighbridgeError(.malformed, "there is no tensor \(name)", entry: node.path)
      }
      let isOwn = !reference.fromRoot && !reference.name.contains(".")
      return isOwn ? .parameter(name: reference.name, tensor) : .literal(.tensor(tensor))
    case .constant(let number): return .literal(.tensor(constants[number]))
    case .attribute(let reference):
      return try attribute(absolute(reference, node)).map(bound)
        ?? .opaque("attribute \(reference.name)")
    case .dtype(let name): return .literal(.dtype(try context.dtype(named: name)))
    case .opaque(let type): return .opaque(type)
    default: return .literal(try said.literal())
    }
  }

  /// A list of literals is one itself.
  private func folded(_ items: [BoundOperand]) -> BoundOperand {
    var values: [Value] = []
    for item in items {
      guard case .literal(let value) = item else { return .list(items) }
      values.append(value)
    }
    return .literal(.list(values))
  }

  private func absolute(_ reference: Network.Operand.Reference, _ node: Network.Node) -> String {
    let (owner, name) = Network.divided(reference.absolute(in: node.path))
    guard let place = places[owner], let original = network.nodes[place].original else {
      return Network.joined(owner, name)
    }
    return network.nodes[original].name(name)
  }

  /// A module's attribute by its full name.
  private func attribute(_ name: String) -> Network.Operand? {
    let (owner, key) = Network.divided(name)
    guard let place = places[owner] else { return nil }
    let node = network.nodes[network.nodes[place].original ?? place]
    return node.attributes.first { $0.name == key }?.value
  }
}

extension ComputeContext {
  /// A constant in the dtype that stands for its own.
  func computing(_ tensor: Tensor) throws -> Tensor {
    tensor.dtype == recorded && tensor.dtype.isFloatingPoint
      ? try tensor.converted(to: dtype) : tensor
  }
}

extension Network.TensorDescription {
  var isFloatingPoint: Bool { DType(rawValue: dtype)?.isFloatingPoint ?? false }
}
