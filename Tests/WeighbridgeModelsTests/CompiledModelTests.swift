import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

/// Every architecture as a graph of operators, held against itself on what PyTorch recorded.
@Suite struct CompiledModelTests {
  @Test(arguments: RecordedRunTests.runs) func isTheModel(_ recorded: Recorded) throws {
    let run = try RecordedRun(
      weights: Repository.fixture(recorded.weights),
      reference: Repository.fixture(recorded.reference))
    for dtype in [DType.float64, .float32] {
      let (model, inputs) = try run.bound(dtype)
      try hold(model, inputs, within: dtype == .float64 ? 1e-11 : 2e-4)
    }
  }

  private func hold<M: Module>(_ model: M, _ inputs: [Tensor], within limit: Double) throws {
    let compiled = Compiled(model)
    let moved = try inputs.map {
      $0.dtype.isFloatingPoint ? try $0.affine(scale: 0.75, shift: 0.01) : $0
    }
    for inputs in [inputs, moved, inputs] {
      let (ours, plain) = (try compiled.run(inputs), try ProbeRun.eagerly { try model.run(inputs) })
      #expect(ours.count == plain.count)
      for (a, b) in zip(ours, plain) {
        let scale = try b.elements(as: Double.self).map(abs).max() ?? 0
        #expect(try distance(a, b) <= limit * max(1, scale))
      }
    }
  }
}
