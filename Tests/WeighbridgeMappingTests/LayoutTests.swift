import Testing
import WeighbridgeModules

@testable import WeighbridgeMapping

/// Kernels and matrices in another order of axes: told by the whole file, asked where it cannot tell.
@Suite struct LayoutTests {
  /// What a model asks for, and what the file has.
  private struct Weight {
    let name: String
    let role: ParameterRole
    let shape: Shape
    let found: Shape
  }

  private func report(_ weights: [Weight], rules: Rules = Rules()) throws -> MappingReport {
    let checkpoint = MemoryCheckpoint(
      weights.map { (name: $0.name, tensor: Tensor.blank($0.found)) }, path: "layouts.npz")
    return try Candidates(checkpoint, rules: rules).best { _, source in
      try WeightScope.describe(source: source) { scope in
        for weight in weights { _ = try scope.parameter(weight.name, weight.role, weight.shape) }
      }
    }.report
  }

  private func kernel(_ name: String, _ shape: Shape, by axes: [Int]) -> Weight {
    // The shape in the file: `axes` lead back from it to PyTorch's.
    let found = Shape(axes.indices.map { shape[axes.firstIndex(of: $0) ?? 0] })
    return Weight(name: name, role: .convolutionWeight, shape: shape, found: found)
  }

  private func matrix(_ name: String, _ shape: Shape, transposed: Bool = true) -> Weight {
    Weight(
      name: name, role: .linearWeight, shape: shape,
      found: transposed ? [shape[1], shape[0]] : shape)
  }

  private static let layouts: [(String, [Int])] = [
    ("HWIO", [3, 2, 0, 1]), ("OHWI", [0, 3, 1, 2]), ("IOHW", [1, 0, 2, 3]), ("HWOI", [2, 3, 0, 1]),
  ]

  /// 95 kernels are evidently in another order; the shape of the 96th fits either way.
  @Test(arguments: layouts.indices)
  func theOneThatCannotTellIsAsked(index: Int) throws {
    let (name, axes) = Self.layouts[index]
    var weights = (0..<95).map { kernel("conv\($0)", [8 + $0, 5, 3, 3], by: axes) }
    weights.append(kernel("last", [3, 3, 3, 3], by: axes))
    let first = try report(weights)
    #expect(first.suggestions.count == 95)
    #expect(first.suggestions.allSatisfy { $0.reason == "a kernel in \(name) order" })
    #expect(first.undecided.map(\.source) == ["last"])
    // With the rules for the 95, the last one is still asked, and not left as it is.
    let rules = Rules(first.suggestions.map(\.rule))
    let second = try report(weights, rules: rules)
    #expect(second.mismatched.isEmpty && !second.isOneToOne)
    let open = try #require(second.undecided.first)
    #expect(open.source == "last" && open.rules.count == 2)
    #expect(open.reason.contains(name) && open.reason.contains("95 other kernels"))
    let error = try #require(second.error(file: "f"))
    #expect(error.code.exitStatus == 2 && error.message.contains("1 undecided (last"))
    #expect(second.lines().contains { $0.contains("undecided") })
    // Either answer, and one rule for all by a pattern, decide it.
    for rule in open.rules {
      #expect(try report(weights, rules: Rules(rules.rules + [rule])).isOneToOne)
    }
    let all = Rules([Rule(.permute(.regex(".*"), axes: axes))])
    #expect(try report(weights, rules: all).isOneToOne)
  }

  @Test func squareMatricesBesideTransposedOnesAreAsked() throws {
    let weights = [
      matrix("a", [4, 6]), matrix("b", [6, 8]), matrix("square", [5, 5]),
    ]
    let found = try report(weights)
    #expect(found.suggestions.map(\.source) == ["a", "b"])
    #expect(found.suggestions.allSatisfy { $0.reason == "transposed" })
    #expect(found.undecided.map(\.source) == ["square"])
  }

  /// Where most are in PyTorch's order, one that is not casts no doubt on the rest.
  @Test func oneTransposedMatrixIsAnException() throws {
    let weights = [
      matrix("a", [4, 6]), matrix("b", [6, 8], transposed: false), matrix("square", [5, 5]),
      matrix("c", [9, 8], transposed: false),
    ]
    let found = try report(weights)
    #expect(found.suggestions.map(\.source) == ["a"] && found.undecided.isEmpty)
  }

  /// Kernels that have as many outputs as inputs fit HWIO and HWOI; one that has not tells of all.
  @Test func theWholeFileTellsOfEachKernel() throws {
    let axes = [3, 2, 0, 1]
    let square = kernel("square", [8, 8, 3, 3], by: axes)
    let alone = try report([square])
    #expect(alone.suggestions.isEmpty && alone.undecided.first?.rules.count == 2)
    let both = try report([square, kernel("other", [8, 4, 3, 3], by: axes)])
    #expect(both.undecided.isEmpty)
    #expect(both.suggestions.map(\.reason) == Array(repeating: "a kernel in HWIO order", count: 2))
  }

  @Test func depthwiseKernelsTellOfThemselves() throws {
    let found = try report([
      kernel("full", [8, 4, 3, 3], by: [3, 2, 0, 1]),
      kernel("depthwise", [8, 1, 3, 3], by: [2, 3, 0, 1]),
    ])
    #expect(
      found.suggestions.map(\.reason).sorted() == [
        "a kernel in HWIO order", "a kernel in HWOI order",
      ])
  }

  /// An order of axes of one element changes nothing: there is nothing to ask.
  @Test func whatMovesNothingIsNotAsked() throws {
    let axes = [0, 3, 1, 2]
    let found = try report([
      kernel("a", [8, 5, 3, 3], by: axes), kernel("b", [8, 1, 1, 1], by: axes),
      kernel("c", [9, 5, 3, 3], by: axes),
    ])
    #expect(found.undecided.isEmpty && found.suggestions.count == 2)
  }

  /// As many numbers are no transpose.
  @Test func anotherMatrixOfTheSameSizeIsNoTranspose() throws {
    let weight = Weight(name: "a", role: .linearWeight, shape: [8, 3], found: [4, 6])
    #expect(try report([weight]).suggestions.isEmpty)
  }

  /// A rule for a weight that fits either way is somebody's knowledge of that one.
  @Test func aRuleForASquareMatrixShowsNothingOfOthers() throws {
    let weights = [matrix("a", [5, 5]), matrix("b", [6, 6])]
    let rules = try Rules(yaml: "- transpose: {tensor: a}")
    #expect(try report(weights, rules: rules).isOneToOne)
  }
}
