import WeighbridgeTensors

/// The tensors that no parameter has yet. Tensors of the same bytes are one, as often as there are.
struct Pool: Sendable {
  let catalog: SourceCatalog
  /// Counts what is tried.
  let meter: Meter
  /// How often each representative is still free; for one in parts, which parts are.
  private var free: [Int: Int]
  private var takenParts: [Int: Set<Piece.Part>] = [:]
  /// The most equal parts that tensors are joined from or cut into.
  static let largestPartCount = 8

  init(_ catalog: SourceCatalog, _ meter: Meter = Meter()) {
    (self.catalog, self.meter) = (catalog, meter)
    free = catalog.members.mapValues(\.count)
  }

  /// One piece for each tensor and each way to read it as a shape.
  func wholes(_ shape: Shape) -> [Piece] {
    candidates(shape.elementCount) { takenParts[$0] == nil }.flatMap { source in
      Reading.ways(from: catalog.sources[source].shape, to: shape).map {
        Piece(source: source, reading: $0)
      }
    }
  }

  /// The same for the parts of larger tensors: rows of a tensor that holds several parameters.
  func parts(_ shape: Shape) -> [Piece] {
    guard shape.rank > 0 else { return [] }
    return (2...Pool.largestPartCount).flatMap { count -> [Piece] in
      var extents = shape.dimensions
      let (rows, overflow) = extents[0].multipliedReportingOverflow(by: count)
      guard !overflow else { return [] }
      extents[0] = rows
      let whole = Shape(extents)
      return candidates(whole.elementCount) {
        takenParts[$0]?.first.map { $0.count == count } ?? true
      }
      .flatMap { source in
        Reading.ways(from: catalog.sources[source].shape, to: whole).flatMap { reading in
          (0..<count).map {
            Piece(source: source, reading: reading, part: .init(index: $0, count: count))
          }
        }
      }.filter { piece in piece.part.map { !isTaken(piece.source, $0) } ?? true }
    }
  }

  private func candidates(_ count: Int, _ isAllowed: (Int) -> Bool) -> [Int] {
    (catalog.byCount[count] ?? []).filter {
      catalog.representative[$0] == $0 && free[$0, default: 0] > 0 && isAllowed($0)
    }
  }

  private func isTaken(_ source: Int, _ part: Piece.Part) -> Bool {
    takenParts[source]?.contains(part) ?? false
  }

  /// Whether all of these can be had at once.
  func allows(_ fillings: some Sequence<Filling>) -> Bool {
    var copy = self
    return fillings.allSatisfy { copy.take($0) }
  }

  /// Takes what a parameter is made of; `false` where it is not to be had.
  @discardableResult
  mutating func take(_ filling: Filling) -> Bool {
    for piece in filling {
      let left = free[piece.source, default: 0]
      guard left > 0 else { return false }
      guard let part = piece.part else {
        guard takenParts[piece.source] == nil else { return false }
        free[piece.source] = left - 1
        continue
      }
      var taken = takenParts[piece.source] ?? []
      guard taken.allSatisfy({ $0.count == part.count }), taken.insert(part).inserted else {
        return false
      }
      takenParts[piece.source] = taken
    }
    return true
  }

  /// The tensors that are still to be had, each as often as it is.
  var remaining: [Int] {
    free.flatMap { source, count in
      takenParts[source] == nil ? (catalog.members[source] ?? []).suffix(count) : []
    }.sorted()
  }
}
