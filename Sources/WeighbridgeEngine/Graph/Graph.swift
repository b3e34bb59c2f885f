import WeighbridgeTensors

/// One run of a module as a list of operators: what is computed of what, without the module.
///
/// It holds for inputs of the shapes, dtypes and layouts of the run that it was captured from. What does
/// not depend on the inputs is a constant of it. Values are numbered: the inputs first, then the results
/// of the steps.
package struct Graph: Sendable {
  /// How a tensor lies over its storage.
  package struct Layout: Sendable, Hashable {
    var dtype: DType
    var shape: Shape
    var strides: [Int]
    var offset: Int

    init(_ tensor: Tensor) {
      (dtype, shape) = (tensor.dtype, tensor.shape)
      (strides, offset) = (tensor.strides, tensor.offset)
    }

    /// The layout of a tensor wherever in its storage it begins.
    package init(startingAtZero tensor: Tensor) {
      self.init(tensor)
      offset = 0
    }
  }

  enum Operand: Sendable {
    case constant(Tensor)
    /// A value, or a view of it.
    case value(Int, Layout)
  }

  struct Step: Sendable {
    var operation: any CapturedOperation
    var operands: [Operand]
    /// The value that each result is; `nil` where it is a view of an earlier one.
    var results: [Int?]
    /// The module that it belongs to, with those whose work it does as well.
    var place: RunLog.Place
    /// The values that nobody takes afterwards.
    var released: [Int] = []
  }

  /// How every value lies.
  var values: [Layout] = []
  var steps: [Step] = []
  var outputs: [Operand] = []

  /// The operators of a captured run in their order, each for itself.
  ///
  /// - Parameters:
  ///   - capture: The run.
  ///   - inputs: What it began with.
  ///   - outputs: What it gave.
  package init(_ capture: Capture, inputs: [Tensor], outputs: [Tensor]) {
    var owners: [UInt64: Int] = [:]
    for input in inputs { _ = own(Capture.Trace(input), &owners) }
    for note in capture.notes {
      let operands = note.operands.map { operand($0, owners) }
      let results = note.results.map { own($0, &owners) }
      guard results.contains(where: { $0 != nil }) else { continue }
      steps.append(
        Step(
          operation: note.operation, operands: operands, results: results, place: note.place))
    }
    self.outputs = outputs.map { operand(Capture.Trace($0, keepsElements: true), owners) }
  }

  /// Makes a tensor a value of its own, unless it is a view of another one.
  private mutating func own(_ trace: Capture.Trace, _ owners: inout [UInt64: Int]) -> Int? {
    guard let identity = trace.identity, owners[identity] == nil else { return nil }
    owners[identity] = values.count
    values.append(Layout(trace.tensor))
    return values.count - 1
  }

  private func operand(_ trace: Capture.Trace, _ owners: [UInt64: Int]) -> Operand {
    guard let identity = trace.identity, let value = owners[identity] else {
      return .constant(trace.tensor)
    }
    return .value(value, Layout(trace.tensor))
  }

  /// How often each value is taken.
  var uses: [Int] {
    var uses = [Int](repeating: 0, count: values.count)
    let operands = steps.flatMap(\.operands) + outputs
    for value in operands.compactMap(\.value) { uses[value] += 1 }
    return uses
  }

  /// The steps of one result by the value that it is.
  var producers: [Int: Int] {
    var producers: [Int: Int] = [:]
    for (index, step) in steps.enumerated() where step.results.count == 1 {
      if let value = step.results[0] { producers[value] = index }
    }
    return producers
  }

  /// Leaves out the steps whose results nobody takes, and notes of the others what they release.
  mutating func settle() {
    var needed = Set(outputs.compactMap(\.value))
    var kept: [Step] = []
    for var step in steps.reversed() {
      guard step.results.contains(where: { $0.map(needed.contains) ?? false }) else { continue }
      let taken = Set(step.operands.compactMap(\.value) + step.results.compactMap { $0 })
      step.released = taken.filter { !needed.contains($0) }
      needed.formUnion(step.operands.compactMap(\.value))
      kept.append(step)
    }
    steps = kept.reversed()
  }
}

extension Graph.Operand {
  /// How it lies.
  var layout: Graph.Layout {
    switch self {
    case .constant(let tensor): Graph.Layout(tensor)
    case .value(_, let layout): layout
    }
  }

  var value: Int? {
    if case .value(let value, _) = self { value } else { nil }
  }
}

extension Graph.Layout {
  /// The axes that have more than one element, with their strides.
  var moving: [(extent: Int, stride: Int)] {
    zip(shape, strides).filter { $0.0 != 1 }.map { ($0.0, $0.1) }
  }

  /// Whether it is all of a value, but for axes of one element.
  func isWhole(of value: Self) -> Bool {
    dtype == value.dtype && offset == value.offset
      && moving.elementsEqual(value.moving) { $0 == $1 }
  }
}
