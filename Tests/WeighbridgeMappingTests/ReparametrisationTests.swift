import Foundation
import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModules

@testable import WeighbridgeMapping

/// Weights that PyTorch computes from other tensors: named, computed as PyTorch does, never guessed.
@Suite struct ReparametrisationTests {
  static let layers = ["old", "new"].flatMap { form in
    [
      "conv", "conv_dim1", "conv_whole", "linear", "double", "one", "spectral", "spectral_linear",
      "spectral_transposed", "spectral_double",
    ].map { "\(form).\($0)" }
  }

  private let file: any Checkpoint

  init() throws {
    file = try Checkpoints.open(Repository.fixture("reparametrised.npz"))
  }

  /// The state dict of one layer, under a lead, without the tensors that a test leaves out.
  private func stateDict(
    _ layer: String, lead: String = "", without: [String] = []
  ) throws -> MemoryCheckpoint {
    MemoryCheckpoint(
      try file.entries.filter { $0.name.hasPrefix(layer + ".") }.compactMap { entry in
        let name = String(entry.name.dropFirst(layer.count + 1))
        return without.contains(name) ? nil : (lead + name, try file.tensor(entry.name))
      }, path: "\(layer).npz")
  }

  private func expected(_ layer: String) throws -> Tensor { try file.tensor("expected/\(layer)") }

  private func request(
    _ expected: Tensor
  ) -> (WeightScope) throws -> (weight: Tensor, bias: Tensor) {
    { scope in
      let shape = expected.shape
      return (
        try scope.parameter(
          "weight", shape.rank == 4 ? .convolutionWeight : .linearWeight, shape),
        try scope.parameter(
          "bias", .vector, [shape.rank == 4 && shape[0] == 6 ? shape[1] : shape[0]])
      )
    }
  }

  private func fit(_ checkpoint: MemoryCheckpoint, _ expected: Tensor) throws -> Fit {
    try Candidates(checkpoint, rules: Rules()).best { _, source in
      try WeightScope.describe(source: source, request(expected))
    }
  }

  /// The largest relative difference, in units of one rounding: 2⁻²⁴, in float64 2⁻⁵³.
  private func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
    let (x, y) = (try a.elements(as: Double.self), try b.elements(as: Double.self))
    let unit = b.dtype == .float64 ? 0x1p-53 : 0x1p-24
    return zip(x, y).map { x, y in abs(x - y) / (unit * abs(y)) }.max() ?? 0
  }

  /// Three roundings here (the norm, the quotient, the product) and as many in PyTorch.
  private let roundings = 6.0

  @Test(arguments: layers, ["", "module.", "state_dict.model."])
  func weightsAreComputedAsPyTorchComputesThem(layer: String, lead: String) throws {
    let expected = try expected(layer)
    let checkpoint = try stateDict(layer, lead: lead)
    let fit = try fit(checkpoint, expected)
    #expect(fit.report.isOneToOne, "\(fit.report)")
    let source = CheckpointSource(checkpoint, fit.stateDict)
    let weight = try source.tensor("weight")
    #expect(weight.dtype == expected.dtype && weight.shape == expected.shape)
    let distance = try distance(weight, expected)
    #expect(distance <= roundings, "\(distance) roundings")
    let keyword = layer.contains("spectral") ? "spectral_norm" : "weight_norm"
    #expect(fit.report.computed.map(\.keyword) == [keyword])
    let match = try #require(fit.report.matched.first { $0.parameter == "weight" })
    #expect(match.transform?.hasPrefix(keyword.replacing("_", with: " ")) == true)
    #expect(fit.report.notes.contains { $0.contains("\(keyword) (1)") })
    #expect(fit.report.lines().contains { $0.contains("computed by these rules") })
  }

  /// The rules that a plan shows, given by hand, do the same.
  @Test(arguments: layers, ["", "module."])
  func theRulesOfAPlanAreRules(layer: String, lead: String) throws {
    let expected = try expected(layer)
    let checkpoint = try stateDict(layer, lead: lead)
    let shown = try fit(checkpoint, expected).report.computed
    let rules = try Rules(yaml: Rules(shown).yaml)
    let fit = try Candidates(checkpoint, rules: rules).best { _, source in
      try WeightScope.describe(source: source, request(expected))
    }
    #expect(fit.report.isOneToOne, "\(fit.report)")
    let weight = try CheckpointSource(checkpoint, fit.stateDict).tensor("weight")
    #expect(try distance(weight, expected) <= roundings)
  }

  /// A part is never renamed to the weight, whatever else is missing.
  @Test(arguments: layers)
  func partsAreNeverTakenForTheWeight(layer: String) throws {
    let expected = try expected(layer)
    let parts = try stateDict(layer).entries.map(\.name).filter { $0 != "bias" }
    for gone in parts {
      let report = try fit(stateDict(layer, without: [gone]), expected).report
      #expect(!report.isOneToOne)
      #expect(report.suggestions.allSatisfy { $0.parameter != "weight" }, "\(report)")
      let reason = report.missing.first { $0.parameter == "weight" }?.reason ?? ""
      #expect(
        reason.contains(parts.first { $0 != gone } ?? "?"), "\(layer) without \(gone): \(report)")
    }
  }

  @Test func partsThatDoNotFitAreNoFamily() throws {
    let expected = try expected("old.conv")
    var tensors: [(name: String, tensor: Tensor)] = []
    for entry in try stateDict("old.conv").entries {
      tensors.append((entry.name, try file.tensor("old.conv.\(entry.name)")))
    }
    let index = try #require(tensors.firstIndex { $0.name == "weight_g" })
    tensors[index].tensor = .blank([7, 1, 1, 1])
    #expect(try !fit(MemoryCheckpoint(tensors), expected).report.isOneToOne)
  }

  /// A model that asks for the parts gets them as they are.
  @Test func aModelMayAskForTheParts() throws {
    let checkpoint = try stateDict("old.linear")
    let fit = try Candidates(checkpoint, rules: Rules()).best { _, source in
      try WeightScope.describe(source: source) { scope in
        _ = try scope.parameter("weight_g", .vector, [8, 1])
        _ = try scope.parameter("weight_v", .linearWeight, [8, 8])
        _ = try scope.parameter("bias", .vector, [8])
      }
    }
    #expect(fit.report.isOneToOne && fit.report.computed.isEmpty)
    #expect(fit.report.matched.allSatisfy { $0.transform == nil })
  }

  @Test func aDirectionOfZerosGivesNaNAsInPyTorch() throws {
    let tensors: [Tensor] = [
      try Tensor([0, 0, 3, 4] as [Float], shape: [2, 2]),
      try Tensor([1, 10] as [Float], shape: [2, 1]),
    ]
    let formula = try Reparametrisation.weightNorm(direction: [2, 2], magnitude: [2, 1])
    let weight = try formula.weight(of: tensors).elements(as: Float.self)
    #expect(weight[0].isNaN && weight[1].isNaN && weight[2...].elementsEqual([6, 8]))
  }
}
