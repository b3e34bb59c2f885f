import WeighbridgeNetwork

/// How the vocabulary's functions are written with this package's public API. Keyed by the names of
/// `Vocabulary`, which says how each runs: both compute the same, bit for bit.
enum Spellings {
  typealias Spell = @Sendable (CallSite) throws -> Held

  /// Every function that can be written.
  static let table: [String: Spell] = [
    convolutions, norms, pooling, activations, arithmetic, elementary, comparisons, reductions,
    orders, products, shapes, joining, indexing, spatial, made, composed, pairs, heads,
  ].reduce(into: [:]) { $0.merge($1) { first, _ in first } }

  /// A function that gives a tensor.
  static func tensor(_ spell: @escaping @Sendable (CallSite) throws -> Code) -> Spell {
    { $0.tensor(try spell($0)) }
  }

  /// A method of the input without arguments, or with these.
  static func method(_ name: String, _ arguments: String...) -> Spell {
    tensor { try $0.floating("input").calling(name, arguments.map { Argument(nil, Code($0)) }) }
  }

  /// Runs on a batch where there is none: `axes` is how many a single sample has.
  static func batched(
    _ a: CallSite, axes: Int, _ x: Code, _ body: (Code) throws -> Code
  ) throws -> Code {
    guard try a.rank("input") == axes else { return try body(x) }
    return try body(x.calling("unsqueezed", [Argument(nil, Code("0"))]))
      .calling("squeezed", [Argument(nil, Code("0"))])
  }

  /// Arguments but those that have their defaults.
  static func arguments(_ all: [(label: String?, value: Code, standard: String?)]) -> [Argument] {
    all.compactMap { $0.value.text == $0.standard ? nil : Argument($0.label, $0.value) }
  }
}
