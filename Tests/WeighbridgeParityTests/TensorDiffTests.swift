import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeVerdicts

@Suite struct TensorDiffTests {
  private func checkpoint(_ tensors: KeyValuePairs<String, [Float]>) throws -> MemoryCheckpoint {
    MemoryCheckpoint(
      try tensors.map { ($0.key, try Tensor($0.value, shape: [$0.value.count])) })
  }

  @Test func namesAndValues() throws {
    let a = try checkpoint(["x": [1, 2], "y": [3], "only.a": [0], "z": [1]])
    let b = try checkpoint(["x": [1, 2.5], "y": [3], "z": [1, 1], "only.b": [0]])
    let diff = try TensorDiff(a, b)
    #expect(diff.onlyInA == ["only.a"])
    #expect(diff.onlyInB == ["only.b"])
    #expect(diff.different.map(\.name) == ["x", "z"])
    #expect(diff.different[0].figures?.maxAbs == 0.5)
    #expect(diff.different[1].figures == nil)
    #expect(!diff.isIdentical)
    #expect(diff.lines[0] == "different: 2 of 3 differ, 1 only in the first, 1 only in the second")
  }

  @Test func toleranceAndNaN() throws {
    let a = try checkpoint(["x": [1, .nan]])
    let b = try checkpoint(["x": [1.001, .nan]])
    #expect(!(try TensorDiff(a, b).isIdentical))
    #expect(try TensorDiff(a, b, tolerance: .init(relative: 0.01, absolute: 0)).isIdentical)
    #expect(try TensorDiff(a, a).isIdentical)
  }

  @Test func slashesReadAsDots() throws {
    let a = try checkpoint(["activations/fc.0": [1]])
    let b = try checkpoint(["activations.fc/0": [1]])
    #expect(try TensorDiff(a, b).isIdentical)
  }

  /// Two tensors whose names differ by that alone are two.
  @Test func slashesAndDotsOfOneFileAreTold() throws {
    let a = try checkpoint(["a/b": [1], "a.b": [1]])
    let b = try checkpoint(["a.b": [2], "a/b": [1]])
    #expect(try TensorDiff(a, a).isIdentical)
    #expect(try TensorDiff(a, b).different.map(\.name) == ["a.b"])
    let one = try checkpoint(["a/b": [5]])
    let two = try checkpoint(["a.b": [5], "a/b": [6]])
    #expect(try TensorDiff(one, two).different.map(\.name) == ["a/b"])
    #expect(try TensorDiff(one, two).onlyInB == ["a.b"])
    #expect(try TensorDiff(two, one).onlyInA == ["a.b"])
  }

  @Test func dtypesAreRemarked() throws {
    let a = try checkpoint(["x": [1, 2]])
    let b = MemoryCheckpoint(["x": try Tensor([1.0, 2.0], shape: [2])])
    let diff = try TensorDiff(a, b)
    #expect(diff.isIdentical)
    #expect(diff.otherDType == ["x"])
  }
}
