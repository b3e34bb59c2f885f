import WeighbridgeTensors

/// A value that a pickle builds. What contains others stands in the `PickleHeap`, by its position
/// there, so that values may form circles, and no chain of them, however long, is freed by recursion.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer beyond 64 bits, which no tensor needs.
  case largeInt
  case float(Double)
  case text(String)
  /// Bytes of the pickle itself.
  case bytes(Range<Int>)
  /// A class or function, by module and name: never imported, never called.
  case global(PickleGlobal)
  /// A container or object, by its position in the heap.
  case node(Int)
}

/// The name of a Python class or function. A reference, so that a value takes no more room for it.
final class PickleGlobal: Sendable {
  let module: String
  let name: String

  init(module: String, name: String) { (self.module, self.name) = (module, name) }

  var qualified: String { "\(module).\(name)" }
}

/// A container or object.
struct PickleNode: Sendable {
  enum Kind: Sendable {
    case tuple, list, set
    /// Keys and values in turn.
    case dictionary
    /// What a class or function would have made of arguments, which is not run: `items` are what was
    /// appended or set afterwards.
    indirect case object(PickleGlobal, arguments: PickleValue)
    /// An object kept outside of the pickle, by the value that names it.
    indirect case persistent(PickleValue)
    /// A view of a storage, in place of the calls and tuples that describe it.
    case tensor(TorchTensor)
  }

  var kind: Kind
  var items: [PickleValue] = []
  /// How many containers lay in each other here when the last was added.
  fileprivate(set) var depth: Int32 = 1
}

/// Everything that a pickle has built.
struct PickleHeap: Sendable {
  private(set) var nodes: [PickleNode] = []
  /// What objects were given to restore themselves from.
  private var states: [Int: PickleValue] = [:]
  /// How many containers lie in each other at most.
  private(set) var deepest = 0

  mutating func add(_ kind: PickleNode.Kind, _ items: [PickleValue] = []) -> PickleValue {
    nodes.append(PickleNode(kind: kind, items: items))
    let position = nodes.count - 1
    switch kind {
    case .object(_, let inner), .persistent(let inner): deepen(position, CollectionOfOne(inner))
    case .tuple, .list, .set, .dictionary: deepen(position, items)
    case .tensor: break
    }
    return .node(position)
  }

  mutating func append(_ items: some Sequence<PickleValue>, to position: Int) {
    nodes[position].items.append(contentsOf: items)
    deepen(position, items)
  }

  mutating func setState(_ state: PickleValue, of position: Int) {
    states[position] = state
    deepen(position, CollectionOfOne(state))
  }

  /// Adds the tensor that a call would make, and takes out what described it, which nothing else
  /// names; `nil` for every other call, and where the description is shared.
  ///
  /// Of the ten values that describe a tensor, none is needed once it is known: a file of a million
  /// tensors keeps a million nodes.
  ///
  /// - Parameter shared: The last node that something beside its container may name.
  mutating func addTensor(
    _ global: PickleGlobal, _ arguments: PickleValue, after shared: Int
  ) -> PickleValue? {
    guard case .node(let root) = arguments, root == nodes.count - 1, root > shared,
      case .success(let tensor)? = rebuiltView(global, arguments)
    else { return nil }
    // Each node behind the last shared one has one owner, so whatever the arguments reach is theirs.
    var first = root
    var open = [root]
    var count = 0
    while let position = open.popLast() {
      guard position > shared else { return nil }
      first = min(first, position)
      count += 1
      for case .node(let inner) in contents(of: position) { open.append(inner) }
    }
    guard first + count == nodes.count else { return nil }
    if !states.isEmpty { for position in first..<nodes.count { states[position] = nil } }
    nodes.removeLast(count)
    return add(.tensor(tensor))
  }

  /// Every value that a node holds.
  private func contents(of position: Int) -> [PickleValue] {
    var values = nodes[position].items
    switch nodes[position].kind {
    case .object(_, let inner), .persistent(let inner): values.append(inner)
    case .tuple, .list, .set, .dictionary, .tensor: break
    }
    if let state = states[position] { values.append(state) }
    return values
  }

  private mutating func deepen(_ position: Int, _ items: some Sequence<PickleValue>) {
    var depth = nodes[position].depth
    for case .node(let inner) in items { depth = max(depth, nodes[inner].depth + 1) }
    nodes[position].depth = depth
    deepest = max(deepest, Int(depth))
  }

  /// What an object was given to restore itself from.
  func state(of value: PickleValue) -> PickleValue {
    guard case .node(let position) = value else { return .none }
    return states[position] ?? .none
  }

  /// The node of a value that is one.
  func node(_ value: PickleValue) -> PickleNode? {
    guard case .node(let position) = value else { return nil }
    return nodes[position]
  }

  /// The items of a tuple or list.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    guard let node = node(value) else { return nil }
    switch node.kind {
    case .tuple, .list: return node.items
    default: return nil
    }
  }

  /// The value under a text in a dictionary; the last one, as Python has it.
  func member(_ name: String, of value: PickleValue) -> PickleValue? {
    guard let node = node(value), case .dictionary = node.kind else { return nil }
    for index in stride(from: node.items.count - 2, through: 0, by: -2) {
      if case .text(name) = node.items[index] { return node.items[index + 1] }
    }
    return nil
  }
}

extension PickleValue {
  var text: String? {
    if case .text(let text) = self { text } else { nil }
  }

  var integer: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }
}
