import WeighbridgeWeights

extension NetworkReader {
  /// An operand where `known` values are there.
  func operand(_ value: JSONDocument, _ known: Int, depth: Int) throws -> Network.Operand {
    try checkDepth(depth)
    switch value {
    case .array(let items): return .list(try items.map { try operand($0, known, depth: depth + 1) })
    case .object(let members): return try operand(members, value, known, depth)
    default: return try literal(value, "an operand")
    }
  }

  private func operand(
    _ members: [JSONDocument.Member], _ value: JSONDocument, _ known: Int, _ depth: Int
  ) throws -> Network.Operand {
    let kinds = members.map(\.key).filter { $0 != "from" && $0 != "of" }
    guard kinds.count == 1, let kind = kinds.first, let content = value[kind] else {
      throw failure("an operand says \(members.map(\.key).joined(separator: ", ").shortened())")
    }
    guard value["from"] == nil || kind == "tensor" || kind == "attribute" else {
      throw failure("only tensors and attributes are from the root")
    }
    guard (value["of"] != nil) == (kind == "op") else {
      throw failure("only operations are of something")
    }
    func part(_ document: JSONDocument) throws -> Network.Operand {
      try operand(document, known, depth: depth + 1)
    }
    switch kind {
    case "value":
      let number = try count(content, "a value")
      guard number < known else {
        throw failure("value \(number) is used where \(known) are known")
      }
      return .value(number)
    case "item": return try item(content, part)
    case "tensor":
      return .tensor(.init(name: try text(value, "tensor"), fromRoot: try fromRoot(value)))
    case "attribute":
      return .attribute(.init(name: try text(value, "attribute"), fromRoot: try fromRoot(value)))
    case "constant":
      let number = try count(content, "a constant")
      guard number < constantCount else { throw failure("there is no constant \(number)") }
      return .constant(number)
    case "size":
      let pair = try items(content, 2, "a size is of one tensor, on one axis")
      return .size(try part(pair[0]), axis: try count(pair[1], "a size's axis"))
    case "op": return try operation(content, value["of"], part)
    case "slice":
      let parts = try items(content, 3, "a slice has three parts").map(part)
      return .slice(parts[0], parts[1], parts[2])
    case "ellipsis":
      guard content == .boolean(true) else { throw failure("an ellipsis is true") }
      return .ellipsis
    case "dict":
      return .dictionary(
        try self.members(content, "a dict").map {
          .init(key: try named($0.key), value: try part($0.value))
        })
    default: return try plain(kind, content)
    }
  }

  /// What operands, attributes and arguments have in common.
  private func plain(_ kind: String, _ content: JSONDocument) throws -> Network.Operand {
    guard let text = content.stringValue else { throw failure("\(kind.shortened()) is no text") }
    switch (kind, text) {
    case ("float", "inf"): return .number(.infinity)
    case ("float", "-inf"): return .number(-.infinity)
    case ("float", "nan"): return .number(.nan)
    case ("float", _): throw failure("a float is inf, -inf or nan")
    case ("dtype", _): return .dtype(try named(text))
    case ("opaque", _): return .opaque(text.shortened())
    default: throw failure("an operand says \(kind.shortened())")
    }
  }

  private func item(
    _ content: JSONDocument, _ part: (JSONDocument) throws -> Network.Operand
  ) throws -> Network.Operand {
    let pair = try items(content, 2, "an item is of one value, by one key")
    if let key = pair[1].stringValue { return .member(try part(pair[0]), try named(key)) }
    return .item(try part(pair[0]), try count(pair[1], "an item's key"))
  }

  private func operation(
    _ name: JSONDocument, _ operands: JSONDocument?,
    _ part: (JSONDocument) throws -> Network.Operand
  ) throws -> Network.Operand {
    guard let operation = name.stringValue.flatMap(Network.Arithmetic.init) else {
      throw failure("there is no such operation")
    }
    let parts = try items(
      operands ?? .null, operation.count, "\(operation.rawValue) takes \(operation.count) numbers")
    return .operation(operation, try parts.map(part))
  }

  private func items(_ value: JSONDocument, _ count: Int, _ message: String) throws
    -> [JSONDocument]
  {
    guard let items = value.arrayValue, items.count == count else { throw failure(message) }
    return items
  }

  /// A value that stands for itself.
  func literal(_ value: JSONDocument, _ what: String) throws -> Network.Operand {
    switch value {
    case .null: return .none
    case .boolean(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .string(let value): return .text(value)
    default: throw failure("\(what) is no null, flag, number or text")
    }
  }

  /// A module's attribute.
  func attribute(_ value: JSONDocument, depth: Int) throws -> Network.Operand {
    try checkDepth(depth)
    switch value {
    case .array(let items): return .list(try items.map { try attribute($0, depth: depth + 1) })
    case .object(let members):
      guard members.count == 1, let only = members.first else {
        throw failure("an attribute says nothing known")
      }
      guard only.key == "function" else { return try plain(only.key, only.value) }
      guard let name = only.value.stringValue else { throw failure("a function is no text") }
      return .function(try named(name))
    default: return try literal(value, "an attribute")
    }
  }

  /// An argument of the root; a value in it is an input's number.
  func argument(_ value: JSONDocument, depth: Int) throws -> Network.Operand {
    try checkDepth(depth)
    switch value {
    case .array(let items): return .list(try items.map { try argument($0, depth: depth + 1) })
    case .object(let members):
      guard members.count == 1, let only = members.first else { throw failure("it says too much") }
      switch only.key {
      case "input": return .value(try count(only.value, "an input"))
      case "dict":
        return .dictionary(
          try self.members(only.value, "a dict").map {
            .init(key: try named($0.key), value: try argument($0.value, depth: depth + 1))
          })
      case "opaque": return try plain(only.key, only.value)
      default: throw failure("it says \(only.key.shortened())")
      }
    default: return try literal(value, "it")
    }
  }

  private func checkDepth(_ depth: Int) throws {
    guard depth <= Bounds.depth else {
      throw failure("operands are nested deeper than \(Bounds.depth)")
    }
  }
}
