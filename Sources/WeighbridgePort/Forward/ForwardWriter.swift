import WeighbridgeNetwork

/// Writes what a module's forward does in one of its calls, as a person would who has its Python.
struct ForwardWriter {
  let recording: Recording
  let parts: [Int: Part]
  let node: Int
  let program: Network.Program
  let site: Network.Call
  /// Forms of the inputs and of what each instruction gave.
  let forms: [Value]
  let interface: Interface
  var layout: Layout
  /// Names of members that others of the class lack.
  var optional: Set<String> = []
  /// The instruction up to which a loop has written everything.
  var done = -1
  /// Lists that a loop has filled, with the arrays that they are.
  var grown: [(items: [Network.Operand], code: Code)] = []

  /// What each value is.
  var held: [Int: Held] = [:]
  var statements: [Statement] = []
  /// The names of Python, and the value that each means at present.
  var scope: [String: Int] = [:]
  /// The names that are taken: of variables, which properties may have as well.
  var locals: [String: Int] = [:]
  var attributes: [Draft.Attribute] = []
  private var attributeNames: [String: String] = [:]
  private(set) var constants: [(name: String, number: Int)] = []
  private var constantNames: [Int: String] = [:]
  var guards: Set<String> = []
  /// An expression of the dtype that the model runs in.
  var dtype = Code(".float32")
  let flow: Flow

  /// Marks the variable that holds the dtype, which is there only where it is used.
  static let dtypeMark = "\u{3}dtype"

  struct Statement {
    enum Kind {
      case declare(String)
      case assign(String)
      case plain
    }

    var kind: Kind
    var code: Code
    var isMutable = false
    /// A tensor that is declared: only those are assigned to again.
    var isTensor = true
    /// What declarations of one tuple of Python have in common.
    var group: Int?
  }

  init(
    _ recording: Recording, _ parts: [Int: Part], _ layout: Layout, _ site: Network.Call,
    _ forms: [Value], _ interface: Interface
  ) {
    (self.recording, self.parts, self.layout, self.site) = (recording, parts, layout, site)
    self.interface = interface
    (node, program) = (site.node, recording.network.programs[site.program])
    self.forms = forms
    flow = Flow(program)
  }

  /// Writes the whole body.
  ///
  /// - Throws: `PortLimit` for what cannot be written, with the line of Python.
  mutating func write() throws {
    bindInputs()
    if node == 0 { requireRecordedSizes() }
    var pending = try conditions()
    try check(&pending, through: program.inputs.count - 1)
    for (index, instruction) in program.body.enumerated() {
      let value = program.inputs.count + index
      guard flow.isLive[index], index > done else { continue }
      do {
        if try writeLoop(from: index) || writeGrowing(from: index) {
          try check(&pending, through: program.inputs.count + done)
          continue
        }
        try write(instruction, index, value)
        try check(&pending, through: value)
      } catch var limit as PortLimit {
        if limit.place == nil { limit.place = instruction.place ?? program.place }
        throw limit
      }
    }
    do {
      let code = try returned(operand(program.returns))
      statements.append(Statement(kind: .plain, code: Code("return \(code.marked)")))
    } catch var limit as PortLimit {
      if limit.place == nil { limit.place = program.place }
      throw limit
    }
  }

  private func returned(_ held: Held) throws -> Code {
    switch interface.outputs {
    case .tensor:
      guard let only = try held.tensors().first else { throw PortLimit("returns no tensor") }
      return only
    case .list: return try held.tensorList()
    case .fields(let fields):
      let codes = try Drafting.leafCodes(held)
      guard codes.count == fields.count else { throw PortLimit("returns \(held.form.kind)") }
      return .call(".init", zip(fields, codes).map { Argument($0.name, $1) })
    case .recurrent: throw PortLimit("returns what a recurrent network does")
    }
  }

  private mutating func write(
    _ instruction: Network.Instruction, _ index: Int, _ value: Int
  ) throws {
    let form = forms[value]
    let result: Held
    switch instruction.target {
    case .module:
      guard let child = site.children[index] else { throw PortLimit("calls nothing") }
      result = try call(child, instruction, index, form)
    case .function(let name):
      guard let spelling = Spellings.table[name], let function = Vocabulary.function(name) else {
        throw PortLimit("calls \(name.prefix(80)), which this package cannot write in Swift")
      }
      let taken = Set(locals.keys)
      let keeper = CallSite.Keeper { taken.contains($0) || $0 == "input" || $0 == "dtype" }
      let site = CallSite(
        function: function, operands: try instruction.arguments.map { try operand($0.value) },
        form: form, dtype: dtype, recorded: recording.dtype, keeper: keeper)
      result = try spelling(site)
      for (name, code) in keeper.kept { declare(name, code, isTensor: true) }
    case .unknown(let name):
      throw PortLimit("calls \(name.prefix(80)), which this package does not have")
    }
    held[value] = try bound(result, instruction, index, value)
  }

  // Inputs

  private mutating func bindInputs() {
    var index = 0
    for (place, input) in program.inputs.enumerated() {
      let form = forms[place]
      if input.expected != nil || (form.tensors.isEmpty && !Drafting.hasNumbers(form)) {
        held[place] = .literal(form)
        continue
      }
      let name = Drafting.inputName(input)
      switch interface.inputs {
      case .tensor, .attention, .recurrent:
        held[place] = Drafting.placed(form) { _ in Code(name) }
        note(name, place)
      case .list:
        held[place] = listed(form, name, place, &index)
      case .fields:
        var number = 0
        held[place] = Drafting.leaves(form) { leaf in
          let field = Drafting.fieldName(name, form, number)
          number += 1
          _ = leaf
          return Code("input.\(field)")
        }
        if case .tensor = form {
          bindLocal(name, place, Code("input.\(Drafting.fieldName(name, form, 0))"))
        }
      }
    }
    setDType()
  }

  /// Where no input tells the dtype that the model runs in, a parameter does.
  private mutating func setDType() {
    for property in layout.properties {
      if case .tensor(let tensor, _) = property.content,
        DType(rawValue: tensor.dtype)?.isFloatingPoint == true
      {
        dtype = Code("\(Layout.mark)\(property.name).dtype")
        return
      }
    }
    let tensors = program.inputs.indices.filter {
      if case .tensor(let tensor) = forms[$0] { tensor.dtype.isFloatingPoint } else { false }
    }
    guard let first = tensors.first, case .code(let code, _, _)? = held[first] else { return }
    // An input's name may mean another value later, of the same dtype or not.
    locals["dtype"] = -2
    statements.append(
      Statement(kind: .declare("dtype"), code: code.member("dtype"), isTensor: false))
    dtype = Code(ForwardWriter.dtypeMark)
  }

  private mutating func listed(
    _ form: Value, _ name: String, _ place: Int, _ index: inout Int
  ) -> Held {
    if case .list(let items) = form, index == 0,
      program.inputs.indices.filter({ !forms[$0].tensors.isEmpty }).count == 1,
      items.allSatisfy({ if case .tensor = $0 { true } else { false } })
    {
      index += items.count
      return .code(Code("input.tensors"), form)
    }
    if case .tensor = form {
      let code = Code("input[\(index)]")
      index += 1
      bindLocal(name, place, code)
      return held[place] ?? .literal(.none)
    }
    return Drafting.placed(form) { _ in
      defer { index += 1 }
      return Code("input[\(index)]")
    }
  }

  private mutating func bindLocal(_ wanted: String, _ place: Int, _ code: Code) {
    guard flow.uses[place] > 1 else {
      held[place] = .code(code, forms[place])
      return
    }
    let name = locals[wanted] == nil && wanted != "input" ? wanted : "\(wanted)Input"
    statements.append(Statement(kind: .declare(name), code: code))
    locals[name] = statements.count - 1
    scope[name] = place
    held[place] = .code(Code(name), forms[place])
  }

  private mutating func note(_ name: String, _ place: Int) {
    locals[name] = -1
    scope[name] = place
  }

  // Guards

  /// Refuses other extents where the network was seen to do something else for them.
  private mutating func requireRecordedSizes() {
    guard let recorded = recording.network.variations.first(where: { $0.kind == .values })?.shapes
    else { return }
    let kinds = recording.network.variations.filter { $0.result == .differs }.map(\.kind)
    let tensors = program.inputs.indices.flatMap { (try? held[$0]?.tensors()) ?? [] }
    for (code, shape) in zip(tensors, recorded) {
      let extents = shape.indices.map { axis in
        kinds.contains(axis == 0 ? .batch : .size) ? "\(shape[axis])" : "nil"
      }
      guard extents.contains(where: { $0 != "nil" }) else { continue }
      let list = extents.joined(separator: ", ")
      statements.append(
        Statement(kind: .plain, code: Code("try requirePorted(\(code.text), has: [\(list)])")))
      for (axis, extent) in extents.enumerated() where extent != "nil" {
        guards.insert("\(code.text).shape[\(axis)] == \(extent)")
      }
    }
  }

  private struct Pending {
    let needs: Int
    let condition: Network.Guard
  }

  private func conditions() throws -> [Pending] {
    program.guards.filter { !($0.left.isFixed && $0.right.isFixed) }.map { condition in
      Pending(
        needs: (condition.left.values + condition.right.values).max() ?? -1, condition: condition)
    }.sorted { $0.needs < $1.needs }
  }

  private mutating func check(_ pending: inout [Pending], through value: Int) throws {
    while let first = pending.first, first.needs <= value {
      pending.removeFirst()
      let (left, right) = (try operand(first.condition.left), try operand(first.condition.right))
      if left.fixed != nil, right.fixed != nil { continue }
      let isWhole = left.form.asInteger != nil && right.form.asInteger != nil
      let a = isWhole ? try left.integer() : try left.number()
      let b = isWhole ? try right.integer() : try right.number()
      let sign = first.condition.sign
      if a.text != b.text { require("\(a.text) \(sign) \(b.text)") }
    }
  }

  private mutating func require(_ condition: String) {
    guard guards.insert(condition).inserted else { return }
    let said = condition.replacing(Layout.mark, with: "")
    // What stands in front of a long condition tells which one it is.
    let shown = said.count > 64 ? said.prefix(60) + " ..." : said
    statements.append(
      Statement(
        kind: .plain,
        code: Code("try requirePorted(\(condition), \(Code.string(shown).text))")))
  }

  // Attributes and constants

  mutating func attribute(_ reference: Network.Operand.Reference) throws -> Held {
    let full = reference.absolute(in: recording.network.nodes[node].path)
    guard let value = recording.attribute(full) else {
      throw PortLimit("reads the attribute \(reference.name.prefix(80)), which was not recorded")
    }
    let literal = try Drafting.literal(value)
    guard Drafting.isNumeric(literal), !reference.fromRoot else { return .literal(literal) }
    if let name = attributeNames[full] {
      return .code(Code(Layout.mark + name), literal, isFixed: true)
    }
    let name = layout.unique(Names.value(reference.name, other: "attribute"))
    attributeNames[full] = name
    attributes.append(Draft.Attribute(name: name, value: value))
    return .code(Code(Layout.mark + name), literal, isFixed: true)
  }

  mutating func constant(_ number: Int) -> Held {
    let tensor = recording.network.constants[number]
    let form = Value.tensor(Tensor(describing: tensor.dtype, shape: tensor.shape))
    if let name = constantNames[number] { return .code(Code(Layout.mark + name), form) }
    let name = layout.unique("constant\(constants.count)")
    constantNames[number] = name
    constants.append((name, number))
    return .code(Code(Layout.mark + name), form)
  }
}

extension Network.Guard {
  /// The comparison that must hold, as Swift's operator.
  var sign: String {
    switch (comparison, expected) {
    case (.eq, true), (.ne, false): "=="
    case (.ne, true), (.eq, false): "!="
    case (.lt, true), (.ge, false): "<"
    case (.le, true), (.gt, false): "<="
    case (.gt, true), (.le, false): ">"
    case (.ge, true), (.lt, false): ">="
    }
  }
}

extension Network.Operand {
  /// Whether it rests on no value of the program.
  var isFixed: Bool {
    switch self {
    case .value, .tensor, .size, .constant: false
    default: parts.allSatisfy(\.isFixed)
    }
  }
}
