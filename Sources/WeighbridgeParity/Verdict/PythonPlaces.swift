import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNetwork
import WeighbridgeReferences
import WeighbridgeVerdicts

/// Where the Python of a recorded network's modules is.
struct PythonPlaces {
  private let network: Network
  private let nodes: [String: Network.Node]

  /// `nil` for a reference without a network, or with one that cannot be read: it is not what is judged.
  init?(_ reference: Reference) {
    guard let network = try? Network(in: reference.checkpoint) else { return nil }
    self.network = network
    nodes = Dictionary(
      network.nodes.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// How many are told: the first ones.
  private static let limit = 3

  /// What to read beside modules of which nothing explains why they are wrong.
  func places(of lines: [Line]) -> [PythonPlace] {
    var found: [PythonPlace] = []
    for case .module(let key) in lines where found.count < Self.limit {
      if let place = place(of: key.path), !found.contains(place) { found.append(place) }
    }
    return found
  }

  /// The forward of a module, or of the nearest one around it that is not PyTorch's own.
  private func place(of path: ModulePath) -> PythonPlace? {
    var name = path.name
    while true {
      if let node = nodes[name], !node.className.hasPrefix("torch."), let call = node.calls.first,
        let place = network.programs[call].place
      {
        return PythonPlace(
          path: ModulePath(name), className: node.className, place: place.description)
      }
      guard !name.isEmpty else { return nil }
      name = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? ""
    }
  }
}
