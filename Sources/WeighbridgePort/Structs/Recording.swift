import WeighbridgeNetwork

/// A recorded network with what one run of it showed: everything that writing its Swift takes.
struct Recording {
  let network: Network
  let layers: NetworkLayers
  /// The calls that were run function by function, by node.
  let calls: [Int: [NetworkObservation.Call]]
  /// A call of each node and program.
  let sites: [[Int]: Network.Call]
  /// What those that call a module name the members of its result, by node.
  private(set) var names: [Int: [Int: String]] = [:]
  private let places: [String: Int]
  private let members: [[Int]]

  init(_ network: Network, _ observation: NetworkObservation) throws {
    self.network = network
    layers = try NetworkLayers(network)
    calls = Dictionary(grouping: observation.calls, by: \.node)
    let places = Dictionary(
      network.nodes.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
    var members = network.nodes.map { _ in [Int]() }
    for (index, node) in network.nodes.enumerated() where index > 0 {
      if let owner = places[Recording.owner(of: node.path)] { members[owner].append(index) }
    }
    var sites: [[Int]: Network.Call] = [:]
    Recording.note(network.call, &sites)
    (self.places, self.members, self.sites) = (places, members, sites)
    for call in sites.values.sorted(by: { ($0.node, $0.program) < ($1.node, $1.program) }) {
      noteNames(call)
    }
  }

  private static func note(_ call: Network.Call, _ sites: inout [[Int]: Network.Call]) {
    sites[[call.node, call.program]] = sites[[call.node, call.program]] ?? call
    for child in call.children { child.map { note($0, &sites) } }
  }

  private mutating func noteNames(_ call: Network.Call) {
    for (child, instruction) in zip(call.children, network.programs[call.program].body) {
      guard let child, names[child.node] == nil else { continue }
      for name in instruction.names {
        if let place = Int(name.key) { names[child.node, default: [:]][place] = name.name }
      }
    }
  }

  /// The path of the module that a module is in.
  static func owner(of path: String) -> String {
    path.lastIndex(of: ".").map { String(path[..<$0]) } ?? ""
  }

  /// The last component of a path.
  static func name(of path: String) -> String {
    path.lastIndex(of: ".").map { String(path[path.index(after: $0)...]) } ?? path
  }

  func node(_ path: String) -> Int? { places[path] }

  /// The modules directly in one, in the order of registration.
  func children(_ node: Int) -> [Int] { members[node] }

  func name(_ node: Int) -> String { Recording.name(of: network.nodes[node].path) }

  /// The node that a reference of one node's program means, if it is below that node.
  func isBelow(_ other: Int, _ node: Int) -> Bool {
    let (path, inner) = (network.nodes[node].path, network.nodes[other].path)
    return path.isEmpty || inner == path || inner.hasPrefix(path + ".")
  }

  /// Modules that are called in a module's forward and are not below it.
  func borrowed(_ node: Int) -> [Int] {
    var found: [Int] = []
    for program in Set(calls[node]?.map(\.program) ?? []).sorted() {
      for child in sites[[node, program]]?.children.compactMap({ $0?.node }) ?? []
      where !isBelow(child, node) && !found.contains(child) {
        found.append(child)
      }
    }
    return found
  }

  /// An attribute of a module, by its full name.
  func attribute(_ name: String) -> Network.Operand? {
    guard let owner = places[Recording.owner(of: name)] else { return nil }
    let node = network.nodes[network.nodes[owner].original ?? owner]
    let key = Recording.name(of: name)
    return node.attributes.first { $0.name == key }?.value
  }

  /// The dtype in which the network was recorded.
  var dtype: DType {
    network.nodes.lazy.flatMap(\.parameters).compactMap { DType(rawValue: $0.dtype) }
      .first(where: \.isFloatingPoint) ?? .float32
  }
}
