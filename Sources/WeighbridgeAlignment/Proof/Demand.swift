import WeighbridgeModules
import WeighbridgeTensors

/// What a model asks for: its parameters and buffers that something computes with.
struct Demand: Sendable {
  let requests: [ParameterRequest]
  let wanted: [Wanted]
  let byName: [String: Wanted]
  /// By the module that asks for them.
  let byOwner: [ModulePath: [Wanted]]
  /// How many there are of a module and all in it.
  private let counts: [ModulePath: Int]

  init(_ ledger: Ledger) {
    requests = ledger.requests
    wanted = ledger.requests.filter { $0.role != .counter }.map {
      Wanted(name: $0.name, role: $0.role, shape: $0.shape)
    }
    byName = Dictionary(wanted.map { ($0.name, $0) }) { first, _ in first }
    byOwner = Dictionary(grouping: wanted) { ModulePath($0.name).parent ?? .root }
    var counts: [ModulePath: Int] = [:]
    for (owner, asked) in byOwner {
      var path: ModulePath? = owner
      while let module = path {
        counts[module, default: 0] += asked.count
        path = module.parent
      }
    }
    self.counts = counts
  }

  func count(below module: ModulePath) -> Int { counts[module] ?? 0 }
}

/// A model's weights as far as they are known; the others are zeros that take no memory.
struct PartialWeights: WeightSource {
  let requests: Set<String>
  let known: [String: Tensor]

  func contains(_ name: String) -> Bool { requests.contains(name) }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    if let tensor = known[request.name] { return tensor }
    guard request.role != .counter else {
      return try Tensor(
        [Int64](repeating: 0, count: request.shape.elementCount), shape: request.shape)
    }
    let zero = try Tensor(
      [0 as Float], shape: Shape([Int](repeating: 1, count: request.shape.rank)))
    return try zero.expanded(to: request.shape)
  }
}
