import TestSupport
import Testing
import WeighbridgeModules

/// Modules put together at random, compiled and held against themselves: whatever is taken once or twice,
/// whole or in part, before or after it could be joined.
@Suite struct RandomGraphTests {
  /// A list of instructions, each on values that are there by then.
  private struct Program: Module {
    let path: ModulePath
    let convolutions: [Conv2d]
    let norms: [BatchNorm]
    let linear: Linear
    let instructions: [Instruction]

    struct Instruction {
      var kind: Int
      /// Which values, from the latest backwards.
      var first, second: Int
      var layer: Int
    }

    static let channels = 4
    static let kinds = 15

    init(_ w: WeightScope, seed: UInt64) throws {
      path = w.path
      convolutions = try (0..<3).map {
        try Conv2d(
          w / "conv\($0)", in: 4, out: 4, kernel: 3, padding: 1, groups: $0 == 2 ? 4 : 1,
          bias: $0 == 1 ? .present : .absent)
      }
      norms = try (0..<2).map { try BatchNorm(w / "norm\($0)", channels: 4) }
      linear = try Linear(w / "linear", in: 4, out: 4)
      var random = SplitMix(seed: seed)
      instructions = (0..<14).map { _ in
        Instruction(
          kind: Int(random.next() % UInt64(Program.kinds)), first: Int(random.next() % 3),
          second: Int(random.next() % 5), layer: Int(random.next() % 6))
      }
    }

    /// Every value is [N, 4, H, W].
    func forward(_ x: Tensor) throws -> TensorList {
      var values = [x]
      for instruction in instructions {
        values.append(try result(of: instruction, values))
      }
      return TensorList(tensors: Array(values.suffix(3)))
    }

    private func result(of step: Instruction, _ values: [Tensor]) throws -> Tensor {
      let a = values[max(0, values.count - 1 - step.first)]
      let b = values[max(0, values.count - 1 - step.second)]
      switch step.kind {
      case 0, 1: return try convolutions[step.layer % 3](a)
      case 2, 3: return try norms[step.layer % 2](a)
      case 4: return try a.activated(.relu)
      case 5: return try a.activated(step.layer % 2 == 0 ? .silu : .sigmoid)
      case 6, 7: return try a + b
      case 8: return try a * b.mean(axes: [2, 3], keepingAxes: true).activated(.sigmoid)
      case 9:
        // Rows of a pixel's channels.
        return try linear(a.permuted([0, 2, 3, 1])).permuted([0, 3, 1, 2])
      case 10:
        let half = try a.narrowed(1, start: 0, length: 2)
        return try Tensor.concatenated([half, b.narrowed(1, start: 2, length: 2)], axis: 1)
      case 11: return try a.transposed(2, 3).contiguous().transposed(2, 3)
      case 12: return try a.softmax(axis: 1) - b
      default:
        // Sums of what is stacked, which may be taken by others, too.
        let axis = step.layer % 5
        let stack = try Tensor.stacked(step.kind == 13 ? [a, b] : [a, b, values[0]], axis: axis)
        let sum = try stack.sum(axes: [axis], keepingAxes: step.first == 2)
        let whole = step.first == 2 ? try sum.squeezed(axis) : sum
        return step.first == 1 ? try whole + stack.selected(axis, 1) : whole
      }
    }
  }

  @Test(arguments: 0..<90) func isTheModule(_ seed: Int) throws {
    let program = try WeightScope.bind(MadeWeights(), dtype: .float64) {
      try Program($0, seed: UInt64(seed))
    }
    let compiled = Compiled(program)
    for (index, shape) in ([[2, 4, 5, 3], [2, 4, 5, 3], [1, 4, 2, 6]] as [Shape]).enumerated() {
      let x = try Numbers.tensor(shape, seed: "\(seed) \(index)")
      let (ours, plain) = (try compiled(x), try ProbeRun.eagerly { try program(x) })
      #expect(try compiled.obstacle(to: x) == nil)
      for (a, b) in zip(ours.tensors, plain.tensors) {
        let (a, b) = (try a.elements(as: Double.self), try b.elements(as: Double.self))
        let scale = max(1, b.map(abs).max() ?? 0)
        #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-11 * scale })
      }
    }
  }
}
