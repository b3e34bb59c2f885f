import Synchronization

/// What an engine prepares for one layer at first use and keeps: packed weights, compiled
/// primitives by input shape.
///
/// A layer owns one cache; it is shared by copies of the layer, and dies with the last of them. The
/// weights that a cache is used with never change, so entries never go stale.
public final class OperatorCache: Sendable {
  private let entries = Mutex<[Key: any Sendable]>([:])

  /// What distinguishes prepared forms of one layer: the engine's own tag and the shapes.
  package struct Key: Hashable, Sendable {
    package var tag: String
    package var numbers: [Int]

    package init(_ tag: String, _ numbers: [Int] = []) {
      self.tag = tag
      self.numbers = numbers
    }
  }

  /// An empty cache, for one layer.
  public init() {}

  /// Whether nothing was made yet.
  var isEmpty: Bool { entries.withLock { $0.isEmpty } }

  /// The value kept under `key`, made by `make` if there is none yet. Two threads may both make it;
  /// one result is kept.
  package func value<Value: Sendable>(
    _ key: Key, orMake make: () throws -> Value
  ) rethrows -> Value {
    if let found = entries.withLock({ $0[key] }) as? Value { return found }
    let made = try make()
    return entries.withLock { entries in
      if let found = entries[key] as? Value { return found }
      entries[key] = made
      return made
    }
  }
}
