import WeighbridgeNetwork

extension ForwardWriter {
  // Calls of modules

  mutating func call(
    _ child: Network.Call, _ instruction: Network.Instruction, _ index: Int, _ form: Value
  ) throws -> Held {
    let target = recording.network.nodes[child.node]
    guard let code = reached(child.node), let part = parts[child.node] else {
      throw PortLimit("calls \(target.path.prefix(80)), a module that another one holds")
    }
    let program = recording.network.programs[child.program]
    var given: [Held] = []
    for argument in instruction.arguments { given.append(try operand(argument.value)) }
    let interface: Interface
    switch part {
    case .layer, .chain: interface = .unary
    case .attention:
      return try attention(code, program, given, form)
    case .recurrent: interface = .recurrent
    case .type(let draft): interface = draft.interface
    default: throw PortLimit("calls \(target.path.prefix(80)), which is no module here")
    }
    let arguments = zip(program.inputs, given).filter { $0.0.expected == nil }.map { $0.1 }
    let call: Code
    switch interface.inputs {
    case .recurrent:
      let x = Argument(nil, try Held.list(arguments).tensors().first ?? Code("x"))
      call = .call(
        code.text, [Argument(nil, .call("RecurrentInput", [x]))], throwing: true)
    case .tensor, .attention:
      let tensors = try arguments.flatMap { try $0.tensors() }
      guard tensors.count == 1 else { throw PortLimit("gives \(tensors.count) tensors to a layer") }
      if let property = layout.properties.first(where: { code.text == Layout.mark + $0.name }),
        optional.contains(property.name)
      {
        let x = tensors[0].isThrowing ? keep(tensors[0], index) : tensors[0]
        call = Code("\(code.text)?(\(x.text)) ?? \(x.text)", isThrowing: true, level: .choice)
        break
      }
      call = .call(code.text, [Argument(nil, tensors[0])], throwing: true)
    case .list:
      let sole = arguments.filter { !$0.form.tensors.isEmpty }
      let given = sole.count == 1 ? sole[0] : .list(arguments)
      call = .call(code.text, [Argument(nil, try given.tensorList())], throwing: true)
    case .fields(let fields):
      let values = try arguments.flatMap { try Drafting.leafCodes($0) }
      guard values.count == fields.count else {
        throw PortLimit("gives \(values.count) values where \(fields.count) are taken")
      }
      let list = zip(fields, values).map { Argument($0.name, $1) }
      call = .call(code.text, [Argument(nil, .call(".init", list))], throwing: true)
    }
    return returned(call, interface, instruction, index, form)
  }

  /// What a call gives: an expression, or members of a bundle that is kept in a variable.
  private mutating func returned(
    _ call: Code, _ interface: Interface, _ instruction: Network.Instruction, _ index: Int,
    _ form: Value
  ) -> Held {
    guard interface.outputs != .tensor else {
      if case .tensor = form { return Drafting.placed(form) { _ in call } }
      guard flow.uses[program.inputs.count + index] > 1 else {
        return Drafting.placed(form) { _ in call }
      }
      // The one tensor of a dictionary, which is no value of the program by itself.
      let name = variable(instruction.name, "output", index)
      declare(name, call, isTensor: true)
      return Drafting.placed(form) { _ in Code(name) }
    }
    guard flow.uses[program.inputs.count + index] > 0 else {
      discard(call)
      return Drafting.placed(form) { _ in call }
    }
    if let only = onlyUse(of: index, form) {
      return result(form, interface, { only == $0 ? call : Code("") })
    }
    let name = variable(instruction.names.isEmpty ? instruction.name : nil, "output", index)
    declare(name, call, isTensor: false)
    return result(form, interface) { _ in Code(name) }
  }

  /// The number of the only tensor of a call's result that is used, where no variable needs to hold the rest.
  private func onlyUse(of index: Int, _ form: Value) -> Int? {
    let value = program.inputs.count + index
    guard case .list(let items) = form, let uses = flow.itemUses[value], uses.count == 1,
      let place = uses.keys.first, place < items.count, !flow.usesWhole.contains(value),
      case .tensor = items[place],
      flow.isInlined[index] || program.body[index].names.contains(where: { $0.key == "\(place)" })
    else { return nil }
    return Value.list(Array(items.prefix(place))).tensors.count
  }

  /// The members of what a call gives: of a bundle, by the number of each tensor.
  private func result(
    _ form: Value, _ interface: Interface, _ bundle: (Int) -> Code
  ) -> Held {
    var place = 0
    func member(_ body: (Int) -> Code) -> Code {
      defer { place += 1 }
      return body(place)
    }
    switch interface.outputs {
    case .fields(let fields):
      return Drafting.leaves(form) { _ in
        member { bundle($0).member($0 < fields.count ? fields[$0].name : "") }
      }
    case .recurrent:
      return Drafting.placed(form) { _ in
        member { $0 == 0 ? bundle($0).member("output") : bundle($0).member("state").item($0 - 1) }
      }
    default: return Drafting.placed(form) { _ in member { bundle($0).item($0) } }
    }
  }

  private mutating func keep(_ code: Code, _ index: Int) -> Code {
    let name = variable(nil, "y", index)
    declare(name, code, isTensor: true)
    return Code(name)
  }

  private func attention(
    _ code: Code, _ program: Network.Program, _ given: [Held], _ form: Value
  ) throws -> Held {
    let places = NetworkLayers.attentionPlaces(program)
    func tensor(_ name: String) throws -> Code? {
      guard let place = places[name], place < given.count,
        case .code(let code, .tensor, _) = given[place]
      else { return nil }
      return code
    }
    guard let query = try tensor("query"), let key = try tensor("key"),
      let value = try tensor("value")
    else { throw PortLimit("gives no tensors to attention") }
    var arguments = [Argument]()
    let masks = [("attentionMask", "attn_mask"), ("keyPaddingMask", "key_padding_mask")]
      .compactMap { label, name in (try? tensor(name)).flatMap { $0 }.map { Argument(label, $0) } }
    if query == key, key == value, masks.isEmpty {
      arguments = [Argument(nil, query)]
    } else {
      arguments =
        [Argument("query", query), Argument("key", key), Argument("value", value)] + masks
    }
    let call = Code.call(
      code.text, [Argument(nil, .call("MultiheadAttentionInput", arguments))], throwing: true)
    return Drafting.placed(form) { _ in call }
  }

  // Variables

  /// A value as later steps see it: in place, or as a variable.
  mutating func bound(
    _ result: Held, _ instruction: Network.Instruction, _ index: Int, _ value: Int
  ) throws -> Held {
    let names = Dictionary(
      instruction.names.map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })
    switch result {
    case .code(let code, let form, _):
      guard case .list(let items) = form else {
        if flow.uses[value] == 0 {
          if code.isThrowing { discard(code) }
          return result
        }
        guard !flow.isInlined[index], !isPlain(code) else { return result }
        guard case .tensor = form else {
          let name = variable(instruction.name, "count", index)
          declare(name, code, isTensor: false)
          return .code(Code(name), form)
        }
        return .code(local(instruction.name, instruction, code, index, value), form)
      }
      if flow.uses[value] == 1, !flow.takesItems[value], names.isEmpty, flow.isInlined[index] {
        return result
      }
      let name = variable(names.isEmpty ? instruction.name : nil, "parts", index)
      declare(name, code, isTensor: false)
      return named(
        items.indices.map { .code(Code("\(name)[\($0)]"), items[$0]) }, names, index, value)
        ?? .code(Code(name), form)
    case .indexed(let code, let values, let indices):
      let name = variable(names.isEmpty ? instruction.name : nil, "found", index)
      declare(name, code, isTensor: false)
      let all = Held.indexed(Code(name), values: values, indices: indices)
      return named([try all.item(0), try all.item(1)], names, index, value) ?? all
    case .list(let items):
      if flow.uses[value] == 0 {
        for item in items { for code in try item.tensors() where code.isThrowing { discard(code) } }
        return result
      }
      return named(items, names, index, value) ?? .list(items)
    default: return result
    }
  }

  mutating func discard(_ code: Code) {
    statements.append(Statement(kind: .plain, code: Code("_ = try \(code.text)")))
  }

  /// A name or a property: nothing that is computed again.
  private func isPlain(_ code: Code) -> Bool { !code.isThrowing && code.level == .atom }

  /// Members of a tuple under the names that Python gives them; `nil` where nothing is to be named.
  private mutating func named(
    _ items: [Held], _ names: [String: String], _ index: Int, _ value: Int
  ) -> Held? {
    var result = items
    var isChanged = false
    for (place, item) in items.enumerated() {
      guard case .code(let code, .tensor(let tensor), _) = item,
        let uses = flow.itemUses[value]?[place] ?? (flow.usesWhole.contains(value) ? 1 : nil),
        uses > 0
      else { continue }
      let wanted = names["\(place)"]
      guard wanted != nil || (uses > 1 && !isPlain(code)) else { continue }
      let isOnly = flow.itemUses[value]?.count == 1 && !flow.usesWhole.contains(value)
      if let wanted,
        isOnly || items.allSatisfy({ isMember($0, besides: Names.value(wanted, other: "x")) }),
        let code = reused(Names.value(wanted, other: "x"), code, index, value)
      {
        result[place] = .code(code, .tensor(tensor))
        isChanged = true
        continue
      }
      let name = variable(wanted, "part\(place)", index)
      declare(name, code, isTensor: true)
      statements[statements.count - 1].group = index
      if let wanted, name == Names.value(wanted, other: "x") { scope[name] = value }
      result[place] = .code(Code(name), .tensor(tensor))
      isChanged = true
    }
    return isChanged ? .list(result) : nil
  }

  /// The variable that a tensor is kept in: Python's own, where that is free by now.
  private mutating func local(
    _ wanted: String?, _ instruction: Network.Instruction, _ code: Code, _ index: Int, _ value: Int
  ) -> Code {
    let name = wanted.map { Names.value($0, other: "x") }
    if let name, let known = reused(name, code, index, value) { return known }
    let fallback: String
    switch instruction.target {
    case .module(let path, _):
      let last = Recording.name(of: path)
      fallback = last.allSatisfy(\.isNumber) ? "y" : Names.value(last, other: "y") + "Output"
    default: fallback = "y"
    }
    let free = variable(name.map { scope[$0] == nil ? $0 : fallback } ?? fallback, "y", index)
    statements.append(Statement(kind: .declare(free), code: code))
    locals[free] = statements.count - 1
    scope[free] = value
    return Code(free)
  }

  /// A variable that Python uses again, where its value is not needed any more.
  private mutating func reused(
    _ name: String, _ code: Code, _ index: Int, _ value: Int
  ) -> Code? {
    guard let other = scope[name], let declared = locals[name], flow.lastUse[other] <= index,
      declared < 0 || statements[declared].isTensor
    else { return nil }
    scope[name] = value
    if declared >= 0 {
      statements[declared].isMutable = true
      statements.append(Statement(kind: .assign(name), code: code))
    } else {
      // The forward's own parameter gives way to a variable of its name.
      statements.append(Statement(kind: .declare(name), code: code))
      locals[name] = statements.count - 1
    }
    return Code(name)
  }

  /// A member of a bundle that another variable holds.
  private func isMember(_ held: Held, besides name: String) -> Bool {
    guard case .code(let code, _, _) = held else { return true }
    return isPlain(code) && code.text.prefix { $0.isLetter || $0.isNumber } != name
  }

  /// A variable's name that is free.
  mutating func variable(_ wanted: String?, _ fallback: String, _ index: Int) -> String {
    let base = wanted.map { Names.value($0, other: fallback) } ?? fallback
    var (name, number) = (base, 2)
    while locals[name] != nil || name == "input" || name == "dtype" {
      name = "\(base)\(base.last?.isNumber == true ? "_" : "")\(number)"
      number += 1
    }
    locals[name] = -2
    return name
  }

  mutating func declare(_ name: String, _ code: Code, isTensor: Bool) {
    statements.append(Statement(kind: .declare(name), code: code, isTensor: isTensor))
    locals[name] = statements.count - 1
  }
}
