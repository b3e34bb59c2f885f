import WeighbridgeTensors

extension Graph {
  /// The same computation in fewer steps: stacks summed by adding, encodings as one operator, norms
  /// folded into the convolutions before them, sums and activations computed by what comes before, gates
  /// together with the sum behind them, and what is large and only reduced never computed whole.
  ///
  /// Two steps become one where the second takes the first one's result whole and nobody else does. A
  /// joint step stands where the second one stood, so that a residual is there.
  ///
  /// - Parameter norms: The convolutions that have a norm folded in.
  /// - Throws: What folding throws.
  package func fused(_ norms: FoldedNorms) throws -> Graph {
    var graph = addingStacks()
    graph.settle()
    graph = graph.findingEncodings()
    var joining = Joining(graph, norms)
    for step in graph.steps { try joining.add(step) }
    graph.steps = joining.steps.compactMap { $0 }
    graph.settle()
    return graph.fusingReductions()
  }
}

/// Steps that are put together one after another.
private struct Joining {
  private(set) var steps: [Graph.Step?] = []
  private let graph: Graph
  private let norms: FoldedNorms
  /// How often each value is taken.
  private let uses: [Int]
  /// The step that computes a value.
  private var producers: [Int: Int] = [:]

  init(_ graph: Graph, _ norms: FoldedNorms) {
    (self.graph, self.norms) = (graph, norms)
    uses = graph.uses
  }

  mutating func add(_ step: Graph.Step) throws {
    let joined =
      switch step.operation {
      case let operation as ActivationOperation: activated(step, operation.activation)
      case let operation as LayerOperation: try normalized(step, operation)
      case let operation as ArithmeticOperation where operation.operation == .add:
        summed(step, operation.output)
      default: nil as Graph.Step?
      }
    let last = joined ?? step
    for value in last.results.compactMap({ $0 }) { producers[value] = steps.count }
    steps.append(last)
  }

  /// The step whose only result an operand is, where nobody else takes it and it is taken whole.
  private func producer(of operand: Graph.Operand) -> Int? {
    guard case .value(let value, let layout) = operand, layout == graph.values[value],
      uses[value] == 1, let index = producers[value], steps[index]?.results.count == 1
    else { return nil }
    return index
  }

  /// Takes a step out, to be part of `other`.
  private mutating func take(
    _ index: Int, into other: Graph.Step, _ operation: LayerOperation, _ operands: [Graph.Operand],
    isFolded: Bool = false
  ) -> Graph.Step? {
    guard var step = steps[index] else { return nil }
    steps[index] = nil
    (step.operation, step.operands, step.results) = (operation, operands, other.results)
    step.place.take(other.place, isFolded: isFolded)
    return step
  }

  private mutating func activated(_ step: Graph.Step, _ activation: Activation) -> Graph.Step? {
    guard let index = producer(of: step.operands[0]), let before = steps[index] else { return nil }
    if let pool = before.operation as? PoolOperation, pool.isMaximum, pool.geometry.dilation == 1,
      activation == .relu
    {
      return rectified(step, pooledBy: index)
    }
    guard var operation = before.operation as? LayerOperation, operation.activation == nil
    else { return nil }
    operation.activation = activation
    return take(index, into: step, operation, before.operands)
  }

  /// A rectifier behind a maximum is one before it, where what computes the image rectifies on its way:
  /// max(max(x, y), 0) = max(max(x, 0), max(y, 0)), and NaN stays NaN. Every window has a cell,
  /// where its cells lie side by side and the image has any.
  private mutating func rectified(_ step: Graph.Step, pooledBy index: Int) -> Graph.Step? {
    guard var pool = steps[index], let first = producer(of: pool.operands[0]),
      var before = steps[first], var operation = before.operation as? LayerOperation,
      operation.activation == nil, pool.operands[0].layout.shape.elementCount > 0
    else { return nil }
    operation.activation = .relu
    before.operation = operation
    before.place.take(step.place)
    pool.results = step.results
    (steps[first], steps[index]) = (before, nil)
    return pool
  }

  private mutating func normalized(
    _ step: Graph.Step, _ operation: LayerOperation
  ) throws -> Graph.Step? {
    guard case .batchNorm(let norm) = operation.kernel,
      let index = producer(of: step.operands[0]), let before = steps[index],
      var first = before.operation as? LayerOperation, case .convolution(let layer) = first.kernel,
      layer.weight.rowScale == nil, first.activation == nil, !first.hasResidual
    else { return nil }
    first.kernel = .convolution(try norms.folded(layer, norm))
    (first.activation, first.hasResidual) = (operation.activation, operation.hasResidual)
    return take(
      index, into: step, first, before.operands + step.operands.dropFirst(), isFolded: true)
  }

  /// A sum computed by what comes before one of its terms: a gate, which passes over the image anyway, or
  /// the later one where both could.
  private mutating func summed(_ step: Graph.Step, _ output: Shape) -> Graph.Step? {
    guard step.operands.allSatisfy({ $0.layout.shape == output }) else { return nil }
    let candidates = step.operands.indices.compactMap { term in
      producer(of: step.operands[term]).flatMap { index in
        steps[index].flatMap(layer).map { (term: term, index: index, layer: $0) }
      }
    }.filter { $0.layer.0.activation == nil && !$0.layer.0.hasResidual }
    let best = candidates.max { a, b in
      let (first, second) = (a.layer.0.isGate, b.layer.0.isGate)
      return first == second ? a.index < b.index : second
    }
    guard let best else { return nil }
    var (operation, operands) = best.layer
    operation.hasResidual = true
    operands.append(step.operands[1 - best.term])
    return take(best.index, into: step, operation, operands)
  }

  /// A step as one that takes a residual: a product with one factor for each channel is a gate.
  private func layer(_ step: Graph.Step) -> (LayerOperation, [Graph.Operand])? {
    if let operation = step.operation as? LayerOperation { return (operation, step.operands) }
    guard let product = step.operation as? ArithmeticOperation, product.operation == .multiply
    else { return nil }
    for (x, factor) in [(0, 1), (1, 0)] {
      guard step.operands[x].layout.shape == product.output,
        let gate = graph.gate(step.operands[factor], on: product.output)
      else { continue }
      return (
        LayerOperation(engine: product.engine, kernel: .scaleChannels), [step.operands[x], gate]
      )
    }
    return nil
  }
}

extension RunLog.Place {
  /// Does the work of another place as well. What the module around both computes itself is no module's.
  mutating func take(_ other: Self, isFolded: Bool = false) {
    let isGuest = other.path != path && !other.path.isEmpty && !path.hasPrefix("\(other.path).")
    let guest =
      isGuest ? [RunLog.Joined(path: other.path, kind: other.kind, isFolded: isFolded)] : []
    joined = (joined ?? []) + guest + (other.joined ?? [])
  }
}

extension Graph {
  /// An operand as [N, C, 1, …], where it holds one factor for each channel of each sample.
  fileprivate func gate(_ operand: Operand, on shape: Shape) -> Operand? {
    guard case .value(let value, var layout) = operand, shape.rank >= 3,
      layout.shape.rank == shape.rank, layout.shape[0] == shape[0], layout.shape[1] == shape[1]
    else { return nil }
    for axis in 2..<shape.rank where layout.shape[axis] != 1 && layout.strides[axis] != 0 {
      return nil
    }
    layout.shape = Shape(
      [shape[0], shape[1]] + [Int](repeating: 1, count: shape.rank - 2))
    return .value(value, layout)
  }
}
