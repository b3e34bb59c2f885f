import WeighbridgeTensors

extension Graph {
  /// Runs the steps.
  ///
  /// - Parameter inputs: Of the layouts of those that the graph was captured with.
  /// - Throws: What an operator throws; `shape` when a result is not what it was.
  package func run(_ inputs: [Tensor]) throws -> [Tensor] {
    var tensors = [Tensor?](repeating: nil, count: values.count)
    for (index, input) in inputs.enumerated() { tensors[index] = input }
    for step in steps {
      let operands = try step.operands.map { try tensor($0, tensors) }
      let results =
        RunLog.isActive
        ? try RunLog.entering(step.place) { try step.operation.results(of: operands) }
        : try step.operation.results(of: operands)
      for (value, result) in zip(step.results, results) {
        if let value { tensors[value] = try arranged(result, as: values[value]) }
      }
      for value in step.released { tensors[value] = nil }
    }
    return try outputs.map { try tensor($0, tensors) }
  }

  /// A view of a value as the run that was captured had it.
  private func tensor(_ operand: Operand, _ tensors: [Tensor?]) throws -> Tensor {
    switch operand {
    case .constant(let tensor): return tensor
    case .value(let value, let layout):
      guard let whole = tensors[value] else { throw Graph.changed(layout.shape) }
      return Tensor(
        dtype: layout.dtype, shape: layout.shape, strides: layout.strides,
        offset: layout.offset - values[value].offset + whole.offset, storage: whole.storage)
    }
  }

  /// A result in the layout that its views are described in: a joint step may leave another one.
  private func arranged(_ result: Tensor, as layout: Layout) throws -> Tensor {
    guard result.shape == layout.shape, result.dtype == layout.dtype else {
      throw Graph.changed(layout.shape)
    }
    return result.strides == layout.strides ? result : try result.arranged(at: layout.strides)
  }

  private static func changed(_ shape: Shape) -> WeighbridgeError {
    WeighbridgeError(.shape, "a step of a compiled module did not give \(shape) again")
  }
}
