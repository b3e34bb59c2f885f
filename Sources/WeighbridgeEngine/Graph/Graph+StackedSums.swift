import WeighbridgeTensors

extension Graph {
  /// The same computation in which `torch.stack(tensors).sum(0)` and its like add the tensors one after
  /// another: nothing is copied together, and the sums can be computed by what comes before them.
  func addingStacks() -> Graph {
    var sums = StackedSums(self)
    for step in steps { sums.add(step) }
    return sums.finished
  }
}

private struct StackedSums {
  private var graph: Graph
  private let captured: Graph
  /// The tensors that were joined to a value, and along which axis.
  private var joined: [Int: (axis: Int, operands: [Graph.Operand])] = [:]
  /// Values that lie otherwise than they did.
  private var relaid: [Int: Graph.Layout] = [:]

  init(_ captured: Graph) {
    (self.captured, graph) = (captured, captured)
    graph.steps = []
  }

  var finished: Graph {
    var graph = graph
    graph.outputs = graph.outputs.map(now)
    return graph
  }

  mutating func add(_ step: Graph.Step) {
    var step = step
    step.operands = step.operands.map(now)
    if let operation = step.operation as? ConcatenationOperation, let value = step.results[0] {
      joined[value] = (operation.axis, step.operands)
    }
    graph.steps += additions(for: step) ?? [step]
  }

  /// Sums of two for a step that sums over the axis along which tensors of extent 1 were joined.
  private mutating func additions(for step: Graph.Step) -> [Graph.Step]? {
    guard let sum = step.operation as? ReductionOperation, sum.reduction == .sum,
      case .value(let stack, let layout) = step.operands[0], layout == graph.values[stack],
      let (axis, operands) = joined[stack], sum.axes == [axis], operands.count > 1,
      let result = step.results[0]
    else { return nil }
    let parts = operands.compactMap { $0.removing(axis) }
    guard parts.count == operands.count, let first = parts.first else { return nil }
    let own = first.layout.dense
    guard relay(result, as: own) else { return nil }
    var (term, additions) = (first, [Graph.Step]())
    for (index, part) in parts.enumerated().dropFirst() {
      let value = index == parts.count - 1 ? result : addValue(own)
      additions.append(
        Graph.Step(
          operation: ArithmeticOperation(engine: sum.engine, operation: .add, output: own.shape),
          operands: [term, part], results: [value], place: step.place))
      term = .value(value, own)
    }
    return additions
  }

  private mutating func addValue(_ layout: Graph.Layout) -> Int {
    graph.values.append(layout)
    return graph.values.count - 1
  }

  /// Lets a value lie otherwise, where all who take it take it whole.
  private mutating func relay(_ value: Int, as layout: Graph.Layout) -> Bool {
    let old = captured.values[value]
    let takers = (captured.steps.flatMap(\.operands) + captured.outputs).filter {
      $0.value == value
    }
    guard takers.allSatisfy({ $0.layout.isWhole(of: old) }) else { return false }
    relaid[value] = layout
    graph.values[value] = layout
    return true
  }

  /// An operand as its value lies now.
  private func now(_ operand: Graph.Operand) -> Graph.Operand {
    guard case .value(let value, let layout) = operand, let own = relaid[value] else {
      return operand
    }
    return .value(value, own.viewed(as: layout.shape))
  }
}

extension Graph.Operand {
  /// Without an axis of extent 1; `nil` where it is longer.
  fileprivate func removing(_ axis: Int) -> Graph.Operand? {
    func removing(_ layout: Graph.Layout) -> Graph.Layout? {
      guard axis < layout.shape.rank, layout.shape[axis] == 1 else { return nil }
      var layout = layout
      var dimensions = layout.shape.dimensions
      dimensions.remove(at: axis)
      layout.shape = Shape(dimensions)
      layout.strides.remove(at: axis)
      return layout
    }
    switch self {
    case .constant(let tensor): return (try? tensor.squeezed(axis)).map { .constant($0) }
    case .value(let value, let layout): return removing(layout).map { .value(value, $0) }
    }
  }
}

extension Graph.Layout {
  /// A dense layout of the same shape in the order in which an operator leaves its result.
  fileprivate var dense: Self {
    var dense = self
    let tensor = Tensor(dtype: dtype, shape: shape, strides: strides, offset: 0, storage: nil)
    (dense.strides, dense.offset) = (tensor.preferredFormat.strides(of: shape), 0)
    return dense
  }

  /// The same elements with other axes of one element.
  fileprivate func viewed(as shape: Shape) -> Self {
    guard shape != self.shape else { return self }
    var rest = moving.makeIterator()
    var view = self
    (view.shape, view.strides) = (shape, shape.map { $0 == 1 ? 1 : rest.next()?.stride ?? 1 })
    return view
  }
}
