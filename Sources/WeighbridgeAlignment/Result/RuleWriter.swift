import WeighbridgeMapping
import WeighbridgeTensors

/// Writes which tensor every parameter is as rules, in an order in which no name is in another's way.
struct RuleWriter {
  private let catalog: SourceCatalog
  private var rules: [Rule] = []
  /// Names of the file that are still what they were, and what was made of the others.
  private var names: Set<String>
  private var waiting: [(from: String, to: String)] = []
  private var madeNames = 0
  /// Whether a tensor whose shape fits another order of axes, too, is said to stay as it is: beside moved
  /// ones that would be open.
  private var saysWhatStays = false

  init(_ catalog: SourceCatalog) {
    self.catalog = catalog
    names = Set(catalog.sources.map(\.name))
  }

  /// - Parameters:
  ///   - fillings: By parameter; each names the very tensors.
  ///   - dropped: Tensors that no parameter takes.
  ///   - reason: Why these, and parts that no parameter takes, are left out; `nil` to leave them.
  static func rules(
    _ catalog: SourceCatalog, _ fillings: [(parameter: String, filling: Filling)],
    dropped: [Int], because reason: String?
  ) -> Rules {
    var writer = RuleWriter(catalog)
    writer.saysWhatStays = fillings.contains { _, filling in
      filling.contains(where: \.reading.movesValues)
    }
    if let reason {
      for source in dropped {
        let name = catalog.sources[source].name
        writer.rules.append(Rule(.drop(.exact(name), reason: reason)))
        writer.names.remove(name)
      }
    }
    writer.cut(fillings, dropping: reason)
    for (parameter, filling) in fillings { writer.fill(parameter, filling) }
    writer.rename()
    return Rules(writer.rules)
  }

  /// What pieces of cut tensors are called for the while.
  private var parts: [Piece: String] = [:]

  /// - Parameter reason: Why parts that no parameter takes are left out; `nil` to leave them.
  private mutating func cut(
    _ fillings: [(parameter: String, filling: Filling)], dropping reason: String?
  ) {
    let used = Set(fillings.flatMap(\.filling))
    var wholes: [Piece: Int] = [:]
    for piece in fillings.flatMap(\.filling) {
      guard let part = piece.part else { continue }
      wholes[Piece(source: piece.source, reading: piece.reading)] = part.count
    }
    for (whole, count) in wholes.sorted(by: { $0.key.source < $1.key.source }) {
      let name = catalog.sources[whole.source].name
      rules += whole.reading.rules(on: name)
      let made = (0..<count).map { _ in madeName() }
      rules.append(
        Rule(.split(.exact(name), axis: 0, sizes: nil, into: made.map(\.escapedForRules))))
      names.remove(name)
      for (index, part) in made.enumerated() {
        names.insert(part)
        let piece = Piece(
          source: whole.source, reading: whole.reading, part: .init(index: index, count: count))
        parts[piece] = part
        if let reason, !used.contains(piece) {
          rules.append(Rule(.drop(.exact(part), reason: reason)))
        }
      }
    }
  }

  private mutating func fill(_ parameter: String, _ filling: Filling) {
    let pieces = filling.map { piece -> String in
      if let part = parts[piece] { return part }
      let (name, shape) = (catalog.sources[piece.source].name, catalog.sources[piece.source].shape)
      rules += piece.reading.rules(on: name)
      if saysWhatStays, piece.reading == .plain, Reading.ways(from: shape, to: shape).count > 1 {
        rules.append(Rule(.permute(.exact(name), axes: Array(shape.indices))))
      }
      return name
    }
    guard let first = pieces.first else { return }
    guard pieces.count > 1 else {
      if first != parameter { waiting.append((first, parameter)) }
      return
    }
    let made = madeName()
    rules.append(
      Rule(
        .concatenate(
          .exact(first), with: pieces.dropFirst().map(\.escapedForRules), axis: 0,
          into: made.escapedForRules)))
    names.subtract(pieces)
    names.insert(made)
    waiting.append((made, parameter))
  }

  /// Renames where the new name is free; where all are in each other's way, one steps aside. A tensor that
  /// nobody takes, and that is left in the file, makes way for good.
  private mutating func rename() {
    while !waiting.isEmpty {
      var later: [(from: String, to: String)] = []
      for (from, to) in waiting {
        if names.contains(to) {
          later.append((from, to))
        } else {
          move(from, to)
        }
      }
      if later.count == waiting.count { stepAside(&later) }
      waiting = later
    }
  }

  private mutating func stepAside(_ blocked: inout [(from: String, to: String)]) {
    let moving = Set(blocked.map(\.from))
    if let one = blocked.first(where: { !moving.contains($0.to) }) {
      move(one.to, madeName())
    } else if let first = blocked.first {
      let aside = madeName()
      move(first.from, aside)
      blocked[0] = (aside, first.to)
    }
  }

  private mutating func move(_ from: String, _ to: String) {
    rules.append(Rule(.rename(.exact(from), to: to.escapedForRules)))
    names.remove(from)
    names.insert(to)
  }

  private mutating func madeName() -> String {
    repeat { madeNames += 1 } while names.contains("weighbridge.part.\(madeNames)")
    let name = "weighbridge.part.\(madeNames)"
    names.insert(name)
    return name
  }
}

extension String {
  /// As a template of rules, in which `$` begins a group.
  fileprivate var escapedForRules: String { replacing("$", with: "$$") }
}
