import WeighbridgeTensors

/// Finds the tensors in what a pickle built, under the names of the keys and attributes that lead to
/// them: dictionaries by key, lists by position, modules by parameter, buffer and child, and other
/// objects by attribute.
struct TorchWalk {
  /// What there is.
  struct Findings {
    var tensors: [(name: String, tensor: TorchTensor)] = []
    var skipped: [SkippedEntry] = []
    /// Numbers and texts near the top: an epoch, hyperparameters.
    var metadata: [String: String] = [:]
  }

  private(set) var findings = Findings()
  private let heap: PickleHeap
  /// The containers that the current value lies in.
  private var open: Set<Int> = []
  private var visits = 0
  private var nameBytes = 0
  private let visitLimit: Int
  private let nameByteLimit: Int

  /// Deeper, containers hold each other rather than a model.
  private static let depthLimit = 64
  /// Numbers and texts below this depth are not what travels beside tensors.
  private static let metadataDepth = 3
  private static let metadataLimit = 1000
  private static let longestText = 4096

  /// - Parameter byteCount: The pickle's size, which bounds the work: a container that stands in many
  ///   places is walked in each of them.
  init(_ value: PickleValue, in heap: PickleHeap, byteCount: Int) throws {
    self.heap = heap
    visitLimit = 8 * heap.nodes.count + 100_000
    nameByteLimit = 16 * byteCount + (16 << 20)
    try walk(value, "", depth: 0)
  }

  private mutating func walk(_ value: PickleValue, _ name: String, depth: Int) throws {
    visits += 1
    nameBytes += name.utf8.count
    guard visits <= visitLimit, nameBytes <= nameByteLimit else {
      throw PickleReader.malformed("its containers hold each other over and over")
    }
    guard case .node(let position) = value else {
      note(value, name, depth)
      return
    }
    if let found = heap.tensor(value) {
      switch found {
      case .success(let tensor): findings.tensors.append((name.isEmpty ? "tensor" : name, tensor))
      case .failure(let error):
        findings.skipped.append(
          SkippedEntry(name: name.isEmpty ? "tensor" : name, reason: error.reason))
      }
      return
    }
    guard open.insert(position).inserted else { return }  // a circle
    defer { open.remove(position) }
    guard depth < Self.depthLimit else { return }
    try walkContainer(position, name, depth + 1)
  }

  private mutating func walkContainer(_ position: Int, _ name: String, _ depth: Int) throws {
    let (node, state) = (heap.nodes[position], heap.state(of: .node(position)))
    switch node.kind {
    case .tuple, .list:
      try walkItems(node.items, name, depth)
    case .dictionary:
      try walkMembers(node.items, name, depth)
    case .set, .persistent, .tensor: break
    case .object(let global, let arguments):
      if Self.mappings.contains(global.qualified) {
        // Python 2 gives a mapping's pairs as an argument.
        let pairs = heap.sequence(arguments)?.last.flatMap(heap.sequence) ?? []
        try walkMembers(pairs.flatMap { heap.sequence($0) ?? [] } + node.items, name, depth)
        if name.isEmpty { noteTexts(of: state) }
      } else if Self.sequences.contains(global.qualified) {
        try walkItems(
          (heap.sequence(arguments)?.first.flatMap(heap.sequence) ?? []) + node.items, name, depth)
      } else {
        try walkState(state, name, depth)
        if !node.items.isEmpty { try walkMembers(node.items, name, depth) }
      }
    }
  }

  private static let mappings: Set<String> = [
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter",
    "builtins.dict", "__builtin__.dict",
  ]
  private static let sequences: Set<String> = [
    "builtins.list", "builtins.tuple", "__builtin__.list", "__builtin__.tuple",
  ]

  private mutating func walkItems(
    _ items: [PickleValue], _ name: String, _ depth: Int
  ) throws {
    for (index, item) in items.enumerated() {
      try walk(item, joined(name, String(index)), depth: depth)
    }
  }

  /// Keys and values in turn. Of equal keys the last value counts, in the first one's place.
  private mutating func walkMembers(
    _ members: [PickleValue], _ name: String, _ depth: Int
  ) throws {
    for (key, value) in Self.pairs(members) {
      try walk(value, joined(name, key), depth: depth)
    }
  }

  private static func pairs(_ members: [PickleValue]) -> [(key: String, value: PickleValue)] {
    var positions: [ExactText: Int] = [:]
    var pairs: [(key: String, value: PickleValue)] = []
    positions.reserveCapacity(members.count / 2)
    pairs.reserveCapacity(members.count / 2)
    for index in stride(from: 0, to: members.count - 1, by: 2) {
      guard let key = members[index].text ?? members[index].integer.map(String.init) else {
        continue
      }
      if let position = positions[ExactText(key)] {
        pairs[position].value = members[index + 1]
      } else {
        positions[ExactText(key)] = pairs.count
        pairs.append((key, members[index + 1]))
      }
    }
    return pairs
  }

  /// What an object restores itself from: a dictionary of attributes, alone or with one of slots.
  private mutating func walkState(
    _ state: PickleValue, _ name: String, _ depth: Int
  ) throws {
    if let parts = heap.sequence(state), parts.count == 2 {
      for part in parts { try walkState(part, name, depth) }
      return
    }
    guard let node = heap.node(state), case .dictionary = node.kind else { return }
    guard let modules = heap.member("_modules", of: state) else {
      try walkMembers(node.items, name, depth)
      return
    }
    // A whole module: what its own state_dict() would give, in that order.
    for part in ["_parameters", "_buffers"] {
      if let members = heap.member(part, of: state) { try walk(members, name, depth: depth) }
    }
    try walk(modules, name, depth: depth)
  }

  /// The texts that a dictionary has as its attribute `metadata`.
  private mutating func noteTexts(of state: PickleValue) {
    guard let texts = heap.member("metadata", of: state).flatMap(heap.node),
      case .dictionary = texts.kind
    else { return }
    for index in stride(from: 0, to: texts.items.count - 1, by: 2) {
      guard let key = texts.items[index].text, case .text(let text) = texts.items[index + 1],
        findings.metadata.count < Self.metadataLimit
      else { continue }
      findings.metadata[key] = text
    }
  }

  private func joined(_ name: String, _ part: String) -> String {
    name.isEmpty ? part : name + "." + part
  }

  private mutating func note(_ value: PickleValue, _ name: String, _ depth: Int) {
    guard depth <= Self.metadataDepth, !name.isEmpty, findings.metadata.count < Self.metadataLimit
    else {
      return
    }
    switch value {
    case .bool(let value): findings.metadata[name] = value ? "true" : "false"
    case .int(let value): findings.metadata[name] = String(value)
    case .float(let value): findings.metadata[name] = String(value)
    case .text(let text) where text.utf8.count <= Self.longestText: findings.metadata[name] = text
    default: break
    }
  }
}
