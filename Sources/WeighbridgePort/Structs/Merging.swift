import WeighbridgeNetwork

/// Modules of one class of which some have a member that others lack, and hand on what it would have taken:
/// one struct whose member is optional, as Python's `None` is.
struct Merging {
  let recording: Recording
  let parts: [Int: Part]

  /// Whether modules of one group are those of another but for members that they lack.
  func lacks(_ poor: [Draft], of rich: [Draft]) -> Bool {
    guard let first = rich.first, let other = poor.first, first.limit == nil, other.limit == nil,
      first.interface == other.interface, first.layout.borrowed.isEmpty,
      other.layout.borrowed.isEmpty
    else { return false }
    let more = missing(other, of: first)
    let shared = first.layout.properties.filter { property in
      !more.contains { $0.name == property.name }
    }
    func signatures(_ properties: [Layout.Property], _ node: Int) -> [String] {
      properties.map { $0.signature(node, recording, parts) }
    }
    return (1...4).contains(more.count)
      && signatures(shared, first.node) == signatures(other.layout.properties, other.node)
      && more.allSatisfy(isUnary)
      && canonical(first, without: more) == canonical(other, without: [])
  }

  /// The members that one module has and another one lacks.
  private func missing(_ poor: Draft, of rich: Draft) -> [Layout.Property] {
    let names = Set(poor.layout.properties.map(\.name))
    return rich.layout.properties.filter { !names.contains($0.name) }
  }

  /// The drafts of all as one struct's; `nil` where they do something else.
  ///
  /// - Parameters:
  ///   - rich: Modules that have every member.
  ///   - poor: Groups of modules that lack some.
  func merged(_ rich: [Draft], _ poor: [[Draft]]) -> [Draft]? {
    let optional = Set(
      poor.compactMap(\.first).flatMap { missing($0, of: rich[0]) }.map(\.name))
    let again = rich.map { Drafting.draft($0.node, recording, parts, optional: optional) }
    guard let sample = again.first,
      again.allSatisfy({ $0.lines == sample.lines && $0.limit == nil })
    else { return nil }
    let lacking = poor.joined().map { draft -> Draft in
      var layout = draft.layout
      layout.properties = sample.layout.properties.map { property in
        draft.layout.properties.first { $0.name == property.name }
          ?? Layout.Property(name: property.name, key: property.key, content: .absent)
      }
      let attributes = sample.attributes.compactMap { wanted in
        draft.attributes.first { $0.name == wanted.name }
      }
      return Draft(
        node: draft.node, layout: layout, interface: draft.interface, lines: sample.lines,
        attributes: attributes, constants: draft.constants, limit: nil,
        parameter: sample.parameter, needsFoundation: sample.needsFoundation)
    }
    guard
      lacking.allSatisfy({
        $0.attributes.count == sample.attributes.count
          && $0.constants.count == sample.constants.count
          && $0.layout.unread.count == sample.layout.unread.count
      })
    else { return nil }
    return again + lacking
  }

  private func isUnary(_ property: Layout.Property) -> Bool {
    guard case .module(let node) = property.content else { return false }
    switch parts[node] {
    case .layer, .chain: return true
    case .type(let draft): return draft.interface == .unary
    default: return false
    }
  }

  /// What a module's program does, whatever its values are numbered, with some children taken out.
  private func canonical(_ draft: Draft, without: [Layout.Property]) -> String? {
    guard let call = recording.calls[draft.node]?.first else { return nil }
    let program = recording.network.programs[call.program]
    let path = recording.network.nodes[draft.node].path
    let skipped = Set(without.map(\.key))
    var numbers = Array(0..<program.inputs.count)
    var (next, words) = (program.inputs.count, program.inputs.map { "\($0.expected as Any)" })
    func text(_ operand: Network.Operand) -> String {
      switch operand {
      case .value(let number): "v\(number < numbers.count ? numbers[number] : -1)"
      case .attribute(let reference):
        "\(reference.name)=\(attribute(reference.absolute(in: path)))"
      case .list, .operation, .item, .member, .size, .slice, .dictionary:
        "\(kind(operand))(\(operand.parts.map(text).joined(separator: ",")))"
      default: "\(operand)"
      }
    }
    for instruction in program.body {
      let arguments = instruction.arguments
      if case .module(let name, false) = instruction.target, skipped.contains(name),
        arguments.count == 1, case .value(let number) = arguments[0].value
      {
        numbers.append(numbers[number])
        continue
      }
      let given = arguments.map { text($0.value) }.joined(separator: ",")
      words.append("\(instruction.target)(\(given))")
      numbers.append(next)
      next += 1
    }
    words.append("return \(text(program.returns))")
    words += program.guards.map {
      "\($0.comparison)\($0.expected)\(text($0.left)),\(text($0.right))"
    }
    return words.joined(separator: "\n")
  }

  /// A number's value may differ between instances; what else an attribute is, is the struct's own.
  private func attribute(_ name: String) -> String {
    guard let value = recording.attribute(name).flatMap({ try? Drafting.literal($0) }) else {
      return "?"
    }
    return Drafting.isNumeric(value) ? "number" : "\(value)"
  }

  /// What an operand is but for what it is made of.
  private func kind(_ operand: Network.Operand) -> String {
    switch operand {
    case .item(_, let index): "item\(index)"
    case .member(_, let key): "member\(key)"
    case .size(_, let axis): "size\(axis)"
    case .operation(let operation, _): operation.rawValue
    case .dictionary(let members): members.map(\.key).joined(separator: ",")
    case .slice: "slice"
    default: "list"
    }
  }
}
