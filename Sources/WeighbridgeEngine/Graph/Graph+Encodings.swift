import WeighbridgeTensors

extension Graph {
  /// The same computation in which residual encodings that are written out, with the difference of every
  /// point to every codeword, are the operator `encoded(codewords:scale:)`.
  ///
  /// In PyTorch's words: `d = x[:, :, None] - c; a = (s * d.pow(2).sum(3)).softmax(2)` and
  /// `(a[..., None] * d).sum(1)`.
  func findingEncodings() -> Graph {
    let search = EncodingSearch(self)
    var graph = self
    graph.steps = steps.map { search.encoding($0) ?? $0 }
    graph.settle()
    return graph
  }
}

/// Looks backwards from a sum over the points of differences [B, N, K, C].
private struct EncodingSearch {
  /// A value that is taken whole, and the step that computes it.
  private struct Made {
    let value: Int
    let step: Graph.Step

    var arithmetic: BinaryOperation? { (step.operation as? ArithmeticOperation)?.operation }
    /// Its two operands in both orders.
    var pairs: [(Graph.Operand, Graph.Operand)] {
      let operands = step.operands
      return operands.count == 2 ? [(operands[0], operands[1]), (operands[1], operands[0])] : []
    }
  }

  private let graph: Graph
  private let producers: [Int: Int]
  private let uses: [Int]

  init(_ graph: Graph) {
    self.graph = graph
    (producers, uses) = (graph.producers, graph.uses)
  }

  func encoding(_ step: Graph.Step) -> Graph.Step? {
    guard let full = step.operands.first?.layout.shape, full.rank == 4,
      let weighed = summed(step, axis: 1, of: full), weighed.arithmetic == .multiply,
      uses[weighed.value] == 1
    else { return nil }
    for (first, second) in weighed.pairs {
      guard let residuals = made(second, of: full, along: [0, 1, 2, 3]),
        residuals.arithmetic == .subtract,
        let shares = made(first, of: full, along: [0, 1, 2]), uses[shares.value] == 1,
        let softmax = shares.step.operation as? SoftmaxOperation, softmax.axis == 2,
        !softmax.isLogarithm, let scale = scale(of: shares.step.operands[0], residuals, full),
        let x = residuals.step.operands[0].view(of: full, along: [0, 1, 3]),
        let codewords = residuals.step.operands[1].view(of: full, along: [2, 3])
      else { continue }
      let operands = [x, codewords, scale]
      guard operands.allSatisfy({ [.float32, .float64].contains($0.layout.dtype) }),
        Set(operands.map(\.layout.dtype)).count == 1
      else { continue }
      var encoding = step
      (encoding.operation, encoding.operands) = (EncodingOperation(), operands)
      for part in [weighed, shares, residuals] { encoding.place.take(part.step.place) }
      return encoding
    }
    return nil
  }

  /// The factor [K] of the squared distances in what the softmax is taken of.
  private func scale(
    of scores: Graph.Operand, _ residuals: Made, _ full: Shape
  ) -> Graph.Operand? {
    let shape = scores.layout.shape
    guard shape.dimensions.prefix(3) == full.dimensions.prefix(3),
      shape.elementCount == full.elementCount / full[3],
      let product = made(scores, of: shape, along: [0, 1, 2]), product.arithmetic == .multiply
    else { return nil }
    for (first, second) in product.pairs {
      if let distances = made(second, of: shape, along: [0, 1, 2]),
        let squares = summed(distances.step, axis: 3, of: full),
        isSquare(squares, of: residuals, full)
      {
        return first.view(of: shape, along: [2])
      }
    }
    return nil
  }

  private func isSquare(_ made: Made, of base: Made, _ full: Shape) -> Bool {
    let isOfBase = made.step.operands.allSatisfy {
      self.made($0, of: full, along: [0, 1, 2, 3])?.value == base.value
    }
    switch (made.step.operation as? MapOperation)?.operation {
    case .square, .power(2): return isOfBase
    default: return isOfBase && made.arithmetic == .multiply
    }
  }

  /// What a step sums over one axis.
  private func summed(_ step: Graph.Step, axis: Int, of full: Shape) -> Made? {
    guard let sum = step.operation as? ReductionOperation, sum.reduction == .sum,
      sum.axes == [axis], step.operands[0].layout.shape == full
    else { return nil }
    return made(step.operands[0], of: full, along: [0, 1, 2, 3])
  }

  /// What is whole in an operand that broadcasts to a shape, lying along some of its axes.
  private func made(_ operand: Graph.Operand, of full: Shape, along axes: [Int]) -> Made? {
    guard let value = operand.value, let index = producers[value],
      let view = operand.view(of: full, along: axes),
      view.layout.isWhole(of: graph.values[value])
    else { return nil }
    return Made(value: value, step: graph.steps[index])
  }
}

extension Graph.Operand {
  /// Some of the axes of a shape that it broadcasts to; `nil` where it lies along others, too.
  fileprivate func view(of full: Shape, along axes: [Int]) -> Graph.Operand? {
    var layout = layout
    let lead = full.rank - layout.shape.rank
    guard lead >= 0 else { return nil }
    var kept: [(extent: Int, stride: Int)] = []
    for axis in full.indices {
      let extent = axis < lead ? 1 : layout.shape[axis - lead]
      let stride = extent == 1 ? 0 : layout.strides[axis - lead]
      guard extent == 1 || extent == full[axis] else { return nil }
      if axes.contains(axis) {
        kept.append((full[axis], stride))
      } else if stride != 0 {
        return nil
      }
    }
    layout.shape = Shape(kept.map(\.extent))
    layout.strides = kept.map(\.stride)
    switch self {
    case .value(let value, _): return .value(value, layout)
    case .constant(let tensor):
      return .constant(
        Tensor(
          dtype: layout.dtype, shape: layout.shape, strides: layout.strides, offset: layout.offset,
          storage: tensor.storage))
    }
  }
}
