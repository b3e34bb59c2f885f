extension Building {
  /// Rows of equal modules of which each instance has a number of its own, as the module and the number.
  static func rolled(_ instances: [Building]) -> [Building] {
    let all = instances.compactMap(\.rolled)
    guard all.count == instances.count, instances.contains(where: { $0.isRepeated }) else {
      return instances
    }
    return all
  }

  /// Modules that hand on what they are given, which some instances call by a class of their own and others
  /// `Identity`: under the name that says more.
  static func named(_ instances: [Building]) -> [Building] {
    let plain = Building.module(
      "Identity", throwing: false, [.init("kind", .kind("Identity"), standard: "\"Identity\"")])
    let telling = Set(instances).subtracting([plain])
    guard telling.count == 1, let only = telling.first,
      case .module(let name, _, _) = only, name == "Identity" || name == "Dropout"
    else { return instances }
    return [Building](repeating: only, count: instances.count)
  }

  /// Modules in order as runs of equal ones.
  static func runs(_ items: [Building]) -> [(first: Building, count: Int)] {
    var runs: [(first: Building, count: Int)] = []
    for item in items {
      if let last = runs.last, last.first == item {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((item, 1))
      }
    }
    return runs
  }

  private var isRepeated: Bool {
    switch self {
    case .repeated: true
    case .chain(let items): items.first?.kind == .builds
    default: false
    }
  }

  private var rolled: Building? {
    func rolled(_ items: [Building]) -> Building? {
      if items.count == 1, case .repeated = items[0] { return items[0] }
      guard let first = items.first, items.allSatisfy({ $0 == first }) else { return nil }
      return .repeated(first, .integer(items.count))
    }
    switch self {
    case .repeated: return self
    case .list(let items): return rolled(items)
    case .chain(let items): return rolled(items).map { .chain([$0]) }
    default: return nil
    }
  }

  /// The same with what stands for modules that are there already as expressions.
  func resolving(_ code: (Int) throws -> String) rethrows -> Building {
    switch self {
    case .leaf, .parameter: self
    case .node(let node): .leaf(try code(node), .other)
    case .module(let name, let throwing, let parts):
      .module(
        name, throwing: throwing,
        try parts.map {
          Part($0.label, try $0.value.resolving(code), standard: $0.standard)
        })
    case .chain(let items): .chain(try items.map { try $0.resolving(code) })
    case .named(let parts):
      .named(try parts.map { Part($0.label, try $0.value.resolving(code)) })
    case .list(let items): .list(try items.map { try $0.resolving(code) })
    case .repeated(let element, let count): .repeated(try element.resolving(code), count)
    case .shape, .growing: self
    }
  }

  /// Lists of instances whose modules differ in numbers that grow evenly, each as its first module with
  /// those numbers; `nil` where they are not all so, and in the same numbers.
  static func series(_ instances: [Building]) -> [Building]? {
    let all = instances.compactMap { instance -> (element: Building, count: Int)? in
      guard case .list(let items) = instance else { return nil }
      return series(of: items).map { ($0, items.count) }
    }
    guard all.count == instances.count, Set(all.map { growing($0.element) }).count == 1 else {
      return nil
    }
    return all.map { .repeated($0.element, .integer($0.count)) }
  }

  private static func series(of items: [Building]) -> Building? {
    let lists = items.compactMap { item -> [Part]? in
      if case .module(_, _, let parts) = item { parts } else { nil }
    }
    guard items.count > 2, lists.count == items.count,
      case .module(let name, let throwing, let parts) = items[0],
      items.allSatisfy({ if case .module(name, _, _) = $0 { true } else { false } }),
      lists.allSatisfy({ $0.map(\.label) == parts.map(\.label) })
    else { return nil }
    var result: [Part] = []
    for (place, part) in parts.enumerated() {
      let values = lists.map { $0[place].value }
      if values.allSatisfy({ $0 == part.value }) {
        result.append(part)
        continue
      }
      let numbers = values.compactMap {
        $0.kind == .integer ? $0.plainInteger.flatMap(Int.init) : nil
      }
      guard numbers.count == values.count, numbers.allSatisfy({ abs($0) < 1 << 40 }) else {
        return nil
      }
      let step = numbers[1] - numbers[0]
      guard zip(numbers, numbers.dropFirst()).allSatisfy({ $1 - $0 == step }), step > 0 else {
        return nil
      }
      result.append(
        Part(part.label, .growing(.integer(numbers[0]), .integer(step)), standard: part.standard))
    }
    return .module(name, throwing: throwing, result)
  }

  /// Which parts of a module grow.
  private static func growing(_ element: Building) -> [Bool] {
    guard case .module(_, _, let parts) = element else { return [] }
    return parts.map { if case .growing = $0.value { true } else { false } }
  }
}
