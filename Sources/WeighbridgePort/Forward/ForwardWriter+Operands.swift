import WeighbridgeNetwork

extension ForwardWriter {
  /// What an operand is at this point.
  mutating func operand(_ said: Network.Operand) throws -> Held {
    switch said {
    case .value(let number):
      guard let found = held[number] else { throw PortLimit("reads a value that is not there") }
      return found
    case .item(let of, let index): return try operand(of).item(index)
    case .member(let of, let key): return try operand(of).member(key)
    case .list(let items):
      var held: [Held] = []
      for item in items { held.append(try operand(item)) }
      return try whole(items) ?? .list(held)
    case .dictionary(let members):
      var held: [(key: String, value: Held)] = []
      for member in members { held.append((member.key, try operand(member.value))) }
      return .dictionary(held)
    case .slice(let a, let b, let c):
      return .slice(try operand(a), try operand(b), try operand(c))
    case .tensor(let reference): return try tensor(reference)
    case .constant(let number): return constant(number)
    case .attribute(let reference): return try attribute(reference)
    case .size(let of, let axis): return try size(operand(of), axis)
    case .operation(let operation, let operands):
      if let quotient = try quotient(operation, operands) { return quotient }
      var held: [Held] = []
      for item in operands { held.append(try operand(item)) }
      return try operation.written(held)
    case .opaque(let type): return .refused("uses a \(type.prefix(40)), which was not recorded")
    default: return .literal(try Drafting.literal(said, dtype: recording.dtype))
    }
  }

  /// The array whose members, all of them in order, are these.
  private mutating func whole(_ items: [Network.Operand]) throws -> Held? {
    if let known = grown.first(where: { $0.items == items }) {
      let members = items.map { item -> Value in
        if case .value(let number) = item { forms[number] } else { .none }
      }
      return .code(known.code, .list(members))
    }
    if case .size(let of, 0)? = items.first, items.count > 1,
      items.indices.allSatisfy({ items[$0] == .size(of, axis: $0) }),
      case .code(let code, .tensor(let tensor), _) = try operand(of), tensor.rank == items.count
    {
      let extents = tensor.shape.map { Value.integer($0) }
      return .code(code.member("shape").member("dimensions"), .list(extents))
    }
    guard case .item(let of, 0)? = items.first,
      items.indices.allSatisfy({ items[$0] == .item(of, $0) })
    else { return nil }
    let found = try operand(of)
    guard case .code(_, .list(let forms), _) = found, forms.count == items.count else { return nil }
    return found
  }

  /// A quotient of sizes that is rounded: of whole numbers, which Swift divides as such.
  private mutating func quotient(
    _ operation: Network.Arithmetic, _ operands: [Network.Operand]
  ) throws -> Held? {
    guard operation == .ceil || operation == .floor, operands.count == 1,
      case .operation(.div, let parts) = operands[0], parts.count == 2
    else { return nil }
    let (a, b) = (try operand(parts[0]), try operand(parts[1]))
    guard case .code(let size, .integer, _) = a, b.form.asInteger ?? 0 > 0,
      !size.text.contains("-"), let by = try? b.integer(), !by.text.contains("-"),
      let value = try? operation([Network.Arithmetic.div([a.form, b.form])])
    else { return nil }
    guard operation == .ceil else {
      return .code(.infix(size, "/", by, .product, throwing: false), value)
    }
    let more =
      Int(by.text).map { Code.infix(size, "+", .integer($0 - 1), .sum, throwing: false) }
      ?? .infix(
        .infix(size, "+", by, .sum, throwing: false), "-", Code("1"), .sum, throwing: false)
    return .code(.infix(more, "/", by, .product, throwing: false), value)
  }

  private func size(_ held: Held, _ axis: Int) throws -> Held {
    guard case .code(let code, .tensor(let tensor), _) = held, axis < tensor.rank else {
      throw PortLimit("takes the size of \(held.form.kind)")
    }
    return .code(
      Code("\(code.at(.atom)).shape[\(axis)]", isThrowing: code.isThrowing),
      .integer(tensor.shape[axis]))
  }

  /// A parameter or buffer, of this module or of one that it holds.
  private mutating func tensor(_ reference: Network.Operand.Reference) throws -> Held {
    let network = recording.network
    let full = reference.absolute(in: network.nodes[node].path)
    let (ownerPath, name) = (Recording.owner(of: full), Recording.name(of: full))
    guard var owner = recording.node(ownerPath) else { throw PortLimit("reads \(full.prefix(80))") }
    owner = network.nodes[owner].original ?? owner
    let described = network.nodes[owner]
    guard let tensor = (described.parameters + described.buffers).first(where: { $0.name == name })
    else { throw PortLimit("reads \(full.prefix(80))") }
    let dtype = tensor.constant.map { network.constants[$0].dtype } ?? DType(rawValue: tensor.dtype)
    let form = Value.tensor(Tensor(describing: dtype ?? .float32, shape: Shape(tensor.shape)))
    let own = network.nodes[node].path
    let below = own.isEmpty ? full : String(full.dropFirst(own.count + 1))
    if recording.isBelow(owner, node), let code = layout.tensors[below] { return .code(code, form) }
    guard recording.isBelow(owner, node), owner != node, let code = reached(owner) else {
      throw PortLimit("reads \(full.prefix(80)), a parameter that another module holds")
    }
    switch parts[owner] {
    case .layer(let layer):
      if let property = LayerSpelling.property(name, of: layer) {
        return .code(code.member(property), form)
      }
    case .type(let draft):
      if let held = draft.layout.tensors[name] {
        return .code(code.member(held.text.replacing(Layout.mark, with: "")), form)
      }
    default: break
    }
    throw PortLimit("reads \(full.prefix(80)), a parameter that another module holds")
  }

  func reached(_ target: Int) -> Code? {
    layout.reached(target, from: node, recording, parts)
  }
}
