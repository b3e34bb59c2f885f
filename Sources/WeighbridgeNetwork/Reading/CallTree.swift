/// Follows a network's run from call to call: which program each call runs, and that everything that the
/// programs name is there. Control flow is settled when a network is recorded, so that this is known
/// before it runs.
struct CallTree {
  let nodes: [Network.Node]
  let programs: [Network.Program]
  let constantCount: Int
  private let places: [String: Int]
  private let tensors: [Set<String>]
  private let attributes: [Set<String>]
  /// How often each node was called so far.
  private var counts: [Int]
  private var work = 0

  init(nodes: [Network.Node], programs: [Network.Program], constantCount: Int) {
    (self.nodes, self.programs, self.constantCount) = (nodes, programs, constantCount)
    places = Dictionary(nodes.enumerated().map { ($1.path, $0) }) { first, _ in first }
    tensors = nodes.map { Set(($0.parameters + $0.buffers).map(\.name)) }
    attributes = nodes.map { Set($0.attributes.map(\.name)) }
    counts = nodes.map { _ in 0 }
  }

  /// The root's call.
  mutating func root(argumentCount: Int) throws -> Network.Call {
    for (index, node) in nodes.enumerated() {
      if let program = node.calls.first(where: { $0 >= programs.count }) {
        throw failure("'\(node.path)' calls program \(program) of \(programs.count)")
      }
      if index == 0, node.original != nil { throw failure("the root is another module's name") }
    }
    let call = try self.call(0, given: argumentCount, depth: 0)
    for (node, count) in zip(nodes, counts) where node.original == nil && node.calls.count != count
    {
      throw failure(
        "'\(node.path)' is called \(count) times and has \(node.calls.count) calls")
    }
    return call
  }

  private mutating func call(_ index: Int, given: Int, depth: Int) throws -> Network.Call {
    let node = nodes[index]
    guard depth < Bounds.calls else {
      throw failure("calls are nested deeper than \(Bounds.calls)")
    }
    guard counts[index] < node.calls.count else {
      throw failure("'\(node.path)' is called more often than its \(node.calls.count) calls")
    }
    let number = node.calls[counts[index]]
    counts[index] += 1
    let program = programs[number]
    guard program.inputs.count == given else {
      throw failure(
        "'\(node.path)' takes \(program.inputs.count) arguments and is given \(given)")
    }
    var children: [Network.Call?] = []
    for (place, instruction) in program.body.enumerated() {
      do {
        try check(instruction.arguments.map(\.value), in: node.path)
        children.append(try child(instruction, node.path, depth))
      } catch let error as WeighbridgeError where error.entry == nil {
        throw failure(
          "instruction \(place) of program \(number), of the module '\(node.path)': "
            + error.message)
      }
    }
    try check([program.returns] + program.guards.flatMap { [$0.left, $0.right] }, in: node.path)
    return Network.Call(node: index, program: number, children: children)
  }

  private mutating func child(
    _ instruction: Network.Instruction, _ path: String, _ depth: Int
  ) throws -> Network.Call? {
    guard case .module(let name, let fromRoot) = instruction.target else { return nil }
    let target = fromRoot ? name : Network.joined(path, name)
    guard let found = places[target] else {
      throw WeighbridgeError(.malformed, "it calls '\(target)', which is not there")
    }
    return try call(
      original(found), given: instruction.arguments.count, depth: depth + 1)
  }

  /// Checks that tensors and attributes are there.
  private mutating func check(_ operands: [Network.Operand], in path: String) throws {
    for operand in operands {
      work += 1
      guard work <= Bounds.work else {
        throw failure("its calls run more than \(Bounds.work) steps")
      }
      switch operand {
      case .tensor(let reference):
        let (owner, name) = Network.divided(reference.absolute(in: path))
        guard let found = places[owner], tensors[original(found)].contains(name) else {
          throw WeighbridgeError(.malformed, "'\(owner)' has no tensor \(name)")
        }
      case .attribute(let reference):
        let (owner, name) = Network.divided(reference.absolute(in: path))
        guard let found = places[owner], attributes[original(found)].contains(name) else {
          throw WeighbridgeError(.malformed, "'\(owner)' has no attribute \(name)")
        }
      default: try check(operand.parts, in: path)
      }
    }
  }

  private func original(_ index: Int) -> Int { nodes[index].original ?? index }

  private func failure(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the recorded network is wrong: \(what)", entry: "network",
      remedy: "Record it again with record(..., network=True)")
  }
}
