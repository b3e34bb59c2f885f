import WeighbridgeNetwork

/// Structs that run their members one after the other, and do nothing else.
extension Porting {
  /// The members of a struct in the order in which its forward hands one tensor through them; `nil` where it
  /// does something else, or something outside of it needs one of its members.
  func sequence(_ family: Family) -> [Layout.Property]? {
    let draft = family.first
    guard draft.limit == nil, draft.interface == .unary, draft.attributes.isEmpty,
      draft.constants.isEmpty, let names = Relay(draft)?.members
    else { return nil }
    let properties = draft.layout.properties
    var rest = names[...]
    var result: [Layout.Property] = []
    while let name = rest.first {
      guard let property = properties.first(where: { name.split(separator: "[")[0] == $0.name })
      else { return nil }
      switch property.content {
      case .module:
        guard name == property.name else { return nil }
        rest = rest.dropFirst()
      case .modules(let nodes):
        let all = nodes.indices.map { "\(name.prefix { $0 != "[" })[\($0)]" }
        guard name == property.name || Array(rest.prefix(all.count)) == all else { return nil }
        rest = rest.dropFirst(name == property.name ? 1 : all.count)
      default: return nil
      }
      result.append(property)
    }
    guard Set(result.map(\.name)).count == result.count, result.count == properties.count,
      result.flatMap(nodes).allSatisfy({ parts[$0]?.interface == .unary }),
      family.drafts.flatMap(\.layout.nodes).allSatisfy({ !reached.contains($0) })
    else { return nil }
    return result
  }

  private func nodes(_ property: Layout.Property) -> [Int] {
    switch property.content {
    case .module(let node): [node]
    case .modules(let nodes): nodes
    default: []
    }
  }

  /// Modules that others call or read than those which hold them.
  func modulesReached() -> Set<Int> {
    var found: Set<Int> = []
    for case .type(let draft) in parts.values {
      found.formUnion(draft.layout.borrowed.map(\.node))
      let path = recording.network.nodes[draft.node].path
      for number in Set(recording.calls[draft.node]?.map(\.program) ?? []) {
        let used = recording.site(draft.node, number)?.children.compactMap { $0?.node } ?? []
        let program = recording.network.programs[number]
        let read = program.body.flatMap(\.arguments).flatMap { $0.value.references }
          .compactMap { recording.node(Recording.owner(of: $0.absolute(in: path))) }
        found.formUnion((used + read).filter { draft.layout.modules[$0] == nil })
      }
    }
    return found
  }
}

/// The members that a forward hands its tensor through, by its lines.
private struct Relay {
  private(set) var members: [String] = []
  private var current: String

  /// `nil` where it does anything else.
  init?(_ draft: Draft) {
    current = draft.parameter
    var lines = draft.lines[...]
    while let line = lines.popFirst() {
      if line.hasPrefix("for "), line.hasSuffix(" {"), let body = lines.popFirst(),
        lines.popFirst() == "}"
      {
        let words = line.dropLast(2).split(separator: " ")
        guard words.count == 4, words[2] == "in",
          body == "  \(current) = try \(words[1])(\(current))"
        else { return nil }
        members.append(Relay.name(String(words[3])))
        continue
      }
      guard let place = line.firstRange(of: "return ") ?? line.firstRange(of: " = ") else {
        return nil
      }
      let value = line[place.upperBound...]
      guard take(value.hasPrefix("try ") ? value.dropFirst(4) : value) else { return nil }
      let isReturn = place.lowerBound == line.startIndex
      if isReturn, lines.isEmpty { return }
      let target = line[..<place.lowerBound].split(separator: " ")
      guard let name = target.last, target.count < 3, !name.hasSuffix(")") else { return nil }
      current = String(name)
    }
    return nil
  }

  /// Takes an expression apart that calls members on what there is.
  private mutating func take(_ text: Substring) -> Bool {
    if text == current { return true }
    if text.hasPrefix("("), text.hasSuffix(")") { return take(text.dropFirst().dropLast()) }
    guard let open = text.firstIndex(of: "(") else { return false }
    let head = text[..<open]
    let inner = text[text.index(after: open)...]
    if head.hasSuffix("?") {
      guard inner == "\(current)) ?? \(current)" else { return false }
      members.append(Relay.name(String(head.dropLast())))
      return true
    }
    guard head.allSatisfy({ $0.isLetter || $0.isNumber || "_[].".contains($0) }),
      inner.hasSuffix(")"), take(inner.dropLast())
    else { return false }
    members.append(Relay.name(String(head)))
    return true
  }

  private static func name(_ text: String) -> String {
    text.hasPrefix("self.") ? String(text.dropFirst(5)) : text
  }
}

extension Network.Operand {
  /// The parameters and buffers in it.
  fileprivate var references: [Reference] {
    if case .tensor(let reference) = self { return [reference] }
    return parts.flatMap(\.references)
  }
}
