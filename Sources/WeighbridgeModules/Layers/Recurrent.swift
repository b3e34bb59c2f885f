/// The parameters of one layer and direction of a recurrent network, by PyTorch's names:
/// `weight_ih_l0`, `bias_hh_l1_reverse`.
private struct RecurrentCell: Sendable {
  private static let inputWeight = DeclaredParameter<Self>(
    "weight_ih", .linearWeight, \.inputWeight)
  private static let hiddenWeight = DeclaredParameter<Self>(
    "weight_hh", .linearWeight, \.hiddenWeight)
  private static let inputBias = DeclaredParameter<Self>("bias_ih", .vector, ifPresent: \.inputBias)
  private static let hiddenBias = DeclaredParameter<Self>(
    "bias_hh", .vector, ifPresent: \.hiddenBias)

  private let declared: [DeclaredParameter<Self>]
  /// [gates·hidden, inputs] and [gates·hidden, hidden].
  private var inputWeight: Tensor { didSet { inputCache = OperatorCache() } }
  private var hiddenWeight: Tensor { didSet { hiddenCache = OperatorCache() } }
  /// [gates·hidden].
  private var inputBias: Tensor? { didSet { inputCache = OperatorCache() } }
  private var hiddenBias: Tensor? { didSet { hiddenCache = OperatorCache() } }
  private var inputCache = OperatorCache()
  private var hiddenCache = OperatorCache()

  init(
    _ w: WeightScope, _ suffix: String, gates: Int, inputs: Int, hidden: Int, hasBias: Bool
  ) throws {
    declared = [Self.inputWeight, Self.hiddenWeight, Self.inputBias, Self.hiddenBias]
      .map { $0.suffixed(suffix) }
    let rows = gates * hidden
    inputWeight = try w.parameter(declared[0], [rows, inputs])
    hiddenWeight = try w.parameter(declared[1], [rows, hidden])
    inputBias = hasBias ? try w.parameter(declared[2], [rows]) : nil
    hiddenBias = hasBias ? try w.parameter(declared[3], [rows]) : nil
  }

  var parameters: [ModuleParameter] { declared.compactMap { $0.parameter(of: self) } }

  func replacing(_ tensors: [String: Tensor]) -> Self {
    declared.reduce(into: self) { copy, declared in declared.put(tensors, into: &copy) }
  }

  /// W_ih·x + b_ih of all steps at once.
  func fromInput(_ x: Tensor) throws -> Tensor {
    try x.linear(weight: inputWeight, bias: inputBias, cache: inputCache)
  }

  /// W_hh·h + b_hh.
  func fromHidden(_ h: Tensor) throws -> Tensor {
    try h.linear(weight: hiddenWeight, bias: hiddenBias, cache: hiddenCache)
  }
}

/// The layers and directions of a recurrent network, and how their steps follow each other.
private struct RecurrentStack: Sendable {
  let hidden: Int
  let batchFirst: Bool
  let isBidirectional: Bool
  /// Layer by layer, the backward direction behind the forward one.
  private(set) var cells: [RecurrentCell]

  private var directions: Int { isBidirectional ? 2 : 1 }

  var parameters: [ModuleParameter] { cells.flatMap(\.parameters) }

  func replacing(_ tensors: [String: Tensor]) -> Self {
    var copy = self
    copy.cells = cells.map { $0.replacing(tensors) }
    return copy
  }

  init(
    _ w: WeightScope, gates: Int, inputs: Int, hidden: Int, layers: Int, hasBias: Bool,
    batchFirst: Bool, isBidirectional: Bool
  ) throws {
    guard inputs > 0, hidden > 0, layers > 0 else {
      throw WeighbridgeError(
        .usage, "\(layers) layers of \(hidden) for \(inputs) inputs make no recurrent network",
        entry: w.path.name)
    }
    (self.hidden, self.batchFirst, self.isBidirectional) = (hidden, batchFirst, isBidirectional)
    let directions = isBidirectional ? 2 : 1
    cells = try (0..<layers * directions).map { index in
      let layer = index / directions
      return try RecurrentCell(
        w, "_l\(layer)" + (index % directions == 1 ? "_reverse" : ""), gates: gates,
        inputs: layer == 0 ? inputs : hidden * directions, hidden: hidden, hasBias: hasBias)
    }
  }

  /// Runs all layers: `step` takes a cell, W_ih·x + b_ih of one step [B, gates·hidden] and the state, and
  /// gives the next state, whose first tensor is the step's output [B, hidden].
  ///
  /// - Parameter initial: The state's tensors [layers·directions, B, hidden]; none for zeros.
  /// - Returns: [n, B, hidden·directions] (or batch first), and the last state's tensors.
  func run(
    _ x: Tensor, initial: [Tensor], stateCount: Int,
    _ step: (RecurrentCell, Tensor, [Tensor]) throws -> [Tensor]
  ) throws -> [Tensor] {
    let isSingle = x.rank == 2
    guard x.rank == 3 || isSingle else {
      throw WeighbridgeError(.shape, "a recurrent network takes [n, B, features], got \(x.shape)")
    }
    let batchAxis = isSingle ? 1 : batchFirst ? 0 : 1
    let steps = isSingle ? try x.unsqueezed(1) : batchFirst ? try x.transposed(0, 1) : x
    let shape = Shape([cells.count, steps.shape[1], hidden])
    let states =
      try initial.isEmpty
      ? (0..<stateCount).map { _ in try Tensor.zeros(shape, dtype: x.dtype) }
      : initial.map { isSingle ? try $0.unsqueezed(1) : $0 }
    guard states.count == stateCount, states.allSatisfy({ $0.shape == shape }), steps.shape[0] > 0
    else {
      throw WeighbridgeError(
        .shape,
        "a state of \(states.map(\.shape.description)) does not fit \(stateCount) of \(shape)")
    }
    var (layer, last) = (steps, [[Tensor]]())
    for first in stride(from: 0, to: cells.count, by: directions) {
      let results = try (first..<(first + directions)).map { index in
        try direction(
          cells[index], layer, states.map { try $0.selected(0, index) },
          isReverse: index > first, step)
      }
      layer =
        try results.count == 1
        ? results[0].output : Tensor.concatenated(results.map(\.output), axis: 2)
      last += results.map(\.state)
    }
    let final = try (0..<stateCount).map { place in
      try Tensor.stacked(last.map { $0[place] }, axis: 0)
    }
    if isSingle { return try [layer.squeezed(1)] + final.map { try $0.squeezed(1) } }
    return [batchAxis == 0 ? try layer.transposed(0, 1) : layer] + final
  }

  private func direction(
    _ cell: RecurrentCell, _ x: Tensor, _ initial: [Tensor], isReverse: Bool,
    _ step: (RecurrentCell, Tensor, [Tensor]) throws -> [Tensor]
  ) throws -> (output: Tensor, state: [Tensor]) {
    let projected = try cell.fromInput(x)
    let count = x.shape[0]
    var (state, outputs) = (initial, [Tensor]())
    for index in 0..<count {
      state = try step(cell, projected.selected(0, isReverse ? count - 1 - index : index), state)
      outputs.append(state[0])
    }
    return (try Tensor.stacked(isReverse ? outputs.reversed() : outputs, axis: 0), state)
  }
}

/// PyTorch's `nn.LSTM`: [n, B, inputs] (or batch first, or [n, inputs]) to [n, B, hidden·directions] and
/// the last hidden and cell states [layers·directions, B, hidden].
///
/// i, f, o = σ(W·x + U·h + b), g = tanh(…), c' = f·c + i·g, h' = o·tanh(c'); rows in the order i, f, g, o.
public struct LSTM: ParameterizedModule {
  public let path: ModulePath
  private var stack: RecurrentStack

  /// - Parameters:
  ///   - inputs: PyTorch's `input_size`.
  ///   - hidden: PyTorch's `hidden_size`.
  ///   - layers: PyTorch's `num_layers`, each on the results of the one before.
  ///   - bias: Whether both maps of a layer have biases.
  ///   - batchFirst: Whether the sequence is [B, n, features]; states never are.
  ///   - bidirectional: Whether a second direction runs from the end, and both are joined.
  /// - Throws: `usage` for numbers that are not positive.
  public init(
    _ w: WeightScope, in inputs: Int, hidden: Int, layers: Int = 1, bias: Bool = true,
    batchFirst: Bool = false, bidirectional: Bool = false
  ) throws {
    path = w.path
    stack = try RecurrentStack(
      w, gates: 4, inputs: inputs, hidden: hidden, layers: layers, hasBias: bias,
      batchFirst: batchFirst, isBidirectional: bidirectional)
  }

  /// The weights and biases of every layer and direction, in the order of PyTorch's state dict.
  public var parameters: [ModuleParameter] { stack.parameters }

  /// A copy with some of them replaced, by PyTorch's names such as `weight_ih_l0`.
  public func replacing(_ tensors: [String: Tensor]) -> Self {
    var copy = self
    copy.stack = stack.replacing(tensors)
    return copy
  }

  public func forward(_ input: RecurrentInput) throws -> RecurrentOutput {
    let hidden = stack.hidden
    return try RecurrentOutput(
      tensors: stack.run(input.x, initial: input.state, stateCount: 2) { cell, projected, state in
        let gates = try (projected + cell.fromHidden(state[0]))
        let parts = try gates.split(sizes: [2 * hidden, hidden, hidden], axis: 1)
        let inputAndForget = try parts[0].activated(.sigmoid).split(2, axis: 1)
        let memory =
          try inputAndForget[1] * state[1] + inputAndForget[0] * parts[1].activated(.tanh)
        return [try parts[2].activated(.sigmoid) * memory.activated(.tanh), memory]
      })
  }
}

/// PyTorch's `nn.GRU`: [n, B, inputs] (or batch first, or [n, inputs]) to [n, B, hidden·directions] and the
/// last hidden state [layers·directions, B, hidden].
///
/// r, z = σ(W·x + U·h + b), n = tanh(W·x + b + r·(U·h + b)), h' = (1 − z)·n + z·h; rows in the order
/// r, z, n.
public struct GRU: ParameterizedModule {
  public let path: ModulePath
  private var stack: RecurrentStack

  /// - Parameters:
  ///   - inputs: PyTorch's `input_size`.
  ///   - hidden: PyTorch's `hidden_size`.
  ///   - layers: PyTorch's `num_layers`, each on the results of the one before.
  ///   - bias: Whether both maps of a layer have biases.
  ///   - batchFirst: Whether the sequence is [B, n, features]; states never are.
  ///   - bidirectional: Whether a second direction runs from the end, and both are joined.
  /// - Throws: `usage` for numbers that are not positive.
  public init(
    _ w: WeightScope, in inputs: Int, hidden: Int, layers: Int = 1, bias: Bool = true,
    batchFirst: Bool = false, bidirectional: Bool = false
  ) throws {
    path = w.path
    stack = try RecurrentStack(
      w, gates: 3, inputs: inputs, hidden: hidden, layers: layers, hasBias: bias,
      batchFirst: batchFirst, isBidirectional: bidirectional)
  }

  /// The weights and biases of every layer and direction, in the order of PyTorch's state dict.
  public var parameters: [ModuleParameter] { stack.parameters }

  /// A copy with some of them replaced, by PyTorch's names such as `weight_ih_l0`.
  public func replacing(_ tensors: [String: Tensor]) -> Self {
    var copy = self
    copy.stack = stack.replacing(tensors)
    return copy
  }

  public func forward(_ input: RecurrentInput) throws -> RecurrentOutput {
    let hidden = stack.hidden
    return try RecurrentOutput(
      tensors: stack.run(input.x, initial: input.state, stateCount: 1) { cell, projected, state in
        let fromHidden = try cell.fromHidden(state[0])
        let gates = try
          (projected.narrowed(1, start: 0, length: 2 * hidden)
          + fromHidden.narrowed(1, start: 0, length: 2 * hidden)).activated(.sigmoid)
          .split(2, axis: 1)
        let new = try
          (projected.narrowed(1, start: 2 * hidden, length: hidden)
          + gates[0] * fromHidden.narrowed(1, start: 2 * hidden, length: hidden))
          .activated(.tanh)
        // As PyTorch writes it: n + z·(h − n).
        return [try new + gates[1] * (state[0] - new)]
      })
  }
}

/// What a recurrent network takes: a sequence, and the states to begin with, zeros where there are none.
public struct RecurrentInput: TensorBundle {
  /// The sequence: [n, B, inputs], with `batchFirst` [B, n, inputs], or one sample [n, inputs].
  public var x: Tensor
  /// Hidden, and for an LSTM cell state, [layers·directions, B, hidden].
  public var state: [Tensor]

  /// - Parameter state: The initial hidden and, for an LSTM, cell state; zeros where there is none.
  public init(_ x: Tensor, state: [Tensor] = []) { (self.x, self.state) = (x, state) }

  public var tensors: [Tensor] { [x] + state }

  public init(tensors: [Tensor]) throws {
    guard let first = tensors.first, tensors.count <= 3 else {
      throw WeighbridgeError(
        .shape, "a recurrent network takes a sequence and states, got \(tensors.count) tensors")
    }
    self.init(first, state: Array(tensors.dropFirst()))
  }
}

/// What a recurrent network returns: the outputs of the last layer, and the last states of all.
public struct RecurrentOutput: TensorBundle {
  /// The last layer's hidden states, [n, B, hidden·directions], in the sequence's order of axes.
  public var output: Tensor
  /// Hidden, and for an LSTM cell state, [layers·directions, B, hidden].
  public var state: [Tensor]

  public var tensors: [Tensor] { [output] + state }

  public init(tensors: [Tensor]) throws {
    guard let first = tensors.first else {
      throw WeighbridgeError(.shape, "a recurrent network returns tensors")
    }
    (output, state) = (first, Array(tensors.dropFirst()))
  }
}
