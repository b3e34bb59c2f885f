import Testing
import WeighbridgeEngine

/// Every operator against PyTorch, on every engine and in every layout.
@Suite struct OperatorFixtureTests {
  @Test(
    arguments: [
      "convolution", "matrix", "normalization", "pooling", "activation", "softmax", "arithmetic",
      "sampling", "attention", "interpolation", "padding", "transposed", "windows", "selection",
      "ordering", "functions", "einsum", "products",
    ], TestedEngine.allCases)
  func matchesPyTorch(_ family: String, _ engine: TestedEngine) throws {
    for fixture in try OperatorFixture.load(family) {
      for layout in TestedLayout.allCases {
        try engine.run {
          try fixture.expectMatch(fixture.run(engine, layout), engine, layout)
        }
      }
    }
  }

  /// A channels-last image stays so on every engine. A contiguous one stays so on the plain kernels;
  /// fast ones may turn it to channels-last, where they stay from then on.
  @Test(arguments: ["convolution", "pooling", "normalization"], TestedEngine.allCases)
  func keepsTheFormat(_ family: String, _ engine: TestedEngine) throws {
    for fixture in try OperatorFixture.load(family) where fixture.output.shape.count == 4 {
      for (layout, format) in [
        (TestedLayout.contiguous, MemoryFormat.contiguous), (.channelsLast, .channelsLast),
      ] {
        let x = try #require(fixture.inputs["x"]).tensor(engine.dtype)
        guard try layout.arrange(x).preferredFormat == format else { continue }
        guard format == .channelsLast || engine != .fastFloat32 else { continue }
        let result = try engine.run { try fixture.run(engine, layout) }
        #expect(result.isDense(format), "\(fixture.testDescription), \(engine), \(layout)")
      }
    }
  }
}
