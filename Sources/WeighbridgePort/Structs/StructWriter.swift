import WeighbridgeNetwork

/// Writes a family as a struct.
struct StructWriter {
  let porting: Porting
  let family: Family
  /// Whether it is the network itself, which others import.
  let isRoot: Bool

  /// Its members in order, where it does nothing but run them.
  let sequence: [Layout.Property]?

  init(porting: Porting, family: Family, isRoot: Bool) {
    (self.porting, self.family, self.isRoot) = (porting, family, isRoot)
    sequence = porting.sequence(family)
  }

  var draft: Draft { family.first }
  private var access: String { isRoot ? "public " : "" }
  private var described: Network.Node { porting.recording.network.nodes[draft.node] }

  /// The lines of the struct, indented.
  func lines() throws -> [String] {
    var lines = comment()
    let isSequence = sequence != nil
    lines.append("\(access)struct \(family.name): \(isSequence ? "SequentialModule" : "Module") {")
    lines.append("  \(access)let \(isSequence ? "layers: Sequential" : "path: ModulePath")")
    let kind = described.kind
    if kind != family.name {
      lines.append("  \(access)var kind: String { \(Names.kind(kind).text) }")
    }
    if !isSequence { lines += properties().map { "  \($0)" } }
    for bundle in porting.bundles
    where !bundle.isShared && bundle.users.contains(where: { $0 === family }) {
      lines += [""] + BundleWriter(bundle: bundle).lines().map { "  \($0)" }
    }
    lines += [""] + (try initializer()).map { "  \($0)" }
    if !isSequence { lines += [""] + forward().map { "  \($0)" } }
    return lines + ["}"]
  }

  private func comment() -> [String] {
    let class_ = Names.comment(family.className)
    var lines = ["/// PyTorch's `\(class_)`."]
    if let place = described.calls.first.flatMap({ porting.recording.network.programs[$0].place }),
      !place.file.hasPrefix("torch/")
    {
      // The file says which module the class is of.
      let source = Names.comment(place.description)
      let plain = "/// PyTorch's `\(Recording.name(of: class_))`,"
      let whole = "\(plain) \(source)."
      lines = whole.count <= 100 ? [whole] : ["\(plain) \(Recording.file(of: source))."]
      if lines[0].count > 100 { lines = [plain, "/// \(source)."] }
    }
    if let limit = draft.limit {
      lines.append("///")
      lines += Names.wrapped("Not ported: \(limit.summary)").map { "/// \($0)" }
    }
    return lines
  }

  // Properties

  private func properties() -> [String] {
    var types: [(type: String, names: [String])] = []
    var constants: [String] = []
    let lenders = lenders
    for (name, building) in family.template where !name.hasPrefix("_") {
      if lenders[name] == nil, case .leaf(let text, let kind) = building {
        let type = kind == .number && Int(text) != nil ? ": Double" : ""
        constants.append("let \(name)\(type) = \(text)")
        continue
      }
      let type = lenders[name] ?? self.type(building, name)
      if let place = types.firstIndex(where: { $0.type == type }) {
        types[place].names.append(name)
      } else {
        types.append((type, [name]))
      }
    }
    return types.map { "let \($0.names.joined(separator: ", ")): \($0.type)" } + constants
  }

  func type(_ building: Building, _ name: String) -> String {
    switch building {
    case .leaf(_, let kind), .parameter(_, let kind):
      switch kind {
      case .build: return existential(name)
      case .builds: return "[\(existential(name))]"
      case .optional: return "(\(existential(name)))?"
      default: return kind.type(build: "")
      }
    case .module(let type, _, _): return type
    case .chain, .named: return "Sequential"
    case .repeated(let element, _): return "[\(type(element, name))]"
    case .list(let items):
      let types = Set(items.map { type($0, name) })
      if types.count == 1, let only = types.first { return "[\(only)]" }
      return "[\(existential(name))]"
    case .growing: return "Int"
    case .shape: return "Tensor"
    case .node: return existential(name)
    }
  }

  /// What is known of a property's modules where they are not of one struct.
  private func existential(_ name: String) -> String {
    let property = draft.layout.properties.first { $0.name == name }
    let node: Int? =
      switch property?.content {
      case .module(let node): node
      case .modules(let nodes): nodes.first
      default: nil
      }
    return porting.existential(node.flatMap { porting.parts[$0]?.interface } ?? .unary)
  }

  // Initialiser

  private func initializer() throws -> [String] {
    let lenders = lenders
    let parameters =
      family.parameters.map(porting.declaration)
      + draft.layout.borrowed.map { "\($0.name): \(lenders[$0.name] ?? "any UnaryModule")" }
    var lines = try sequence.map { [try sequential($0)] } ?? ["path = w.path"]
    for (name, building) in sequence == nil ? family.template : [] {
      if name.hasPrefix("_") { continue }
      if case .leaf = building, lenders[name] == nil { continue }
      if lent.contains(name) {
        let column = Column(indent: 4).after("let \(name) = try ")
        lines.append("let \(name) = \(try value(name, building, column))")
        lines.append("self.\(name) = \(name)")
        continue
      }
      if let loops = loops(name, building) {
        lines += loops
        continue
      }
      // A parameter of the same name would be meant.
      let target =
        family.parameters.contains { $0.name == name } || lenders[name] != nil
        ? "self.\(name)" : name
      let column = Column(indent: 4).after("\(target) = try ")
      lines.append("\(target) = \(try value(name, building, column))")
    }
    let list = (["_ w: WeightScope"] + parameters).joined(separator: ", ")
    return block("\(access)init(\(list)) throws", lines + unread())
  }

  /// The types of modules that are lent to this one, by property: a struct where all instances are lent
  /// modules of it, else what is known of them.
  private var lenders: [String: String] {
    Dictionary(
      draft.layout.borrowed.map { name, node in
        let lent = family.drafts.flatMap(\.layout.borrowed).filter { $0.name == name }
        let types = Set(lent.map { self.type(ofLent: $0.node) })
        let known = types.count == 1 ? types.first ?? nil : nil
        return (name, known ?? porting.existential(porting.parts[node]?.interface ?? .unary))
      }, uniquingKeysWith: { first, _ in first })
  }

  private func type(ofLent node: Int) -> String? {
    switch try? porting.building(node) {
    case .module(let type, _, _): type
    case .chain, .named: "Sequential"
    default: nil
    }
  }

  /// Properties that others of this struct are given.
  private var lent: Set<String> {
    let names = draft.layout.properties.map(\.name)
    let given = draft.layout.nodes.flatMap { porting.borrowed($0) }
    let held = given.compactMap { node in draft.layout.modules[node]?.text }
    return Set(names.filter { name in held.contains { $0.hasPrefix(Layout.mark + name) } })
      .subtracting(draft.layout.borrowed.map(\.name))
  }

  private func value(_ name: String, _ building: Building, _ column: Column) throws -> String {
    if let property = draft.layout.properties.first(where: { $0.name == name }) {
      let key = Code.string(property.key).text
      switch property.content {
      case .module, .absent:
        return made(building, scope: "w / \(key)", at: column).marked
      case .modules: return list(building, column) { scope(property, $0) }
      case .borrowed: return name
      case .tensor(let tensor, let isBuffer):
        return request(property.key, tensor, building, isBuffer: isBuffer)
      }
    }
    if draft.attributes.contains(where: { $0.name == name }) { return text(building) }
    if let constant = draft.constants.first(where: { $0.name == name }) {
      let tensor = porting.recording.network.constants[constant.number]
      let role = tensor.dtype.isFloatingPoint ? "table" : "integers"
      return "try w.buffer(\(Code.string(name).text), .\(role), \(text(building)))"
    }
    throw PortLimit("has a property that is nothing")
  }

  private func request(
    _ key: String, _ tensor: Network.TensorDescription, _ building: Building, isBuffer: Bool
  ) -> String {
    let role = porting.recording.layers.role(of: described.name(key), tensor)
    let (owner, name) = (Recording.owner(of: key), Recording.name(of: key))
    let scope = owner.isEmpty ? "w" : "(w / \(Code.string(owner).text))"
    return "try \(scope).\(isBuffer ? "buffer" : "parameter")(\(Code.string(name).text), "
      + ".\(role.rawValue), \(text(building)))"
  }

  /// Tensors of the state dict that nothing reads are asked for all the same: no name is left over.
  private func unread() -> [String] {
    draft.layout.unread.enumerated().compactMap { place, unread in
      guard let found = family.template.first(where: { $0.name == "_\(place)" }) else { return nil }
      let scope =
        unread.owner.isEmpty
        ? "w.dead" : "(w / \(Code.string(unread.owner).text)).dead"
      let isFloating = DType(rawValue: unread.tensor.dtype)?.isFloatingPoint == true
      let role =
        isFloating
        ? (unread.tensor.shape.count < 2 ? "vector" : "table")
        : unread.tensor.shape.isEmpty ? "counter" : "integers"
      return "_ = try \(scope)(because: \"nothing reads it\")"
        + ".\(unread.isBuffer ? "buffer" : "parameter")"
        + "(\(Code.string(unread.tensor.name).text), .\(role), \(text(found.building)))"
    }
  }

  /// The scope of a module of a list, by the expression of its place.
  func scope(_ property: Layout.Property, _ place: String) -> String {
    let key = Code.string(property.key).text
    guard let first = property.first else { return "w / \(key) / \(place)" }
    if let number = Int(place) {
      return "w / \(Code.string("\(property.key)\(first + number)").text)"
    }
    return "w / \(key.dropLast())\\(\(place)\(first > 0 ? " + \(first)" : ""))\""
  }

  private func list(
    _ building: Building, _ column: Column, _ scope: (String) -> String
  ) -> String {
    switch building {
    case .repeated(let element, let count):
      let head = "(0..<\(text(count))).map {"
      let flat = made(element, scope: scope("$0"))
      let start = flat.isThrowing ? "try " : ""
      if column.fits("\(head) \(flat.marked) }") { return "\(start)\(head) \(flat.marked) }" }
      let laid = made(element, scope: scope("$0"), at: column.deeper.after(start))
      return "\(start)\(head)\n\(laid.marked.indented)\n}"
    case .list(let items):
      let made = items.enumerated().map { self.made($1, scope: scope("\($0)")) }
      let isThrowing = made.contains(where: \.isThrowing)
      return (isThrowing ? "try " : "") + "[\(made.map(\.text).joined(separator: ", "))]"
    case .parameter(let name, _):
      return "try \(name).enumerated().map { try $1(\(scope("$0"))) }"
    default: return text(building)
    }
  }

  func text(_ building: Building, at column: Column? = nil) -> String {
    switch building {
    case .leaf(let text, _): return text
    case .parameter(let name, _): return name
    case .module, .chain, .named: return closure(building, at: column)
    case .list(let items): return "[\(items.map { closure($0) }.joined(separator: ", "))]"
    case .repeated(let element, let count):
      let build = porting.build(porting.interface(of: element))
      return "[\(build)](repeating: \(closure(element)), count: \(text(count)))"
    case .growing(let start, let step): return "\(text(start)) + \(text(step)) * $0"
    case .shape(let extents): return "[\(extents.map { text($0) }.joined(separator: ", "))]"
    case .node: return ""
    }
  }

  /// A member with its body, in one line where there is room for it.
  private func block(_ head: String, _ body: [String]) -> [String] {
    if body.count == 1, head.count + body[0].count <= 92, !body[0].contains("\n") {
      return ["\(head) { \(body[0]) }"]
    }
    return ["\(head) {"] + body.map(\.indented) + ["}"]
  }

  // Forward

  private func forward() -> [String] {
    var lines = draft.lines
    if isRoot, draft.limit == nil, draft.interface.inputs == .list {
      let count = porting.recording.network.inputCount
      lines.insert("try \(draft.parameter).require(\(count))", at: 0)
    }
    if lines.count == 1, let only = lines.first, only.hasPrefix("return ") {
      lines = [String(only.dropFirst("return ".count))]
    }
    let input = porting.type(draft.interface.inputs)
    let output = porting.type(draft.interface.outputs)
    return block("\(access)func forward(_ \(draft.parameter): \(input)) throws -> \(output)", lines)
  }
}
