import WeighbridgeTensors

extension Graph {
  /// The same computation in which what elementwise operators compute only to be reduced is never in
  /// memory whole, where it is large.
  ///
  /// A difference that two of them take is computed twice: that takes less than reading it back.
  func fusingReductions() -> Graph {
    let fusing = ReductionFusing(self)
    var graph = self
    graph.steps = steps.map { fusing.fused($0) ?? $0 }
    graph.settle()
    return graph
  }
}

private struct ReductionFusing {
  private let graph: Graph
  private let producers: [Int: Int]
  /// How often each value is taken.
  private let uses: [Int]

  /// What has fewer elements is in a cache anyway, where operators one by one are no slower.
  private static let smallest = 1 << 19
  /// With fewer results there is little for several threads.
  private static let fewest = 16

  init(_ graph: Graph) {
    self.graph = graph
    (producers, uses) = (graph.producers, graph.uses)
  }

  /// A reduction with the elementwise steps whose result nobody else takes.
  func fused(_ step: Graph.Step) -> Graph.Step? {
    guard let reduction = step.operation as? ReductionOperation, reduction.reduction != .product,
      let last = maker(of: step.operands[0], isShared: false)
    else { return nil }
    let shape = step.operands[0].layout.shape
    let kept = shape.indices.filter { !reduction.axes.contains($0) }.reduce(1) { $0 * shape[$1] }
    guard shape.elementCount >= Self.smallest, kept >= Self.fewest, kept < shape.elementCount
    else { return nil }
    var chain = Chain(shape: shape)
    guard gather(last, into: &chain) != nil else { return nil }
    var fused = step
    fused.operation = FusedReduction(
      members: chain.members, reduction: reduction.reduction, axes: reduction.axes, shape: shape)
    fused.operands = chain.operands
    for index in chain.places.keys.sorted() { fused.place.take(graph.steps[index].place) }
    return fused
  }

  /// Elementwise steps in the order in which they are computed.
  private struct Chain {
    let shape: Shape
    var members: [FusedReduction.Member] = []
    var operands: [Graph.Operand] = []
    /// The members by their steps.
    var places: [Int: Int] = [:]
  }

  /// - Returns: Where the step's result is; `nil` where it is no elementwise one.
  private func gather(_ index: Int, into chain: inout Chain) -> FusedReduction.Member.Source? {
    if let place = chain.places[index] { return .member(place) }
    let step = graph.steps[index]
    guard let kind = FusedReduction.Member.Kind(step.operation) else { return nil }
    let sources = step.operands.map { operand in
      if operand.layout.shape == chain.shape, let maker = maker(of: operand, isShared: true),
        let source = gather(maker, into: &chain)
      {
        return source
      }
      chain.operands.append(operand)
      return .operand(chain.operands.count - 1)
    }
    chain.members.append(FusedReduction.Member(kind: kind, sources: sources))
    chain.places[index] = chain.members.count - 1
    return .member(chain.members.count - 1)
  }

  /// The elementwise step that computes an operand, where it can be part of what takes it: nobody else
  /// takes the operand, or it comes of much smaller ones.
  private func maker(of operand: Graph.Operand, isShared: Bool) -> Int? {
    guard case .value(let value, let layout) = operand, layout == graph.values[value],
      let index = producers[value], layout.dtype == .float32 || layout.dtype == .float64
    else { return nil }
    let step = graph.steps[index]
    guard FusedReduction.Member.Kind(step.operation) != nil else { return nil }
    if uses[value] == 1 { return index }
    let isOfSmaller = step.operands.allSatisfy { $0.memory <= layout.shape.elementCount / 4 }
    return isShared && isOfSmaller && step.operation is ArithmeticOperation ? index : nil
  }
}

extension FusedReduction.Member.Kind {
  fileprivate init?(_ operation: any CapturedOperation) {
    switch operation {
    case let operation as ArithmeticOperation: self = .binary(operation.operation)
    case let operation as MapOperation: self = .unary(operation.operation)
    default: return nil
    }
  }
}

extension Graph.Operand {
  /// How many elements of memory it lies over.
  fileprivate var memory: Int {
    zip(layout.shape, layout.strides).reduce(1) { $1.1 == 0 ? $0 : $0 * $1.0 }
  }
}
