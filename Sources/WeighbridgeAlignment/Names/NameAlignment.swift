import WeighbridgeModules
import WeighbridgeTensors

/// Decides what no recording tells: by names, by shapes that only one tensor has, and by the order of
/// the layers of a kind.
struct NameAlignment {
  struct Found {
    var filling: Filling
    var decision: Alignment.Decision
    var remark: String?
  }

  private let catalog: SourceCatalog
  private let pool: Pool
  private let isOrderTrusted: Bool
  private let layouts: Layouts
  private(set) var found: [String: Found] = [:]
  private var used: Set<Int> = []
  private let free: Set<Int>

  /// - Parameters:
  ///   - pool: What is free.
  ///   - isOrderTrusted: Whether the order of the file's tensors says anything.
  ///   - layouts: How tensors are read whose parameters are known.
  init(_ pool: Pool, isOrderTrusted: Bool, layouts: Layouts) {
    catalog = pool.catalog
    self.pool = pool
    self.isOrderTrusted = isOrderTrusted
    self.layouts = layouts
    free = Set(pool.remaining.filter { pool.catalog.sources[$0].dtype.isFloatingPoint })
  }

  mutating func run(_ wanted: [Wanted]) {
    matchExactly(wanted)
    matchLayers(wanted)
    matchEndings(wanted)
    matchShapes(wanted)
  }

  private var left: [Int] { free.subtracting(used).sorted() }

  private mutating func match(
    _ one: Wanted, _ source: Int, _ decision: Alignment.Decision
  ) -> Bool {
    let shape = catalog.sources[source].shape
    guard found[one.name] == nil, !used.contains(source),
      let reading = layouts.reading(of: shape, for: one)
    else { return false }
    // A square matrix says nothing of which axis is which.
    if decision == .shape, Reading.ways(from: shape, to: one.shape).count > 1 { return false }
    found[one.name] = Found(
      filling: [Piece(source: source, reading: reading)], decision: decision,
      remark: reading.movesValues ? "its axes are in another order" : nil)
    used.insert(source)
    return true
  }

  /// The same name, or the same behind one lead that all names have.
  private mutating func matchExactly(_ wanted: [Wanted]) {
    let names = Dictionary(left.map { (catalog.sources[$0].name, $0) }) { first, _ in first }
    for one in wanted {
      if let source = names[one.name] { _ = match(one, source, .names) }
    }
    let rest = wanted.filter { found[$0.name] == nil }
    guard !rest.isEmpty else { return }
    var leads: [String: Int] = [:]
    for source in left {
      let name = catalog.sources[source].name
      for one in rest where name.hasSuffix("." + one.name) {
        leads[String(name.dropLast(one.name.count)), default: 0] += 1
      }
    }
    guard let lead = leads.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key else { return }
    for one in rest {
      if let source = names[lead + one.name] { _ = match(one, source, .names) }
    }
  }

  // MARK: Layers

  private mutating func matchLayers(_ wanted: [Wanted]) {
    let rest = wanted.enumerated().filter { found[$0.element.name] == nil }
    let modules = LayerGroup.groups(rest.map { ($0.offset, $0.element.name, $0.element.shape) })
    var sources = left.map { ($0, catalog.sources[$0].name, catalog.sources[$0].shape) }
    if catalog.isSortedByName { sources.sort { NameTokens.precedes($0.1, $1.1) } }
    let layers = LayerGroup.groups(sources.map { (index: $0.0, name: $0.1, shape: $0.2) })
    let byKind = Dictionary(grouping: layers, by: \.kind)
    for (kind, own) in Dictionary(grouping: modules, by: \.kind).sorted(by: { $0.key < $1.key }) {
      guard let others = byKind[kind], others.count == own.count else { continue }
      let pairs = pairs(own, others)
      for (module, layer, decision) in pairs { join(module, layer, wanted, decision) }
    }
  }

  /// The layers of one kind, each with its counterpart and why.
  private func pairs(
    _ modules: [LayerGroup], _ layers: [LayerGroup]
  ) -> [(LayerGroup, LayerGroup, Alignment.Decision)] {
    guard modules.count > 1 else {
      return zip(modules, layers).map { ($0, $1, .shape) }
    }
    if let places = byLikeness(modules, layers) {
      return zip(modules, places).map { ($0, layers[$1], .names) }
    }
    guard isOrderTrusted else { return [] }
    return zip(modules, layers).map { ($0, $1, .order) }
  }

  /// For each module the layer whose name is most like its own, where that is one to one.
  private func byLikeness(_ modules: [LayerGroup], _ layers: [LayerGroup]) -> [Int]? {
    let likeness = modules.map { module in
      layers.map { layer in
        zip(module.members.prefix(1), layer.members.prefix(1)).map { $0.tokens.likeness($1.tokens) }
          .first ?? 0
      }
    }
    var places: [Int] = []
    for row in likeness {
      guard let most = row.max(), most >= 0.5, row.count(where: { $0 == most }) == 1,
        let place = row.firstIndex(of: most)
      else { return nil }
      places.append(place)
    }
    return Set(places).count == places.count ? places : nil
  }

  private mutating func join(
    _ module: LayerGroup, _ layer: LayerGroup, _ wanted: [Wanted], _ decision: Alignment.Decision
  ) {
    for member in module.members {
      let one = wanted[member.index]
      let fitting = layer.members.filter { other in
        !used.contains(other.index)
          && layouts.reading(of: other.shape, for: one) != nil
      }
      // Tensors of one shape are told by what they are called.
      let named = fitting.filter { $0.tokens.part == member.tokens.part }
      let alike = module.members.filter { $0.shape.elementCount == member.shape.elementCount }
      if named.count == 1, let only = named.first {
        _ = match(one, only.index, decision)
      } else if fitting.count == 1, alike.count == 1, let only = fitting.first {
        _ = match(one, only.index, decision)
      }
    }
  }

  // MARK: Single tensors

  /// Names with one end in common that no other has.
  private mutating func matchEndings(_ wanted: [Wanted]) {
    for one in wanted where found[one.name] == nil {
      let own = NameTokens(one.name)
      let fitting = left.filter {
        catalog.sources[$0].shape.elementCount == one.shape.elementCount
      }
      let alike = fitting.map { source in
        let tokens = NameTokens(catalog.sources[source].name)
        return (source, tokens.part == own.part ? tokens.likeness(own) : 0)
      }
      guard let most = alike.map(\.1).max(), most >= 0.6,
        alike.count(where: { $0.1 > most - 0.1 }) == 1,
        let source = alike.first(where: { $0.1 == most })?.0
      else { continue }
      _ = match(one, source, .names)
    }
  }

  /// One parameter and one tensor of a size.
  private mutating func matchShapes(_ wanted: [Wanted]) {
    let rest = Dictionary(grouping: wanted.filter { found[$0.name] == nil }) {
      $0.shape.elementCount
    }
    let sources = Dictionary(grouping: left) { catalog.sources[$0].shape.elementCount }
    for (count, own) in rest.sorted(by: { $0.key < $1.key }) {
      guard own.count == 1, let others = sources[count], others.count == 1 else { continue }
      _ = match(own[0], others[0], .shape)
    }
  }
}
