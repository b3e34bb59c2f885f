/// The names and shapes of a checkpoint: all that recognising an architecture and inferring its
/// configuration may look at.
public struct StateDictShapes: Sendable {
  private let shapes: [String: Shape]

  /// By the checkpoint's full names, `layer1.0.conv1.weight`.
  public init(_ shapes: [String: Shape]) {
    self.shapes = shapes
  }

  /// Every name.
  public var names: some Collection<String> { shapes.keys }

  /// Whether there is nothing at all, as for an architecture without weights.
  public var isEmpty: Bool { shapes.isEmpty }

  /// The shape of a tensor.
  public subscript(name: String) -> Shape? { shapes[name] }

  /// One extent of a tensor, if there is such a tensor with such an axis.
  public func extent(_ name: String, _ axis: Int) -> Int? {
    guard let shape = shapes[name], axis < shape.rank else { return nil }
    return shape[axis]
  }

  /// Whether all these names exist.
  public func contains(_ names: String...) -> Bool {
    names.allSatisfy { shapes[$0] != nil }
  }

  /// How many children `prefix` has that are numbered 0, 1, 2 … without a gap: the depth of a list.
  public func count(under prefix: String) -> Int {
    let lead = prefix.isEmpty ? "" : prefix + "."
    var indices: Set<Int> = []
    for name in shapes.keys where name.hasPrefix(lead) {
      if let index = Int(name.dropFirst(lead.count).prefix { $0 != "." }) { indices.insert(index) }
    }
    var count = 0
    while indices.contains(count) { count += 1 }
    return count
  }

  /// Whether any name begins with this.
  public func hasPrefix(_ prefix: String) -> Bool {
    shapes.keys.contains { $0.hasPrefix(prefix) }
  }

  /// `name [shape]`, as evidence in messages.
  public func evidence(_ name: String) -> String {
    shapes[name].map { "\(name) \($0)" } ?? name
  }
}
