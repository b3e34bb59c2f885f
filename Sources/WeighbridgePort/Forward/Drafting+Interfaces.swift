import WeighbridgeNetwork

/// How modules are called: what their forwards take and return.
extension Drafting {
  static func interface(
    _ program: Network.Program, _ forms: [Value], returned: Value?, names: [Int: String] = [:]
  ) -> Interface {
    var fields: [Interface.Field] = []
    var hasNumbers = false
    var tensors = 0
    var isPlain = true
    for (input, form) in zip(program.inputs, forms) where input.expected == nil {
      let name = inputName(input)
      var number = 0
      each(form) { leaf in
        let kind = fieldKind(leaf)
        fields.append(.init(name: fieldName(name, form, number), kind: kind))
        number += 1
        guard kind == .tensor else { return hasNumbers = true }
        tensors += 1
        if case .tensor = form {} else { isPlain = false }
      }
    }
    let inputs: Interface.Inputs =
      hasNumbers ? .fields(fields) : tensors == 1 && isPlain ? .tensor : .list
    return Interface(inputs: inputs, outputs: outputs(program, forms, returned, names))
  }

  private static func outputs(
    _ program: Network.Program, _ forms: [Value], _ returned: Value?, _ known: [Int: String]
  ) -> Interface.Outputs {
    guard let returned else { return .tensor }
    guard hasNumbers(returned) else { return returned.tensors.count == 1 ? .tensor : .list }
    var names = Names(taken: ["tensors"])
    var fields: [Interface.Field] = []
    func note(_ wanted: String?, _ leaf: Value) {
      let kind = fieldKind(leaf)
      let name = names.unique(wanted ?? (kind == .tensor ? "output" : "number"))
      fields.append(.init(name: name, kind: kind))
    }
    var operands: [Network.Operand]?
    if case .list(let own) = program.returns { operands = own }
    guard case .list(let items) = returned, !known.isEmpty,
      operands == nil || operands?.count == items.count
    else {
      name(program.returns, returned, program, forms, note)
      return .fields(fields)
    }
    for (place, item) in items.enumerated() {
      if let known = known[place] {
        each(item) { note(Names.value(known, other: "output"), $0) }
      } else {
        name(operands?[place], item, program, forms, note)
      }
    }
    return .fields(fields)
  }

  /// Tensors and numbers that are returned, in order, with the names that Python has for them.
  private static func name(
    _ operand: Network.Operand?, _ form: Value, _ program: Network.Program, _ forms: [Value],
    _ body: (String?, Value) -> Void
  ) {
    switch (form, operand) {
    case (.list(let items), .list(let operands)?) where items.count == operands.count:
      for (item, operand) in zip(items, operands) {
        name(operand, item, program, forms, body)
      }
    case (.list(let items), _):
      for item in items { name(nil, item, program, forms, body) }
    case (.dictionary(let members), _):
      for member in members {
        each(member.value) { body(Names.value(member.key, other: "output"), $0) }
      }
    case (.tensor, .value(let number)?):
      let inputs = program.inputs.count
      let wanted =
        number < inputs ? inputName(program.inputs[number]) : program.body[number - inputs].name
      body(wanted.map { Names.value($0, other: "output") }, form)
    case (.integer, .size(.value(let number), let axis)?):
      body(side(forms[number], axis), form)
    default: each(form) { body(nil, $0) }
    }
  }

  /// What an extent of a batch of images is called.
  private static func side(_ form: Value, _ axis: Int) -> String? {
    guard case .tensor(let tensor) = form, tensor.rank == 4 else { return nil }
    return axis == 2 ? "height" : axis == 3 ? "width" : nil
  }

  private static func fieldKind(_ leaf: Value) -> Interface.Field.Kind {
    switch leaf {
    case .tensor: .tensor
    case .number: .number
    default: .integer
    }
  }

  static func parameterName(_ program: Network.Program, _ forms: [Value]) -> String {
    for (input, form) in zip(program.inputs, forms) where input.expected == nil {
      if case .tensor = form { return inputName(input) }
    }
    return "x"
  }

  /// PyTorch's layers call their input `input`, which bundles are called here.
  static func inputName(_ input: Network.Input) -> String {
    input.name == "input" ? "x" : Names.value(input.name, other: "x")
  }

  /// A field of a bundle: the input's name, with a number where the input holds several.
  static func fieldName(_ name: String, _ form: Value, _ number: Int) -> String {
    switch form {
    case .list, .dictionary: "\(name)\(number)"
    default: name
    }
  }

  static func hasNumbers(_ form: Value) -> Bool {
    switch form {
    case .integer, .number: true
    case .list(let items): items.contains(where: hasNumbers)
    case .dictionary(let members): members.contains { hasNumbers($0.value) }
    default: false
    }
  }

  /// Tensors and numbers in order.
  private static func each(_ form: Value, _ body: (Value) -> Void) {
    switch form {
    case .tensor, .integer, .number: body(form)
    case .list(let items): items.forEach { each($0, body) }
    case .dictionary(let members): members.forEach { each($0.value, body) }
    default: break
    }
  }

  /// A value of this form whose tensors and numbers are these expressions.
  static func leaves(_ form: Value, _ code: (Value) -> Code) -> Held {
    switch form {
    case .tensor, .integer, .number: .code(code(form), form)
    case .list(let items): .list(items.map { leaves($0, code) })
    case .dictionary(let members):
      .dictionary(members.map { (key: $0.key, value: leaves($0.value, code)) })
    default: .literal(form)
    }
  }

  /// A value of this form whose tensors are these expressions; numbers in it are not to be had.
  static func placed(_ form: Value, _ code: (Value) -> Code) -> Held {
    switch form {
    case .tensor: .code(code(form), form)
    case .list(let items): .list(items.map { placed($0, code) })
    case .dictionary(let members):
      .dictionary(members.map { (key: $0.key, value: placed($0.value, code)) })
    case .integer, .number: .refused("uses a number that another module returns")
    default: .literal(form)
    }
  }

  /// The expressions of tensors and numbers in order.
  static func leafCodes(_ held: Held) throws -> [Code] {
    switch held {
    case .code(let code, .list(let forms), _):
      return try forms.indices.flatMap { try leafCodes(.code(code.item($0), forms[$0])) }
    case .code(let code, _, _): return [code]
    case .list(let items): return try items.flatMap(leafCodes)
    case .dictionary(let members): return try members.flatMap { try leafCodes($0.value) }
    case .literal(.integer(let value)): return [.integer(value)]
    case .literal(.number(let value)): return [.number(value)]
    case .literal(.list(let items)): return try items.flatMap { try leafCodes(.literal($0)) }
    case .refused(let reason): throw PortLimit(reason)
    default: return []
    }
  }
}
