import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

/// How wide gates are, which libraries round in ways of their own.
@Suite struct GateWidthTests {
  /// The shapes of a network's parameters.
  private func shapes(multiple: Int) throws -> [String: Shape] {
    let architecture = try ArchitectureRegistry.builtIn.architecture("se_resnet18")
    let configuration = try architecture.configuration(
      StateDictShapes([:]), ["gate_multiple": .integer(multiple)])
    let ledger = try WeightScope.describe(source: MadeWeights()) {
      try architecture.build($0, configuration)
    }
    return Dictionary(ledger.requests.map { ($0.name, $0.shape) }) { first, _ in first }
  }

  /// timm's `rd_divisor=8`: 64/16 and 128/16 become 8, 256/16 and 512/16 stay 16 and 32.
  @Test(arguments: [(8, [8, 8, 16, 32]), (1, [4, 8, 16, 32]), (3, [3, 9, 15, 33])])
  func widthsAreRounded(_ multiple: Int, _ widths: [Int]) throws {
    let shapes = try shapes(multiple: multiple)
    let found = (1...4).map { shapes["layer\($0).1.se.fc.0.weight"]?[0] }
    #expect(found == widths)
  }

  @Test(arguments: [1, 8]) func shapesTell(_ multiple: Int) throws {
    let architecture = try ArchitectureRegistry.builtIn.architecture("se_resnet18")
    var configuration = architecture.defaults
    try architecture.infer(&configuration, from: StateDictShapes(shapes(multiple: multiple)))
    #expect(configuration.entries["gate_multiple"]?.value == .integer(multiple))
    #expect(configuration.entries["reduction"]?.value == .integer(16))
  }
}
