import WeighbridgeNetwork

/// A network as structs of Swift: its modules in families, each with what its instances differ in.
struct Porting {
  let recording: Recording
  /// What each module is.
  private(set) var parts: [Int: Part] = [:]
  /// The structs, inner ones first.
  private(set) var families: [Family] = []
  /// What their forwards take and return beside tensors and lists of them.
  private(set) var bundles: [Bundle] = []
  private var familyOf: [Int: Int] = [:]
  private var settling: Set<Int> = []
  /// Modules that others call or read than those which hold them.
  private(set) var reached: Set<Int> = []

  /// What is not ported, each once.
  var limits: [PortLimit] { families.flatMap { $0.drafts.prefix(1).compactMap(\.limit) } }

  init(_ recording: Recording) throws {
    self.recording = recording
    for node in recording.network.nodes.indices.reversed() { settle(node) }
    collect()
    name()
    for family in families { try unify(family) }
    reached = modulesReached()
  }

  // What modules are

  /// A module after those in it, and after those that others lend it.
  private mutating func settle(_ node: Int) {
    guard parts[node] == nil, !settling.contains(node) else { return }
    settling.insert(node)
    for other in recording.children(node).reversed() + recording.borrowed(node) { settle(other) }
    parts[node] = part(node)
  }

  private func part(_ node: Int) -> Part {
    let described = recording.network.nodes[node]
    if let original = described.original { return .alias(original) }
    guard node > 0 else { return .type(Drafting.draft(0, recording, parts)) }
    let children = recording.children(node)
    guard !described.calls.isEmpty else {
      let holdsCalled = children.contains { child in
        switch parts[child] {
        case .unused, .alias, nil: false
        default: true
        }
      }
      return holdsCalled ? .container : .unused
    }
    if let layer = recording.layers.layers[node], (try? LayerSpelling.building(of: layer)) != nil {
      return .layer(layer)
    }
    if let attention = recording.layers.attentions[node] { return .attention(attention) }
    if Set(described.calls).count == 1, let number = described.calls.first,
      let building = RecurrentSpelling.building(described, recording.network.programs[number])
    {
      return .recurrent(building)
    }
    if described.className == "torch.nn.modules.container.Sequential", isChain(node) {
      return .chain(children)
    }
    return .type(Drafting.draft(node, recording, parts))
  }

  /// Whether a module hands one tensor through its children in order, and does nothing else.
  func isChain(_ node: Int) -> Bool {
    let described = recording.network.nodes[node]
    let children = recording.children(node)
    guard Set(described.calls).count == 1, let number = described.calls.first,
      described.parameters.isEmpty, described.buffers.isEmpty, !children.isEmpty
    else { return false }
    let program = recording.network.programs[number]
    guard program.inputs.count == 1, program.guards.isEmpty, program.body.count == children.count,
      program.returns == .value(children.count)
    else { return false }
    return zip(children, program.body).enumerated().allSatisfy { index, pair in
      let (child, instruction) = pair
      guard case .module(recording.name(child), fromRoot: false) = instruction.target,
        instruction.arguments.count == 1,
        instruction.arguments[0].value == .value(index)
      else { return false }
      switch parts[child] {
      case .layer, .chain: return true
      case .type(let draft): return draft.interface == .unary
      default: return false
      }
    }
  }

  // Families

  private mutating func collect() {
    var keys: [String: Int] = [:]
    var groups: [[Draft]] = []
    for node in recording.network.nodes.indices.reversed() {
      guard case .type(let draft)? = parts[node] else { continue }
      let key = key(draft)
      if let group = keys[key] {
        groups[group].append(draft)
      } else {
        keys[key] = groups.count
        groups.append([draft])
      }
    }
    merge(&groups)
    families = ordered(groups).map { drafts in
      // One that has every member first.
      let sorted = drafts.sorted { a, b in
        (a.layout.absentCount, a.node) < (b.layout.absentCount, b.node)
      }
      return Family(sorted, className: recording.network.nodes[sorted[0].node].className)
    }
    for (index, family) in families.enumerated() {
      for draft in family.drafts { familyOf[draft.node] = index }
    }
  }

  /// Makes one group of those of a class that differ in members that some lack.
  private mutating func merge(_ groups: inout [[Draft]]) {
    let merging = Merging(recording: recording, parts: parts)
    var classes: [String: [Int]] = [:]
    for (index, group) in groups.enumerated() {
      let className = recording.network.nodes[group[0].node].className
      // A class within its own kind is a struct for each depth.
      if !nests(group[0].node, className) { classes[className, default: []].append(index) }
    }
    var gone: Set<Int> = []
    for places in classes.values where (2...40).contains(places.count) {
      let sorted = places.sorted {
        (-groups[$0][0].layout.properties.count, $0) < (-groups[$1][0].layout.properties.count, $1)
      }
      for rich in sorted where !gone.contains(rich) {
        let poor = sorted.filter {
          $0 != rich && !gone.contains($0) && merging.lacks(groups[$0], of: groups[rich])
        }
        let choices = [poor] + (poor.count > 1 ? poor.map { [$0] } : [])
        for lost in choices where !lost.isEmpty {
          guard let found = merging.merged(groups[rich], lost.map { groups[$0] }) else { continue }
          groups[rich] = found
          gone.formUnion(lost)
          for draft in found { parts[draft.node] = .type(draft) }
          break
        }
      }
    }
    groups = groups.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
  }

  /// Inner structs before those that hold them.
  private func ordered(_ groups: [[Draft]]) -> [[Draft]] {
    var places: [Int: Int] = [:]
    for (index, group) in groups.enumerated() {
      for draft in group { places[draft.node] = index }
    }
    var (seen, result): (Set<Int>, [[Draft]]) = ([], [])
    func visit(_ index: Int) {
      guard seen.insert(index).inserted else { return }
      for draft in groups[index] {
        for node in draft.layout.nodes.flatMap(structs).sorted(by: >) {
          if let place = places[node] { visit(place) }
        }
      }
      result.append(groups[index])
    }
    for index in groups.indices { visit(index) }
    return result
  }

  /// The structs that building a module takes.
  private func structs(_ node: Int) -> [Int] {
    if case .chain(let children)? = parts[node] { return children.flatMap(structs) }
    return [node]
  }

  /// What modules of one struct have in common.
  private func key(_ draft: Draft) -> String {
    let className = recording.network.nodes[draft.node].className
    var words = [
      className, "\(draft.interface)", draft.parameter, draft.limit == nil ? "" : "stub",
    ]
    words += draft.lines
    words += draft.layout.properties.map { $0.signature(draft.node, recording, parts) }
    words += draft.layout.unread.map { "\($0.owner):\($0.tensor.name):\($0.tensor.shape.count)" }
    words +=
      draft.attributes.map { "\($0.name)" }
      + draft.constants.map { constant in
        "\(constant.name):\(recording.network.constants[constant.number].rank)"
      }
    // A class within its own kind: each depth is a struct of its own.
    if nests(draft.node, className) { words.append("depth \(height(draft.node, className))") }
    return words.joined(separator: "\u{2}")
  }

  private func nests(_ node: Int, _ className: String) -> Bool {
    height(node, className) > 0 || isWithin(node, className)
  }

  private func isWithin(_ node: Int, _ className: String) -> Bool {
    var path = recording.network.nodes[node].path
    while !path.isEmpty {
      path = Recording.owner(of: path)
      guard let owner = recording.node(path) else { return false }
      if recording.network.nodes[owner].className == className { return true }
    }
    return false
  }

  private func height(_ node: Int, _ className: String) -> Int {
    recording.children(node).map { child in
      height(child, className)
        + (recording.network.nodes[child].className == className ? 1 : 0)
    }.max() ?? 0
  }

  private mutating func name() {
    var names = Names()
    // The network's own name first, then the outer ones.
    for family in families.reversed() {
      let last = family.className.split(separator: ".").last.map(String.init) ?? ""
      var wanted = Names.type(last)
      if family.className.hasPrefix("torch.nn.modules.container.") {
        // A Sequential with named members has no class of its own: its attribute names it.
        let key = recording.name(family.first.node)
        let owner = Recording.name(
          of: Recording.owner(of: recording.network.nodes[family.first.node].path))
        wanted = Names.type(key.allSatisfy(\.isNumber) ? "\(owner)Member" : key)
      }
      if names.contains(wanted), let telling = difference(family) { wanted += telling }
      family.name = names.unique(wanted)
    }
    bundles = Bundle.all(families, &names)
  }

  /// What a struct has that others of its class have not, as a word.
  private func difference(_ family: Family) -> String? {
    let others = families.filter { $0.className == family.className && $0 !== family }
    let own = Set(family.first.layout.properties.map(\.name))
    let names = family.first.layout.properties.map(\.name)
    let ours = functions(family)
    for other in others {
      let theirs = Set(other.first.layout.properties.map(\.name))
      if let more = names.first(where: { !theirs.contains($0) }) {
        return "With" + more.capitalizedFirst
      }
    }
    for other in others {
      let theirs = functions(other)
      if let more = ours.first(where: { !theirs.contains($0) }) { return "With" + Names.type(more) }
    }
    for other in others {
      if let less = other.first.layout.properties.map(\.name).first(where: { !own.contains($0) }) {
        return "Without" + less.capitalizedFirst
      }
      if let less = functions(other).first(where: { !ours.contains($0) }) {
        return "Without" + Names.type(less)
      }
    }
    return nil
  }

  /// The functions that a family's forward calls, in order.
  private func functions(_ family: Family) -> [String] {
    guard let call = recording.calls[family.first.node]?.first else { return [] }
    return recording.network.programs[call.program].body.compactMap { instruction in
      if case .function(let name) = instruction.target { name } else { nil }
    }
  }

  /// The modules that others lend this one, or what is in it.
  func borrowed(_ node: Int) -> [Int] {
    switch parts[node] {
    case .type(let draft): draft.layout.borrowed.map(\.node)
    case .chain(let children): children.flatMap(borrowed)
    default: []
    }
  }

  func family(of node: Int) -> Family? { familyOf[node].map { families[$0] } }

  // Buildings

  /// How a module is built, with its struct's parameters.
  func building(_ node: Int) throws -> Building {
    switch parts[node] {
    case .layer(let layer): return try LayerSpelling.building(of: layer)
    case .attention(let layer):
      return LayerSpelling.attention(layer, recording.network.nodes[node])
    case .recurrent(let building): return building
    case .chain(let children):
      let items = try children.map(building)
      let names = children.map(recording.name)
      return names == items.indices.map(String.init)
        ? Porting.chain(items) : .named(zip(names, items).map { Building.Part($0, $1) })
    case .type:
      guard let family = family(of: node) else { throw PortLimit("has no struct") }
      return family.building(of: node)
    default: throw PortLimit("is no module")
    }
  }

  static func chain(_ items: [Building]) -> Building {
    if items.count > 2, items.allSatisfy({ $0 == items[0] }) {
      return .chain([.repeated(items[0], .integer(items.count))])
    }
    return .chain(items)
  }

  private func unify(_ family: Family) throws {
    let draft = family.first
    var unifier = Unifier(attributes: attributes(family), names: Names(taken: ["path", "w"]))
    for (place, property) in draft.layout.properties.enumerated() {
      var instances: [Building] = []
      for other in family.drafts {
        instances.append(
          try building(other.layout.properties[place], other).resolving { node in
            guard
              let code = other.layout.reached(node, from: other.node, recording, parts)
            else { throw PortLimit("lends a module that it does not have") }
            return code.text.replacing(Layout.mark, with: "")
          })
      }
      if case .modules = property.content { instances = Building.series(instances) ?? instances }
      family.template.append((property.name, unifier.unify(instances, [property.name])))
    }
    for (place, attribute) in draft.attributes.enumerated() {
      let instances = try family.drafts.map { try value($0.attributes[place].value) }
      family.template.append((attribute.name, unifier.unify(instances, [attribute.name])))
    }
    for (place, constant) in draft.constants.enumerated() {
      let instances = family.drafts.map {
        shape(recording.network.constants[$0.constants[place].number].shape)
      }
      family.template.append((constant.name, unifier.unify(instances, [constant.name])))
    }
    for (place, unread) in draft.layout.unread.enumerated() {
      let instances = family.drafts.map { shape(Shape($0.layout.unread[place].tensor.shape)) }
      family.template.append(
        ("_\(place)", unifier.unify(instances, [Names.value(unread.tensor.name)])))
    }
    family.parameters = Family.ordered(unifier.parameters)
  }

  private func building(_ property: Layout.Property, _ draft: Draft) throws -> Building {
    switch property.content {
    case .module(let node): return try building(node)
    case .modules(let nodes):
      let items = try nodes.map(building)
      return items.count > 1 && items.allSatisfy { $0 == items[0] }
        ? .repeated(items[0], .integer(items.count)) : .list(items)
    case .tensor(let tensor, _): return shape(Shape(tensor.shape))
    case .absent: return .absent
    case .borrowed: return .leaf(property.name, .other)
    }
  }

  private func shape(_ shape: Shape) -> Building { .shape(shape.map { .integer($0) }) }

  private func value(_ operand: Network.Operand) throws -> Building {
    switch try Drafting.literal(operand) {
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .list(let items):
      return .leaf(
        "[\(items.compactMap(\.asInteger).map { Code.integer($0).text }.joined(separator: ", "))]",
        .integers)
    default: throw PortLimit("has an attribute that is no number")
    }
  }

  /// Attributes that tell instances apart: PyTorch's own words for parameters.
  private func attributes(_ family: Family) -> [(name: String, values: [Building])] {
    let nodes = family.drafts.map { recording.network.nodes[$0.node] }
    guard nodes.count > 1 else { return [] }
    return nodes[0].attributes.compactMap { attribute in
      let values = nodes.compactMap { node in
        node.attributes.first { $0.name == attribute.name }.flatMap { try? value($0.value) }
      }
      guard values.count == nodes.count else { return nil }
      return (Names.value(attribute.name), values)
    }
  }
}
