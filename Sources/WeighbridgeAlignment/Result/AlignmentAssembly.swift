import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeTensors

/// Puts together what proofs, names, order and shapes decided.
struct AlignmentAssembly {
  private struct Chosen {
    var filling: Filling
    var decision: Alignment.Decision
    var remark: String?
  }

  private let catalog: SourceCatalog
  private let demand: Demand
  private var pool: Pool
  private var chosen: [String: Chosen] = [:]
  private var reasons: [String: OpenReason] = [:]
  private var isProved = false

  init(_ catalog: SourceCatalog, _ demand: Demand) {
    self.catalog = catalog
    self.demand = demand
    pool = Pool(catalog)
  }

  mutating func take(_ prover: Prover) {
    isProved = true
    for (name, decided) in prover.decided {
      chosen[name] = Chosen(
        filling: decided.filling, decision: .proof,
        remark: decided.ground == .othersTaken ? "the others that fit are other layers'" : nil)
      pool.take(decided.filling)
    }
    reasons = prover.open
  }

  /// Decides by names, shapes and order what is open. A parameter whose layer refuted every free tensor
  /// is not among those.
  mutating func takeNames() {
    let asked = demand.wanted.filter { wanted in
      chosen[wanted.name] == nil && reasons[wanted.name]?.leavesOpen ?? true
    }
    var layouts = Layouts()
    for wanted in demand.wanted {
      guard let pieces = chosen[wanted.name]?.filling, pieces.count == 1, let piece = pieces.first,
        piece.part == nil
      else { continue }
      layouts.note(piece.reading, of: catalog.sources[piece.source].shape, for: wanted)
    }
    var pass = NameAlignment(pool, isOrderTrusted: isOrderTrusted, layouts: layouts)
    pass.run(asked)
    // Tensors that can be read in one way only show how the others are meant.
    for wanted in asked {
      guard let piece = pass.found[wanted.name]?.filling.first else { continue }
      layouts.note(piece.reading, of: catalog.sources[piece.source].shape, for: wanted)
    }
    pass = NameAlignment(pool, isOrderTrusted: isOrderTrusted, layouts: layouts)
    pass.run(asked)
    for (name, found) in pass.found {
      chosen[name] = Chosen(
        filling: found.filling, decision: found.decision, remark: found.remark)
      pool.take(found.filling.map(represented))
    }
  }

  /// Whether what is known of the file's order is in the model's order; without a proof, it is believed.
  private var isOrderTrusted: Bool {
    guard isProved else { return true }
    let places = demand.wanted.compactMap { wanted in
      chosen[wanted.name]?.filling.first.map { (wanted.shape.elementCount, $0.source) }
    }
    let kinds = Dictionary(grouping: places, by: \.0).values.filter { $0.count > 1 }
    return !kinds.isEmpty
      && kinds.allSatisfy { kind in
        zip(kind, kind.dropFirst()).allSatisfy { $0.1 <= $1.1 }
      }
  }

  private func represented(_ piece: Piece) -> Piece {
    Piece(
      source: catalog.representative[piece.source], reading: piece.reading, part: piece.part)
  }

  // MARK: The result

  func alignment(
    model: String, configuration: Configuration, notes: [String]
  ) throws -> Alignment {
    var instances = Instances(catalog)
    var fillings: [(parameter: String, filling: Filling)] = []
    var matches: [Alignment.Match] = []
    for wanted in demand.wanted {
      guard let one = chosen[wanted.name] else { continue }
      let filling = one.filling.map { instances.take($0) }
      fillings.append((wanted.name, filling))
      matches.append(
        Alignment.Match(
          parameter: wanted.name, shape: wanted.shape,
          sources: filling.map { catalog.sources[$0.source].name },
          transform: transform(filling), decision: one.decision, remark: one.remark))
    }
    let (open, more) = self.open(&instances)
    fillings += more
    let counters = self.counters(&fillings)
    let taken = Set(fillings.flatMap(\.filling).map(\.source))
    let unused = catalog.sources.indices.filter { !taken.contains($0) }
    let isComplete = open.allSatisfy { $0.taken != nil }
    return Alignment(
      model: model, configuration: configuration, matches: matches, open: open,
      counters: counters, unused: unused.map { catalog.sources[$0].name },
      rules: RuleWriter.rules(
        catalog, fillings, dropped: unused,
        because: isComplete ? "no parameter of \(model) takes it" : nil), notes: notes)
  }

  private func transform(_ filling: Filling) -> String? {
    let words = filling.flatMap { piece in
      (piece.reading == .plain ? [] : [piece.reading.description])
        + (piece.part.map { ["part \($0.index + 1) of \($0.count)"] } ?? [])
    }
    let joined = filling.count > 1 ? ["joined from \(filling.count)"] : []
    let all = joined + Array(Set(words)).sorted()
    return all.isEmpty ? nil : all.joined(separator: ", ")
  }

  /// What nothing decides. Where no recorded value and no output depends on it, one that fits is taken.
  private func open(
    _ instances: inout Instances
  ) -> ([Alignment.Open], [(parameter: String, filling: Filling)]) {
    let undecided = demand.wanted.filter { chosen[$0.name] == nil }
    let taken = idleFillings(undecided, &instances)
    let open = undecided.map { wanted -> Alignment.Open in
      let pieces = pool.wholes(wanted.shape) + pool.parts(wanted.shape)
      let sources = Set(pieces.flatMap { catalog.members[$0.source] ?? [] })
      return Alignment.Open(
        parameter: wanted.name, shape: wanted.shape,
        reason: reasons[wanted.name]?.description
          ?? "neither names nor order nor shapes tell it",
        candidates: sources.sorted().map { catalog.sources[$0].name },
        taken: taken[wanted.name].map { catalog.sources[$0.source].name })
    }
    return (open, undecided.compactMap { one in taken[one.name].map { (one.name, [$0]) } })
  }

  /// A tensor for each parameter that nothing depends on: whole ones first, then parts of others.
  private func idleFillings(
    _ undecided: [Wanted], _ instances: inout Instances
  ) -> [String: Piece] {
    let dead = Set(demand.requests.filter { $0.deadReason != nil }.map(\.name))
    let idle = undecided.filter { dead.contains($0.name) || reasons[$0.name]?.isIdle ?? false }
    var pool = pool
    var taken: [String: Piece] = [:]
    for isWhole in [true, false] {
      for wanted in idle where taken[wanted.name] == nil {
        let fitting = isWhole ? pool.wholes(wanted.shape) : pool.parts(wanted.shape)
        guard let piece = fitting.first, pool.take([piece]) else { continue }
        taken[wanted.name] = instances.take(piece)
      }
    }
    return taken
  }

  /// Counts of batches in the order of the file; by name where they have theirs.
  private func counters(_ fillings: inout [(parameter: String, filling: Filling)]) -> Int {
    let wanted = demand.requests.filter { $0.role == .counter }
    var left = catalog.sources.indices.filter { index in
      let source = catalog.sources[index]
      return !source.dtype.isFloatingPoint && source.shape.elementCount == 1
        && source.shape.rank <= 1
    }
    var pairs: [(parameter: String, filling: Filling)] = []
    var rest: [ParameterRequest] = []
    for request in wanted {
      if let place = left.firstIndex(where: { catalog.sources[$0].name == request.name }) {
        pairs.append((request.name, [Piece(source: left.remove(at: place), reading: .plain)]))
      } else {
        rest.append(request)
      }
    }
    for (request, source) in zip(rest, left) {
      pairs.append((request.name, [Piece(source: source, reading: .plain)]))
    }
    fillings += pairs
    return pairs.count
  }
}

/// Gives out the very tensors of those that are the same, in the order of the file.
private struct Instances {
  private let catalog: SourceCatalog
  private var given: [Int: Int] = [:]

  init(_ catalog: SourceCatalog) { self.catalog = catalog }

  mutating func take(_ piece: Piece) -> Piece {
    let representative = catalog.representative[piece.source]
    guard piece.part == nil, let members = catalog.members[representative], members.count > 1 else {
      return piece
    }
    let place = given[representative, default: 0]
    given[representative] = place + 1
    return Piece(
      source: members[min(place, members.count - 1)], reading: piece.reading)
  }
}
