import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// What a model asks for under one configuration, whatever names a file has.
package struct ModelDemand: Sendable {
  package let architecture: any Architecture.Type
  package let configuration: Configuration
  package let ledger: Ledger
  /// What metadata and the user's values contradict each other in.
  package let notes: [String]
}

extension Loader {
  /// What a model asks for under the configuration that is stated. What names and shapes tell
  /// elsewhere, and nobody says here, is chosen so that the sizes are the file's.
  ///
  /// - Throws: `usage` for an unknown architecture, key or impossible value; `mapping` when a value is
  ///   needed that nothing tells.
  package func demand(
    of checkpoint: any Checkpoint, model: String, overrides: [(key: String, text: String)] = [],
    reference: RecordedMetadata? = nil
  ) throws -> ModelDemand {
    let resolver = ConfigurationResolver(
      architecture: try registry.architecture(model),
      native: try RecordedMetadata(native: checkpoint),
      reference: reference, overrides: overrides, carried: checkpoint.metadata,
      file: checkpoint.path)
    let stated = try resolver.stated()
    var search = FormSearch(resolver, checkpoint)
    try search.run(from: stated.configuration)
    guard let best = search.best else {
      // Says what is wrong.
      _ = try resolver.demand(stated.configuration, hasAll: false)
      throw WeighbridgeError(
        .mapping, "no form of \(model) can be built", file: checkpoint.path)
    }
    return ModelDemand(
      architecture: resolver.architecture, configuration: best.configuration, ledger: best.ledger,
      notes: stated.notes)
  }
}

/// Looks for the values of open keys under which a model's parameters have the sizes of a file's
/// tensors, one key after the other.
private struct FormSearch {
  private static let rounds = 3
  /// The most values of one key.
  private static let values = 96
  /// Numbers of layers and such, which are no extents.
  private static let counts = 1...48

  private let resolver: ConfigurationResolver
  private let sizes: [Int: Int]
  private let extents: [Int]
  private(set) var best: (configuration: Configuration, ledger: Ledger)?
  private var distance = Int.max

  init(_ resolver: ConfigurationResolver, _ checkpoint: any Checkpoint) {
    self.resolver = resolver
    let entries = checkpoint.entries.filter { $0.dtype.isFloatingPoint }
    sizes = Dictionary(entries.map { ($0.shape.elementCount, 1) }, uniquingKeysWith: +)
    let found = Set(entries.flatMap { Array($0.shape) }).filter { $0 > 0 }
    extents = Array(found.union(Self.counts).sorted().prefix(Self.values))
  }

  mutating func run(from stated: Configuration) throws {
    consider(stated)
    let open = stated.keys.filter { key in
      guard key.isInferred else { return false }
      return stated.entries[key.name].map { $0.origin == .assumed } ?? true
    }
    for _ in 0..<Self.rounds {
      let before = distance
      for key in open where distance > 0 {
        let start = best?.configuration ?? stated
        for value in values(of: key) where start.entries[key.name]?.value != value {
          var copy = start
          try copy.set(key.name, value, origin: .inferred)
          consider(copy)
        }
      }
      guard distance < before else { break }
    }
  }

  private func values(of key: ConfigurationKey) -> [ConfigurationValue] {
    switch key.kind {
    case .integer, .optionalInteger: extents.map { .integer($0) }
    case .boolean: [.boolean(false), .boolean(true)]
    case .choice(let words): words.map { .text($0) }
    case .number, .optionalNumber: []
    }
  }

  private mutating func consider(_ configuration: Configuration) {
    for hasAll in [false, true] {
      guard let ledger = try? resolver.demand(configuration, hasAll: hasAll) else { continue }
      let found = distance(of: ledger)
      if found < distance { (best, distance) = ((configuration, ledger), found) }
    }
  }

  private func distance(of ledger: Ledger) -> Int {
    var left = sizes
    var missing = 0
    for request in ledger.requests where request.role != .counter {
      let count = request.shape.elementCount
      if let found = left[count], found > 0 { left[count] = found - 1 } else { missing += 1 }
    }
    return missing + left.values.reduce(0, +)
  }
}

extension ConfigurationResolver {
  /// What a model asks for when no shape is looked at.
  ///
  /// - Parameter hasAll: Whether everything optional is there.
  fileprivate func demand(_ configuration: Configuration, hasAll: Bool) throws -> Ledger {
    try architecture.check(configuration)
    return try WeightScope.describe(source: hasAll ? Everything() : nil) {
      scope -> any Architecture in try architecture.init(scope, configuration)
    }
  }
}

/// A source that has every optional parameter.
private struct Everything: WeightSource {
  func contains(_ name: String) -> Bool { true }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    throw WeighbridgeError(.mapping, "is only described", entry: request.name)
  }
}
