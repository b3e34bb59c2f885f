import WeighbridgeNetwork

/// Who uses the values of a program, and which steps stand within the expression of a later one.
struct Flow {
  /// How often each value is used by what is written.
  private(set) var uses: [Int]
  /// How often members of a value are used, by their places.
  private(set) var itemUses: [Int: [Int: Int]] = [:]
  /// Values that are used whole.
  private(set) var usesWhole: Set<Int> = []
  /// The last instruction whose statement uses a value.
  private(set) var lastUse: [Int]
  /// Whether an instruction matters: it calls a module, or something that matters uses it.
  private(set) var isLive: [Bool]
  /// Whether an instruction stands within the expression of a later one.
  private(set) var isInlined: [Bool]
  /// The largest number of steps in one expression.
  private static let longest = 12
  private static let long = 6

  var takesItems: [Bool] { uses.indices.map { itemUses[$0] != nil } }

  init(_ program: Network.Program) {
    let (inputs, steps) = (program.inputs.count, program.body.count)
    uses = [Int](repeating: 0, count: inputs + steps)
    lastUse = [Int](repeating: -1, count: inputs + steps)
    isLive = program.body.map { if case .module = $0.target { true } else { false } }
    isInlined = [Bool](repeating: false, count: steps)
    var consumers = [[Int]](repeating: [], count: inputs + steps)
    func note(_ operand: Network.Operand, by consumer: Int) {
      if case .item(.value(let number), let place) = operand {
        itemUses[number, default: [:]][place, default: 0] += 1
        uses[number] += 1
        consumers[number].append(consumer)
        return
      }
      if case .value(let number) = operand {
        uses[number] += 1
        usesWhole.insert(number)
        consumers[number].append(consumer)
        return
      }
      for part in operand.parts { note(part, by: consumer) }
    }
    note(program.returns, by: steps)
    // Guards are statements of their own: what they use is kept.
    for condition in program.guards where !(condition.left.isFixed && condition.right.isFixed) {
      let needs = (condition.left.values + condition.right.values).max() ?? 0
      for operand in [condition.left, condition.right] {
        note(operand, by: max(0, needs - inputs))
        note(operand, by: max(0, needs - inputs))
      }
    }
    for index in stride(from: steps - 1, through: 0, by: -1) {
      if uses[inputs + index] > 0 { isLive[index] = true }
      guard isLive[index] else { continue }
      for argument in program.body[index].arguments { note(argument.value, by: index) }
    }
    settle(program, consumers)
  }

  private mutating func settle(_ program: Network.Program, _ consumers: [[Int]]) {
    let (inputs, steps) = (program.inputs.count, program.body.count)
    var roots = Array(0...steps)
    var sizes = [Int](repeating: 0, count: steps + 1)
    func isModule(_ index: Int) -> Bool {
      if case .module = program.body[index].target { true } else { false }
    }
    for index in stride(from: steps - 1, through: 0, by: -1) where isLive[index] {
      let value = inputs + index
      guard uses[value] == 1, let consumer = consumers[value].first else { continue }
      let root = roots[consumer]
      let name = program.body[index].name
      let rootName = root < steps ? program.body[root].name : nil
      let isChain = name == nil || rootName == nil || name == rootName
      let keepsOrder =
        !isModule(index)
        || (index + 1..<max(index + 1, root)).allSatisfy { other in
          !isLive[other] || !isModule(other) || roots[other] == root
        }
      // Where an expression grows long, it is cut where Python has a statement.
      let limit = name == nil ? Flow.longest : Flow.long
      guard isChain, keepsOrder, sizes[root] < limit else { continue }
      isInlined[index] = true
      roots[index] = root
      sizes[root] += 1
    }
    for value in uses.indices {
      lastUse[value] = consumers[value].map { roots[$0] }.max() ?? -1
    }
  }
}
