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
      "Identity", throwing: false, [.init("kind", .string("Identity"), standard: "\"Identity\"")])
    let telling = Set(instances).subtracting([plain])
    guard telling.count == 1, let only = telling.first,
      case .module(let name, _, _) = only, name == "Identity" || name == "Dropout"
    else { return instances }
    return [Building](repeating: only, count: instances.count)
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
    case .list(let items): .list(try items.map { try $0.resolving(code) })
    case .repeated(let element, let count): .repeated(try element.resolving(code), count)
    case .shape: self
    }
  }
}
