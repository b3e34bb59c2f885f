import WeighbridgeModules

/// One kind of guess at why a layer is wrong. Every guess of the diagnosis stands behind this protocol;
/// `Diagnoser.stages` is the list of them.
protocol Hypothesis: Sendable {
  /// The changes to try on a layer, the likeliest first. Nothing is computed here.
  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change]
}

/// One change: a cause, whose mistake it would be, and what the layer returns when it is put right.
struct Change: Sendable {
  let cause: Cause
  let explorer: Explorer
  /// The shape that the layer would return, where that is known.
  var shape: Shape?
  /// How far-fetched it is: of changes that explain a layer alike, the plainest is named.
  var distance = 0
  /// `nil` when the layer could not be computed that way.
  let compute: @Sendable () throws -> Tensor?

  init(
    _ cause: Cause, _ explorer: Explorer, shape: Shape? = nil, distance: Int = 0,
    compute: @escaping @Sendable () throws -> Tensor?
  ) {
    (self.cause, self.explorer, self.shape) = (cause, explorer, shape)
    (self.distance, self.compute) = (distance, compute)
  }
}

/// What hypotheses know beside the layer that they are about.
struct DiagnosisContext: Sendable {
  let reference: Reference
  /// Every module with parameters.
  let parameterized: [(path: ModulePath, parameters: [ModuleParameter])]
  /// The paths of the layers that are wrong, where swapped tensors show first.
  let failing: [ModulePath]
  /// The paths of the modules that ran.
  let called: Set<ModulePath>
  let recorded: RecordedTensors
}

/// The whole recorded tensors of a reference, to be tried in each other's place.
struct RecordedTensors: Sendable {
  struct Named: Sendable {
    let key: ActivationKey
    let shape: Shape
    let name: String
  }

  /// How many tensors are tried in one place.
  static let limit = 24

  private let reference: Reference
  private let all: [Named]
  private let called: Set<ModulePath>
  private let positions: [ActivationKey: Int]

  /// - Parameter isRelated: Whether it is a reference of this network; of another one's tensors nothing
  ///   follows.
  init(_ reference: Reference, called: Set<ModulePath>, isRelated: Bool) {
    self.reference = reference
    self.called = called
    all = reference.keys.compactMap { key in
      guard isRelated, !reference.isSampled(key), let description = reference.description(of: key),
        description.dtype.isFloatingPoint, description.shape.elementCount > 0
      else { return nil }
      return Named(key: key, shape: description.shape, name: key.description)
    }
    positions = Dictionary(
      all.enumerated().map { ($0.element.key, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// The tensors that satisfy a condition, those of modules near to a layer first; those of modules
  /// that only the reference has come last among equals.
  func near(_ key: ActivationKey, where isWanted: (Shape) -> Bool) -> [Named] {
    let own = key.path.name.split(separator: ".")
    let place = positions[key] ?? all.count
    func rank(_ other: Named) -> (Int, Int, Int) {
      let common = zip(own, other.key.path.name.split(separator: ".")).prefix { $0 == $1 }.count
      return (
        -common, called.contains(other.key.path) ? 0 : 1,
        abs((positions[other.key] ?? 0) - place)
      )
    }
    return Array(
      all.filter { $0.key != key && isWanted($0.shape) }
        .map { (rank($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1).prefix(Self.limit))
  }

  func tensor(_ named: Named) throws -> Tensor? {
    try reference.tensor(named.key)?.converted(to: .float32).contiguous().aligned()
  }

  func isCalled(_ named: Named) -> Bool { called.contains(named.key.path) }

  /// Whether a recorded activation comes before a layer, as far as the file's order tells: one that is
  /// sorted by name does not.
  func mayPrecede(_ name: String, _ key: ActivationKey) -> Bool {
    let names = all.map(\.name)
    guard names != names.sorted(), let own = positions[key],
      let other = names.firstIndex(of: name)
    else { return true }
    return other < own
  }

  /// Whether a recorded module hands on what it is given: its class is one that does in inference, or
  /// its values are, bit for bit, those of an input or of another module that does not contain it.
  func isPassedThrough(_ name: String) -> Bool {
    guard let own = all.first(where: { $0.name == name }) else { return false }
    if let type = reference.className(of: own.key.path) { return Self.passing.contains(type) }
    guard let tensor = try? reference.tensor(own.key) else { return false }
    let inputs = (try? reference.inputs()) ?? []
    return inputs.contains { $0.hasSameValues(as: tensor) }
      || all.contains { other in
        other.shape == own.shape && other.key != own.key
          && !other.key.path.isAncestor(of: own.key.path)
          && !own.key.path.isAncestor(of: other.key.path)
          && (try? reference.tensor(other.key)?.hasSameValues(as: tensor)) == true
      }
  }

  /// Classes that hand on their input in inference.
  private static let passing: Set<String> = [
    "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout",
    "FeatureAlphaDropout", "DropPath", "StochasticDepth", "DropBlock2d", "DropBlock", "Dropout_",
  ]

  /// The recorded tensor, or the input, whose values these are bit for bit.
  func name(of tensor: Tensor) -> String? {
    all.first { named in
      guard named.shape == tensor.shape, let other = try? reference.tensor(named.key) else {
        return false
      }
      return tensor.hasSameValues(as: other)
    }?.name
  }
}

extension Tensor {
  /// Whether all values are equal, NaN to itself.
  func hasSameValues(as other: Tensor) -> Bool {
    guard shape == other.shape, isAlikeFirst(other),
      let figures = try? Comparison.figures(self, other)
    else {
      return false
    }
    return figures.isIdentical
  }

  private func isAlikeFirst(_ other: Tensor) -> Bool {
    guard let a = firstElement, let b = other.firstElement else { return true }
    return a == b
  }

  /// A cheap look before a whole comparison; `nil` where it tells nothing.
  private var firstElement: Float? {
    guard dtype == .float32,
      let value = try? firstOfAll()
        .elements(as: Float.self).first, !value.isNaN
    else { return nil }
    return value
  }

  /// The element at the first index of every axis.
  private func firstOfAll() throws -> Tensor {
    try shape.indices.reduce(self) { try $0.narrowed($1, start: 0, length: min(1, shape[$1])) }
  }
}
