import WeighbridgeParallel
import WeighbridgeTensors

/// Elementwise operators and the reduction of their result, on lines of neighbours that stay in the
/// nearest cache.
///
/// The axes are taken in the order in which the operands lie in memory, the innermost as the line; axes
/// that follow each other in all operands are one. A long line is cut.
struct LineProgram<S: PlainScalar> {
  /// A loop around the lines: how often, and how far each operand moves.
  private struct Loop {
    var extent: Int
    var steps: [Int]
    var isReduced: Bool
  }

  private let program: FusedReduction
  private let operands: [Tensor]
  /// The axes from the outermost in memory.
  private let order: [Int]
  /// The loops over results, and over what goes into one, the innermost last.
  private let kept, reduced: [Loop]
  private let line: Loop

  /// Lines are cut to this many elements.
  private static var longest: Int { 1024 }

  init(_ program: FusedReduction, _ operands: [Tensor]) throws {
    let shape = program.shape
    let whole = try operands.map { try $0.expanded(to: shape) }
    let leading = whole.first { !$0.strides.contains(0) }?.strides ?? shape.contiguousStrides
    let order = shape.indices.sorted { a, b in
      leading[a] == leading[b] ? a < b : leading[a] > leading[b]
    }
    let innermost = order.last { shape[$0] != 1 }
    let views = try whole.map { view in
      let isNear = innermost.map { (0...1).contains(view.strides[$0]) } ?? true
      let inOrder = try view.permuted(order)
      return isNear ? inOrder : try inOrder.contiguous()
    }
    var loops: [Loop] = []
    for (place, axis) in order.enumerated() where shape[axis] != 1 {
      let loop = Loop(
        extent: shape[axis], steps: views.map { $0.strides[place] },
        isReduced: program.axes.contains(axis))
      let isOne = loops.last.map { last in
        last.isReduced == loop.isReduced
          && zip(last.steps, loop.steps).allSatisfy { $0 == $1 * loop.extent }
      }
      let outer = isOne == true ? loops.removeLast().extent : 1
      loops.append(
        Loop(extent: outer * loop.extent, steps: loop.steps, isReduced: loop.isReduced))
    }
    line = loops.popLast() ?? Loop(extent: 1, steps: views.map { _ in 0 }, isReduced: true)
    (kept, reduced) = (loops.filter { !$0.isReduced }, loops.filter(\.isReduced))
    (self.program, self.operands, self.order) = (program, views, order)
  }

  /// The reduced tensor; its axes lie in the operands' order.
  func run() throws -> Tensor {
    let shape = Shape(
      program.shape.indices.map { program.axes.contains($0) ? 1 : program.shape[$0] })
    let lying = Shape(order.map { shape[$0] }).contiguousStrides
    var strides = [Int](repeating: 1, count: shape.rank)
    for (place, axis) in order.enumerated() { strides[axis] = lying[place] }
    let byteCount = shape.elementCount * S.dtype.byteCount
    let storage = try withPointers(operands[...], []) { pointers in
      try TensorStorage(byteCount: byteCount) { bytes in
        guard let output = bytes.bindMemory(to: S.self).baseAddress else { return }
        run(pointers, output)
      }
    }
    return Tensor(
      dtype: S.dtype, shape: shape, strides: strides, offset: 0, storage: storage)
  }

  /// The addresses of the operands' first elements.
  private func withPointers<R: Sendable>(
    _ rest: ArraySlice<Tensor>, _ found: [UnsafePointer<S>],
    _ body: ([UnsafePointer<S>]) throws -> R
  ) throws -> R {
    guard let next = rest.first else { return try body(found) }
    return try next.withUnsafeElements { (pointer: UnsafePointer<S>) in
      try withPointers(rest.dropFirst(), found + [pointer], body)
    }
  }

  private func run(_ pointers: [UnsafePointer<S>], _ output: UnsafeMutablePointer<S>) {
    let results = kept.reduce(1) { $0 * $1.extent }
    let lines = reduced.reduce(1) { $0 * $1.extent }
    let length = min(line.extent, Self.longest)
    let parts = line.isReduced ? 1 : (line.extent + length - 1) / length
    let work = lines * (line.isReduced ? line.extent : length) * program.members.count
    Parallel.forRanges(results * parts, grain: max(1, 32768 / max(1, work))) { range in
      let thread = LineThread(
        program, pointers, lineSteps: line.steps, loops: reduced.map { ($0.extent, $0.steps) },
        length: length)
      defer { thread.deallocate() }
      for index in range {
        let (place, part) = index.quotientAndRemainder(dividingBy: parts)
        let first = part * length
        thread.begin { operand in
          var (rest, start) = (place, first * line.steps[operand])
          for loop in kept.reversed() {
            start += rest % loop.extent * loop.steps[operand]
            rest /= loop.extent
          }
          return start
        }
        if line.isReduced {
          output[place] = thread.reducedLines(lines, line.extent)
        } else {
          thread.reduceColumns(
            lines, output + place * line.extent + first, min(length, line.extent - first))
        }
      }
    }
  }
}

/// One thread's lines. Everything that a line needs is plain memory, so that a line of 32 elements costs
/// little more than its arithmetic.
private struct LineThread<S: PlainScalar> {
  /// A member with its operands found.
  private struct Instruction {
    var kind: FusedReduction.Member.Kind
    /// An operand, or below 0 a member: −1 the first.
    var a, b: Int
    var aStep, bStep: Int
  }

  private struct Loop {
    var extent: Int
    var index = 0
    /// Where its steps begin.
    var steps: Int
  }

  private let reduction: Reduction
  private let length: Int
  private let instructions: UnsafeMutableBufferPointer<Instruction>
  private let loops: UnsafeMutableBufferPointer<Loop>
  private let steps: UnsafeMutableBufferPointer<Int>
  private let pointers: UnsafeMutableBufferPointer<UnsafePointer<S>>
  /// Where the operands' current lines begin.
  private let places: UnsafeMutableBufferPointer<Int>
  /// The members' results, and a line of sums.
  private let buffer: UnsafeMutablePointer<S>

  /// How many lines are summed before they join the total, as in `ColumnSums`.
  private static var block: Int { 64 }

  init(
    _ program: FusedReduction, _ pointers: [UnsafePointer<S>], lineSteps: [Int],
    loops: [(extent: Int, steps: [Int])], length: Int
  ) {
    (reduction, self.length) = (program.reduction, length)
    let instructions = program.members.map { member in
      let sources = member.sources.map { source in
        switch source {
        case .operand(let index): (index, lineSteps[index])
        case .member(let index): (-1 - index, 1)
        }
      }
      let last = sources[sources.count - 1]
      return Instruction(
        kind: member.kind, a: sources[0].0, b: last.0, aStep: sources[0].1, bStep: last.1)
    }
    self.instructions = Self.memory(instructions)
    self.loops = Self.memory(
      loops.enumerated().map { Loop(extent: $1.extent, steps: $0 * pointers.count) })
    steps = Self.memory(loops.flatMap(\.steps))
    self.pointers = Self.memory(pointers)
    places = Self.memory(pointers.map { _ in 0 })
    buffer = .allocate(capacity: (instructions.count + 1) * length)
  }

  private static func memory<Element>(_ values: [Element]) -> UnsafeMutableBufferPointer<Element> {
    let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: values.count)
    _ = memory.initialize(from: values)
    return memory
  }

  func deallocate() {
    instructions.deallocate()
    loops.deallocate()
    steps.deallocate()
    pointers.deallocate()
    places.deallocate()
    buffer.deallocate()
  }

  /// Goes to the first line of a result.
  func begin(_ start: (_ operand: Int) -> Int) {
    for operand in places.indices { places[operand] = start(operand) }
    for index in loops.indices { loops[index].index = 0 }
  }

  /// Goes to the next line of a result; after the last one to the first.
  @inline(__always)
  private func advance() {
    var loop = loops.count - 1
    while loop >= 0 {
      let first = loops[loop].steps
      loops[loop].index += 1
      if loops[loop].index < loops[loop].extent {
        for operand in places.indices { places[operand] += steps[first + operand] }
        return
      }
      loops[loop].index = 0
      let back = loops[loop].extent - 1
      for operand in places.indices { places[operand] -= back * steps[first + operand] }
      loop -= 1
    }
  }

  /// The last member's results on a part of the current line.
  @inline(__always)
  private func computed(_ first: Int, _ count: Int) -> UnsafePointer<S> {
    var result = buffer
    for index in instructions.indices {
      let instruction = instructions[index]
      result = buffer + index * length
      let a = source(instruction.a, first * instruction.aStep)
      switch instruction.kind {
      case .binary(let operation):
        let b = source(instruction.b, first * instruction.bStep)
        Elements.combine(operation, a, instruction.aStep, b, instruction.bStep, result, count)
      case .unary(let operation):
        Elements.map(operation, a, result, instruction.aStep == 0 ? 1 : count)
        if instruction.aStep == 0 { result.update(repeating: result[0], count: count) }
      }
    }
    return UnsafePointer(result)
  }

  @inline(__always)
  private func source(_ index: Int, _ offset: Int) -> UnsafePointer<S> {
    index >= 0
      ? pointers[index] + places[index] + offset : UnsafePointer(buffer + (-1 - index) * length)
  }

  /// The reduction of whole lines to one number.
  func reducedLines(_ lines: Int, _ extent: Int) -> S {
    var total = identity
    for block in stride(from: 0, to: lines, by: Self.block) {
      var partial = identity
      for _ in block..<min(lines, block + Self.block) {
        for first in stride(from: 0, to: extent, by: length) {
          let count = min(length, extent - first)
          let values = computed(first, count)
          let part: S =
            switch reduction {
            case .maximum: Extremes.maximum(values, count)
            case .minimum: Extremes.minimum(values, count)
            default: RowSums.sum(values, count)
            }
          partial = joined(partial, part)
        }
        advance()
      }
      total = joined(total, partial)
    }
    return reduction == .mean ? total / S(lines * extent) : total
  }

  /// The reduction of lines, place by place.
  func reduceColumns(_ lines: Int, _ output: UnsafeMutablePointer<S>, _ count: Int) {
    let partial = buffer + instructions.count * length
    output.update(repeating: identity, count: count)
    for block in stride(from: 0, to: lines, by: Self.block) {
      partial.update(repeating: identity, count: count)
      for _ in block..<min(lines, block + Self.block) {
        join(partial, computed(0, count), count)
        advance()
      }
      join(output, UnsafePointer(partial), count)
    }
    guard reduction == .mean else { return }
    let divisor = S(lines)
    for i in 0..<count { output[i] /= divisor }
  }

  private var identity: S {
    switch reduction {
    case .maximum: -.infinity
    case .minimum: .infinity
    default: 0
    }
  }

  private func joined(_ a: S, _ b: S) -> S {
    switch reduction {
    case .maximum: Extremes.larger(a, b)
    case .minimum: Extremes.smaller(a, b)
    default: a + b
    }
  }

  @inline(__always)
  private func join(
    _ total: UnsafeMutablePointer<S>, _ values: UnsafePointer<S>, _ count: Int
  ) {
    switch reduction {
    case .maximum: for i in 0..<count { total[i] = Extremes.larger(total[i], values[i]) }
    case .minimum: for i in 0..<count { total[i] = Extremes.smaller(total[i], values[i]) }
    default: for i in 0..<count { total[i] += values[i] }
    }
  }
}
