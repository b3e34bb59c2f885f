import WeighbridgeNetwork

extension ForwardWriter {
  /// Modules of one list, called one after the other on what the one before gave: a loop over the list.
  ///
  /// - Returns: Whether there was one at this instruction; then all of it is written.
  mutating func writeLoop(from start: Int) throws -> Bool {
    guard let run = run(from: start), run.count > 2 else { return false }
    let (first, last) = (program.body[start], start + run.count - 1)
    guard let child = site.children[start], let part = parts[child.node] else { return false }
    let input = try operand(first.arguments[run.carried].value)
    guard case .code(let code, .tensor, _) = input else { return false }
    let interface: Interface
    if case .type(let draft) = part { interface = draft.interface } else { interface = .unary }
    guard interface.outputs == .tensor, interface.inputs != .attention else { return false }
    let name = try carrier(code, first, last, program.inputs.count + last)
    var given: [Held] = []
    for (place, argument) in first.arguments.enumerated() {
      given.append(
        place == run.carried
          ? .code(Code(name), input.form) : try operand(argument.value))
    }
    let program = recording.network.programs[child.program]
    let arguments = zip(program.inputs, given).filter { $0.0.expected == nil }.map { $0.1 }
    let item = variable(ForwardWriter.singular(run.property), "layer", start)
    let call: Code
    switch interface.inputs {
    case .tensor:
      guard arguments.count == 1 else {
        throw PortLimit("gives \(arguments.count) values to a layer")
      }
      call = .call(item, [Argument(nil, Code(name))], throwing: true)
    case .list:
      call = .call(
        item, [Argument(nil, try Held.list(arguments).tensorList())], throwing: true)
    case .fields(let fields):
      let values = try arguments.flatMap { try Drafting.leafCodes($0) }
      guard values.count == fields.count else {
        throw PortLimit("gives \(values.count) values where \(fields.count) are taken")
      }
      call = .call(
        item, [Argument(nil, .call(".init", zip(fields, values).map { Argument($0.name, $1) }))],
        throwing: true)
    case .attention, .recurrent: throw PortLimit("loops over layers of several inputs")
    }
    statements.append(
      Statement(
        kind: .plain,
        code: Code(
          "for \(item) in \(Layout.mark)\(run.property) {\n  \(name) = \(call.marked)\n}")))
    held[self.program.inputs.count + last] = .code(
      Code(name), forms[self.program.inputs.count + last])
    done = last
    return true
  }

  /// The variable that the loop goes through, which begins as `code`.
  private mutating func carrier(
    _ code: Code, _ first: Network.Instruction, _ last: Int, _ value: Int
  ) throws -> String {
    if let place = locals[code.text], place >= 0, statements[place].isTensor,
      let bound = scope[code.text], flow.lastUse[bound] <= last
    {
      statements[place].isMutable = true
      scope[code.text] = value
      return code.text
    }
    let wanted = first.name.map { Names.value($0, other: "x") } ?? "x"
    let name: String
    if let other = scope[wanted], let place = locals[wanted], place == -1,
      flow.lastUse[other] <= last
    {
      name = wanted
    } else {
      name = variable(scope[wanted] == nil ? wanted : nil, "y", last)
    }
    statements.append(Statement(kind: .declare(name), code: code, isMutable: true))
    locals[name] = statements.count - 1
    scope[name] = value
    return name
  }

  /// Modules of one list, each of which is given all that the ones before returned: a list that grows.
  mutating func writeGrowing(from start: Int) throws -> Bool {
    guard let child = site.children[start],
      let property = layout.properties.first(where: {
        if case .modules(let nodes) = $0.content { nodes.first == child.node } else { false }
      }), case .modules(let nodes) = property.content, nodes.count > 2,
      start + nodes.count <= program.body.count,
      case .list(let first)? = program.body[start].arguments.first?.value
    else { return false }
    let base = program.inputs.count + start
    var items = first
    for (offset, node) in nodes.enumerated() {
      let arguments = program.body[start + offset].arguments
      guard site.children[start + offset]?.node == node, arguments.count == 1,
        arguments[0].value == .list(items),
        parts[node]?.interface == Interface(inputs: .list, outputs: .tensor)
      else { return false }
      items.append(.value(base + offset))
    }
    var given: [Held] = []
    for item in first { given.append(try operand(item)) }
    let code = try Held.list(given).tensorArray()
    let name = variable("features", "features", start)
    statements.append(Statement(kind: .declare(name), code: code, isMutable: true, isTensor: false))
    locals[name] = statements.count - 1
    let item = variable(ForwardWriter.singular(property.name), "layer", start)
    statements.append(
      Statement(
        kind: .plain,
        code: Code(
          "for \(item) in \(Layout.mark)\(property.name) {\n"
            + "  \(name).append(try \(item)(TensorList(tensors: \(name))))\n}")))
    for offset in nodes.indices {
      let place = try Held.list(given).tensors().count + offset
      held[base + offset] = .code(Code("\(name)[\(place)]"), forms[base + offset])
    }
    grown.append((items, Code(name)))
    done = start + nodes.count - 1
    return true
  }

  private struct Run {
    let property: String
    /// The place of the argument that is the result of the call before.
    let carried: Int
    let count: Int
  }

  /// Calls of all modules of a list in order, each of which is given what the one before returned.
  private func run(from start: Int) -> Run? {
    guard let child = site.children[start],
      let property = layout.properties.first(where: {
        if case .modules(let nodes) = $0.content { nodes.first == child.node } else { false }
      }), case .modules(let nodes) = property.content,
      start + nodes.count <= program.body.count
    else { return nil }
    let base = program.inputs.count
    var carried: Int?
    for (offset, node) in nodes.enumerated() {
      let instruction = program.body[start + offset]
      guard site.children[start + offset]?.node == node,
        sameInterface(node, child.node)
      else { return nil }
      guard offset > 0 else { continue }
      let before = Network.Operand.value(base + start + offset - 1)
      let values = instruction.arguments.map(\.value)
      let first = program.body[start].arguments.map(\.value)
      guard values.count == first.count, flow.uses[base + start + offset - 1] == 1,
        let place = values.firstIndex(of: before), carried == nil || carried == place
      else { return nil }
      carried = place
      for (index, value) in values.enumerated() where index != place && value != first[index] {
        return nil
      }
    }
    return carried.map { Run(property: property.name, carried: $0, count: nodes.count) }
  }

  private func sameInterface(_ a: Int, _ b: Int) -> Bool {
    guard let interface = parts[a]?.interface, interface.inputs != .attention,
      interface.inputs != .recurrent
    else { return false }
    return interface == parts[b]?.interface
  }

  /// `blocks` as `block`.
  private static func singular(_ name: String) -> String {
    name.count > 2 && name.hasSuffix("s") ? String(name.dropLast()) : "layer"
  }
}
