extension Vocabulary {
  /// Recurrent networks, layer by layer and step by step.
  static let recurrence: [Function] = [
    Function(
      "lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)"
    ) {
      try run($0, gates: 4) { gates, state, hidden in
        let parts = try (gates.input + gates.hidden)
          .split(sizes: [hidden, hidden, hidden, hidden], axis: 1)
        let memory =
          try parts[1].activated(.sigmoid) * state[1]
          + parts[0].activated(.sigmoid) * parts[2].activated(.tanh)
        return [try parts[3].activated(.sigmoid) * memory.activated(.tanh), memory]
      }
    },
    Function(
      "gru(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)"
    ) {
      try run($0, gates: 3) { gates, state, hidden in
        let a = try gates.input.split(3, axis: 1)
        let b = try gates.hidden.split(3, axis: 1)
        let reset = try (a[0] + b[0]).activated(.sigmoid)
        let update = try (a[1] + b[1]).activated(.sigmoid)
        let new = try (a[2] + reset * b[2]).activated(.tanh)
        return [try new + update * (state[0] - new)]
      }
    },
  ]

  private typealias Step = (
    _ gates: (input: Tensor, hidden: Tensor), _ state: [Tensor], _ hidden: Int
  ) throws -> [Tensor]

  private static func run(_ a: Arguments, gates: Int, _ step: Step) throws -> Value {
    try a.require(!a.flag("train"), "train")
    let isBatchFirst = try a.flag("batch_first")
    var x = try a.tensor("input")
    guard x.rank == 3 else { throw a.wrong("input") }
    if isBatchFirst { x = try x.transposed(0, 1) }
    var states: [Tensor]
    if case .tensor(let one) = a["hx"] { states = [one] } else { states = try a.tensors("hx") }
    let hidden = states.first?.shape.last ?? 0
    let (params, layers) = (try a.tensors("params"), try a.integer("num_layers"))
    let (directions, each) = (try a.flag("bidirectional") ? 2 : 1, try a.flag("has_biases") ? 4 : 2)
    guard layers > 0, params.count == layers * directions * each, hidden > 0, x.shape[0] > 0,
      states.count == (gates == 4 ? 2 : 1),
      states.allSatisfy({ $0.shape == [layers * directions, x.shape[1], hidden] })
    else { throw a.wrong("params") }
    var last: [[Tensor]] = []
    for layer in 0..<layers {
      let results = try (0..<directions).map { direction in
        let index = layer * directions + direction
        return try follow(
          x, Array(params[(index * each)..<((index + 1) * each)]),
          states.map { try $0.selected(0, index) }, isReverse: direction == 1, hidden, step)
      }
      x = try Tensor.concatenated(results.map(\.output), axis: 2)
      last += results.map(\.state)
    }
    let final = try states.indices.map { place in
      try Tensor.stacked(last.map { $0[place] }, axis: 0)
    }
    return .tensors([isBatchFirst ? try x.transposed(0, 1) : x] + final)
  }

  private static func follow(
    _ x: Tensor, _ params: [Tensor], _ initial: [Tensor], isReverse: Bool, _ hidden: Int,
    _ step: Step
  ) throws -> (output: Tensor, state: [Tensor]) {
    let hasBias = params.count == 4
    let projected = try x.linear(weight: params[0], bias: hasBias ? params[2] : nil)
    let (cache, count) = (OperatorCache(), x.shape[0])
    var (state, outputs) = (initial, [Tensor]())
    for index in 0..<count {
      let input = try projected.selected(0, isReverse ? count - 1 - index : index)
      let own = try state[0].linear(
        weight: params[1], bias: hasBias ? params[3] : nil, cache: cache)
      state = try step((input, own), state, hidden)
      outputs.append(state[0])
    }
    return (try Tensor.stacked(isReverse ? outputs.reversed() : outputs, axis: 0), state)
  }
}
