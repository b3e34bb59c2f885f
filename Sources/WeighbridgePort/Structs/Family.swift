import WeighbridgeNetwork

/// Modules of one class that do the same: one struct.
final class Family {
  let drafts: [Draft]
  let className: String
  var name = ""
  /// The properties' buildings, whose differences between instances are parameters.
  var template: [(name: String, building: Building)] = []
  var parameters: [Parameter] = []

  struct Parameter {
    let name: String
    let kind: Building.Kind
    /// The value for each instance, in the order of the drafts.
    let values: [Building]

    /// The value of most instances, which need not say so.
    var standard: String? {
      if kind == .optional { return "nil" }
      var counts: [String: Int] = [:]
      for case .leaf(let text, let kind) in values where kind != .other {
        counts[text, default: 0] += 1
      }
      return counts.first { $0.value > 1 && 2 * $0.value > values.count }?.key
    }
  }

  init(_ drafts: [Draft], className: String) {
    (self.drafts, self.className) = (drafts, className)
  }

  var first: Draft { drafts[0] }

  /// Parameters as an initialiser takes them: closures that build modules last, where a call may have one
  /// behind its parentheses.
  static func ordered(_ parameters: [Parameter]) -> [Parameter] {
    let isBuild = { (parameter: Parameter) in [.build, .optional].contains(parameter.kind) }
    return parameters.filter { !isBuild($0) } + parameters.filter(isBuild)
  }

  /// How one of its modules is built.
  func building(of node: Int) -> Building {
    let place = drafts.firstIndex { $0.node == node } ?? 0
    return .module(
      name, throwing: true,
      parameters.map { Building.Part($0.name, $0.values[place], standard: $0.standard) }
        + drafts[place].layout.borrowed.map { Building.Part($0.name, .node($0.node)) })
  }
}

/// Finds what instances have in common: equal parts stay, others become parameters.
struct Unifier {
  /// Values of attributes of all instances, by name: what a parameter may be called after.
  let attributes: [(name: String, values: [Building])]
  private(set) var parameters: [Family.Parameter] = []
  private var known: [[Building]: Int] = [:]
  var names: Names

  init(attributes: [(name: String, values: [Building])], names: Names) {
    (self.attributes, self.names) = (attributes, names)
  }

  /// - Parameters:
  ///   - instances: The same part of each instance.
  ///   - hint: What to call it: the property, and the argument's label.
  mutating func unify(_ instances: [Building], _ hint: [String]) -> Building {
    let instances = Building.named(instances)
    guard let first = instances.first, instances.contains(where: { $0 != first }) else {
      return instances.first ?? .leaf("", .other)
    }
    if !instances.contains(.absent), let common = common(Building.rolled(instances), hint) {
      return common
    }
    return parameter(instances, hint)
  }

  private mutating func common(_ instances: [Building], _ hint: [String]) -> Building? {
    switch instances[0] {
    case .module(let name, let throwing, let parts):
      var all: [[Building.Part]] = []
      for instance in instances {
        guard case .module(name, _, let own) = instance, own.map(\.label) == parts.map(\.label)
        else {
          return nil
        }
        all.append(own)
      }
      var result: [Building.Part] = []
      for (index, part) in parts.enumerated() {
        let values = all.map { $0[index].value }
        if values.contains(where: { $0 != values[0] }), values[0].kind == .other { return nil }
        result.append(
          .init(
            part.label, unify(values, hint + [part.label ?? "value"]), standard: part.standard))
      }
      return .module(name, throwing: throwing, result)
    case .chain(let items):
      let all = instances.map { part -> [Building]? in
        if case .chain(let own) = part { own } else { nil }
      }
      return unified(all, items.count) { hint + ["\($0)"] }.map(Building.chain)
    case .named(let parts):
      let all = instances.map { part -> [Building]? in
        guard case .named(let own) = part, own.map(\.label) == parts.map(\.label) else {
          return nil
        }
        return own.map(\.value)
      }
      return unified(all, parts.count) { hint + [Names.value(parts[$0].label ?? "")] }
        .map { .named(zip(parts, $0).map { Building.Part($0.label, $1) }) }
    case .list(let items):
      let all = instances.map { part -> [Building]? in
        if case .list(let own) = part { own } else { nil }
      }
      return unified(all, items.count) { hint + ["\($0)"] }.map(Building.list)
    case .repeated:
      var (elements, counts): ([Building], [Building]) = ([], [])
      for instance in instances {
        guard case .repeated(let element, let count) = instance else { return nil }
        elements.append(element)
        counts.append(count)
      }
      return .repeated(unify(elements, hint), unify(counts, hint + ["count"]))
    case .growing:
      var (starts, steps): ([Building], [Building]) = ([], [])
      for instance in instances {
        guard case .growing(let start, let step) = instance else { return nil }
        starts.append(start)
        steps.append(step)
      }
      return .growing(unify(starts, hint), unify(steps, hint + ["step"]))
    case .shape(let extents):
      let all = instances.map { part -> [Building]? in
        if case .shape(let own) = part { own } else { nil }
      }
      return unified(all, extents.count) { _ in hint + ["size"] }.map(Building.shape)
    default: return nil
    }
  }

  /// The parts of all instances, place by place; `nil` where an instance has no parts of this form, or
  /// another number of them.
  private mutating func unified(
    _ instances: [[Building]?], _ count: Int, _ hint: (Int) -> [String]
  ) -> [Building]? {
    let all = instances.compactMap { $0?.count == count ? $0 : nil }
    // Several modules are no one module, though each is an item.
    guard all.count == instances.count,
      (0..<count).allSatisfy({ index in
        Set(all.map { $0[index].kind == .builds }).count == 1
      })
    else { return nil }
    return (0..<count).map { index in unify(all.map { $0[index] }, hint(index)) }
  }

  private mutating func parameter(_ instances: [Building], _ hint: [String]) -> Building {
    let kind = instances.contains(.absent) ? .optional : instances[0].kind
    let integers = instances.compactMap(\.plainInteger)
    if integers.count == instances.count, kind != .integer {
      // A pair of equal numbers is one number.
      let inner = parameter(integers.map { .leaf($0, .integer) }, hint)
      guard case .parameter(let name, _) = inner else { return inner }
      return .parameter(kind == .pair ? "Pair(\(name))" : "Padding(\(name), \(name))", kind)
    }
    if let place = known[instances] { return .parameter(parameters[place].name, kind) }
    let name = names.unique(wanted(instances, hint))
    known[instances] = parameters.count
    parameters.append(Family.Parameter(name: name, kind: kind, values: instances))
    return .parameter(name, kind)
  }

  /// PyTorch's own word for it, where an attribute has these values; else the property's and the label's.
  private func wanted(_ instances: [Building], _ hint: [String]) -> String {
    if let attribute = attributes.first(where: {
      $0.values == instances && !names.contains($0.name)
    }) {
      return attribute.name
    }
    let words = ["in": "inChannels", "out": "outChannels"]
    let last = hint.last ?? "value"
    if instances[0].kind == .build || instances.contains(.absent), let property = hint.first {
      return property
    }
    let short = words[last] ?? last
    if !names.contains(short), Int(short) == nil, short != "value", short != "size" { return short }
    let all = hint.filter { Int($0) == nil }
    return Names.value(all.joined(separator: "_"), other: "value")
  }
}
