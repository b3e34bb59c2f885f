import WeighbridgeModules
import WeighbridgeReferences

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
  private let order: RecordedOrder

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
    order = RecordedOrder(reference.keys)
  }

  /// The tensors that satisfy a condition and that a layer may have been made from, those of modules
  /// near to it first; those of modules that only the reference has come last among equals.
  ///
  /// - Parameter within: Whether they go into the layer's result, for which the modules within it may
  ///   have made them, and not into its input.
  func near(_ key: ActivationKey, within: Bool = false, where isWanted: (Shape) -> Bool) -> [Named]
  {
    let own = key.path.name.split(separator: ".")
    let place = order.position(key) ?? all.count
    func rank(_ other: Named) -> (Int, Int, Int) {
      let common = zip(own, other.key.path.name.split(separator: ".")).prefix { $0 == $1 }.count
      return (
        -common, called.contains(other.key.path) ? 0 : 1,
        abs((order.position(other.key) ?? 0) - place)
      )
    }
    let fitting = all.filter { other in
      other.key != key && isWanted(other.shape)
        && order.mayPrecede(other.key, key)
        && (within || !key.path.isAncestor(of: other.key.path) || other.key.call < key.call)
    }
    let ranked = fitting.map { (rank($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    return Array(ranked.lazy.filter { !isWithinAnotherOf(ranked, $0) }.prefix(Self.limit))
  }

  /// Whether a tensor of a module that never ran is that of a larger one of these that never did: the
  /// larger one says it plainer.
  private func isWithinAnotherOf(_ others: [Named], _ named: Named) -> Bool {
    guard !isCalled(named) else { return false }
    return others.contains { other in
      other.shape == named.shape && !isCalled(other)
        && other.key.path.isAncestor(of: named.key.path) && haveSameValues(other, named)
    }
  }

  private func haveSameValues(_ a: Named, _ b: Named) -> Bool {
    guard a.shape == b.shape, let one = try? reference.tensor(a.key),
      let other = try? reference.tensor(b.key)
    else { return false }
    return one.hasSameValues(as: other)
  }

  func tensor(_ named: Named) throws -> Tensor? {
    try reference.tensor(named.key)?.converted(to: .float32).contiguous().aligned()
  }

  func isCalled(_ named: Named) -> Bool { called.contains(named.key.path) }

  /// The recorded activation of a name; `nil` where it is not recorded whole.
  func named(_ name: String) -> Named? { all.first { $0.name == name } }

  /// Whether a recorded activation comes before a layer, as far as the file's order tells.
  func mayPrecede(_ name: String, _ key: ActivationKey) -> Bool {
    self.key(name).map { order.mayPrecede($0, key) } ?? true
  }

  /// Whether modules ran here that the reference has within this one: then what it does is done here,
  /// without a module of its name.
  func hasCalledParts(_ name: String) -> Bool {
    guard let path = key(name)?.path else { return false }
    return reference.keys.contains { path.isAncestor(of: $0.path) && called.contains($0.path) }
  }

  /// The recorded activation of a name.
  func key(_ name: String) -> ActivationKey? {
    reference.keys.first { $0.description == name }
  }

  /// Whether a recorded module hands on what it is given: its class is one that does in inference, or
  /// its values are, bit for bit, those of an input or of another module before it that does not
  /// contain it.
  func isPassedThrough(_ name: String) -> Bool {
    guard let own = named(name) else { return false }
    if let type = reference.className(of: own.key.path), Self.passing.contains(type) { return true }
    guard let tensor = try? reference.tensor(own.key) else { return false }
    let inputs = (try? reference.inputs()) ?? []
    return inputs.contains { $0.hasSameValues(as: tensor) }
      || all.contains { other in
        other.shape == own.shape && other.key != own.key
          && order.mayPrecede(other.key, own.key)
          && !other.key.path.isAncestor(of: own.key.path)
          && !own.key.path.isAncestor(of: other.key.path)
          && haveSameValues(other, own)
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

/// What the order of a file's activations tells: a recorder writes them as the modules return, parts
/// before what contains them.
struct RecordedOrder: Sendable {
  private let positions: [ActivationKey: Int]
  /// Whether it is the order in which modules returned, and not that of names.
  let isOfReturn: Bool

  init(_ keys: [ActivationKey]) {
    positions = Dictionary(
      keys.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    let names = keys.map(\.description)
    isOfReturn = names != names.sorted() && !Self.beginsWithWholes(keys)
  }

  func position(_ key: ActivationKey) -> Int? { positions[key] }

  /// Whether what one call returned may go into what another returns: it came before it, and is not
  /// the result of something that the other is a part of.
  func mayPrecede(_ other: ActivationKey, _ key: ActivationKey) -> Bool {
    if isOfReturn, let own = positions[key], let theirs = positions[other] { return theirs < own }
    let contains = other.path == key.path || other.path.isAncestor(of: key.path)
    return !(contains && other.call >= key.call)
  }

  /// Whether a module stands before one that is a part of it.
  private static func beginsWithWholes(_ keys: [ActivationKey]) -> Bool {
    var seen: Set<String> = []
    for key in keys where key.call == 0 {
      var name = key.path.name[...]
      while let dot = name.lastIndex(of: ".") {
        name = name[..<dot]
        if seen.contains(String(name)) { return true }
      }
      seen.insert(key.path.name)
    }
    return false
  }
}
