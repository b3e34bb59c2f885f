/// Which parameters and buffers the programs of a network's calls read, and what for.
struct TensorUses {
  private var roles: [String: ParameterRole?] = [:]

  init(_ network: Network) {
    var seen: Set<[Int]> = []
    note(network.call, network, &seen)
  }

  /// Whether a tensor is read at all.
  func contains(_ name: String) -> Bool { roles.keys.contains(name) }

  /// What a tensor is to the functions that read it.
  func role(of name: String, _ description: Network.TensorDescription) -> ParameterRole {
    guard description.isFloatingPoint else { return .integers }
    if let role = roles[name] ?? nil { return role }
    return description.shape.count < 2 ? .vector : .table
  }

  private mutating func note(
    _ call: Network.Call, _ network: Network, _ seen: inout Set<[Int]>
  ) {
    let (node, program) = (network.nodes[call.node], network.programs[call.program])
    if seen.insert([call.node, call.program]).inserted {
      for instruction in program.body {
        for argument in instruction.arguments {
          let role = TensorUses.role(instruction.target, argument.name)
          note(argument.value, role, node, network)
        }
      }
      note(program.returns, nil, node, network)
    }
    for child in call.children { child.map { note($0, network, &seen) } }
  }

  private mutating func note(
    _ operand: Network.Operand, _ role: ParameterRole?, _ node: Network.Node, _ network: Network
  ) {
    if case .tensor(let reference) = operand {
      let name = network.originalName(reference.absolute(in: node.path))
      if role != nil || roles[name] == nil { roles.updateValue(role, forKey: name) }
    }
    for part in operand.parts { note(part, role, node, network) }
  }

  private static func role(
    _ target: Network.Instruction.Target, _ argument: String
  ) -> ParameterRole? {
    guard case .function(let name) = target else { return nil }
    switch (name, argument) {
    case ("conv2d", "weight"): return .convolutionWeight
    case ("conv1d", "weight"): return .sequenceConvolutionWeight
    case ("conv_transpose2d", "weight"): return .transposedConvolutionWeight
    case ("linear", "weight"): return .linearWeight
    case ("embedding", "weight"): return .table
    case ("multi_head_attention_forward", _) where argument.hasSuffix("proj_weight"):
      return .linearWeight
    case ("batch_norm", "running_mean"), ("batch_norm", "running_var"): return .statistic
    default: return nil
    }
  }
}

extension Network {
  /// A tensor's full name under its module's first one.
  func originalName(_ name: String) -> String {
    let (owner, key) = Network.divided(name)
    guard let original = originals[owner] else { return name }
    return nodes[original].name(key)
  }
}
