import TestSupport
import Testing
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// A norm of the channels, moved last and back, of a pooled map that is flattened and projected. No
/// module returns the map.
private struct NormedHead: Module {
  let path: ModulePath
  let norm: LayerNorm
  let fc: Linear
  let size: Pair<Int>

  init(_ w: WeightScope, channels: Int, size: Pair<Int>) throws {
    path = w.path
    self.size = size
    norm = try LayerNorm(w / "norm", features: channels)
    fc = try Linear(w / "fc", in: channels * size.height * size.width, out: 5)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let map = try x.adaptiveAveragePooled(to: size)
    let y = try norm(map.permuted([0, 2, 3, 1])).permuted([0, 3, 1, 2])
    return try fc(y.contiguous().reshaped([y.shape[0], -1]))
  }
}

/// Hands its input on to a linear map, shifted.
private struct Shifted: Module {
  let path: ModulePath
  let fc: Linear
  let shift: Double

  init(_ w: WeightScope, shift: Double) throws {
    path = w.path
    fc = try Linear(w / "fc", in: 6, out: 6)
    self.shift = shift
  }

  func forward(_ x: Tensor) throws -> Tensor { try fc(shift == 0 ? x : x.affine(shift: shift)) }
}

/// Who is blamed, and what is said of it.
@Suite struct BlameTests {
  /// Also where what was flattened is a module's output of channels last, moved back.
  @Test(arguments: [[3, 2], [4, 4]]) func flattenOrderAfterAChannelsLastNorm(_ size: [Int]) throws {
    let positions = size[0] * size[1]
    let net: Layers = [{ try NormedHead($0, channels: 6, size: Pair(size[0], size[1])) }]
    let result = try diagnoses(of: net, against: net, input: [3, 6, 9, 7]) { given in
      given["net.0.fc.weight"] = try given["net.0.fc.weight"]?
        .reshaped([5, 6, positions]).permuted([0, 2, 1]).contiguous().reshaped([5, 6 * positions])
    }
    #expect(first(result)?.0 == .flattenOrder)
    #expect(first(result)?.1 == .likely)
    #expect(
      result.diagnoses.first?.best.cause.text
        == "weight reads its inputs as (row, column, channel), they come as (channel, row, column)")
  }

  /// The figures of a blamed module are those of the layer where its error shows.
  @Test func figuresMoveWithTheBlame() throws {
    let result = try diagnoses(
      of: [{ Tanh($0) }, { try Shifted($0, shift: 0.25) }],
      against: [{ Tanh($0) }, { try Shifted($0, shift: 0) }], input: [4, 6])
    let (blamed, shown) = (
      try #require(result.layer("net.1")), try #require(result.layer("net.1.fc"))
    )
    #expect(blamed.status == .glue)
    #expect(blamed.reason == "shows at net.1.fc")
    #expect(blamed.isolated?.holds == false)
    let worst = try #require(blamed.isolated?.figures.worst)
    #expect(worst.got != worst.reference)
    #expect(shown.status == .inherited)
    #expect(shown.isolated == nil)
  }

  /// An eps whose error is just within a layer's limit, and beyond that of the layer after it.
  @Test func causeWithinItsLimitIsFoundWhereNoLayerFailsAlone() throws {
    func net(_ epsilon: Double) -> Layers {
      [{ try LayerNorm($0, features: 6, epsilon: epsilon) }, { Identity($0) }]
    }
    func validated(_ here: Double, _ there: Double, share: Double) throws -> ParityResult {
      var error: Figures?
      _ = try diagnoses(
        of: net(here), against: net(there), input: [40, 6],
        recording: { entries in
          let recorded = try #require(entries["activations/net.0"])
          let norm = try WeightScope.bind(DrawnWeights()) { try Chain($0, net(1e-6)) }
          let got = try norm.forward(#require(entries["inputs/0"]))
          error = try Comparison.figures(got, recorded)
        })
      let figures = try #require(error)
      return try diagnoses(
        of: net(here), against: net(there), input: [40, 6],
        recording: { entries in
          for name in ["net.0", "net.1", "net", "outputs/0"] {
            let share = name == "net.0" ? share : 100
            entries["noise/\(name)"] = try Tensor(
              [figures.rms / share, figures.maxAbs / share], shape: [2])
          }
        })
    }
    let result = try validated(1e-6, 1e-5, share: 3.8)
    #expect(result.layer("net.0")?.isolated?.holds == true)
    #expect(result.layer("net.0")?.status == .source)
    #expect(result.layer("net.0")?.reason?.contains("within its limit isolated") == true)
    #expect(first(result)?.0 == .layerNormEpsilon)
    #expect(first(result)?.1 == .likely)
    #expect((result.diagnoses.first?.best.ratio ?? .infinity) < 2)
    #expect(result.firstDivergence?.name == "net.0")
    // A layer far below its limit is no suspect; the headline says which is nearest.
    let vague = try validated(1e-6, 1e-5, share: 1)
    #expect(!vague.passes)
    #expect(vague.causes.isEmpty)
    #expect(vague.diagnoses.isEmpty)
    let line = Headline.line(Verdict(model: "chain", result: vague))
    #expect(line.contains("no layer fails isolated; nearest to its limit: net.0 with "))
  }

  @Test(arguments: [("bias", "running_mean"), ("weight", "running_var"), ("weight", "bias")])
  func tensorsOfANormInEachOthersPlace(_ a: String, _ b: String) throws {
    let net: Layers = [{ try BatchNorm($0, channels: 5) }]
    let result = try diagnoses(of: net, against: net, input: [2, 5, 3, 4]) { given in
      // What takes a variance's place is positive.
      for name in ["net.0.\(a)", "net.0.\(b)"] {
        given[name] = try given[name].map { try ($0 * $0).affine(shift: 0.1) }
      }
      (given["net.0.\(a)"], given["net.0.\(b)"]) = (given["net.0.\(b)"], given["net.0.\(a)"])
    } recording: { entries in
      var right = DrawnWeights()
      for request in try WeightScope.describe({ try Chain($0, net) }).requests
      where request.name.hasSuffix(a) || request.name.hasSuffix(b) {
        let drawn = try right.tensor(for: request)
        right.given[request.name] = try (drawn * drawn).affine(shift: 0.1)
      }
      let model = try WeightScope.bind(right) { try Chain($0, net) }
      let output = try model.forward(#require(entries["inputs/0"]))
      for name in ["activations/net.0", "activations/net", "outputs/0"] { entries[name] = output }
    }
    #expect(first(result)?.0 == .tensorsSwapped)
    #expect(first(result)?.1 == .likely)
    #expect(result.fixRules(after: .init(), mapping: nil).rules.count == 3)
  }

  /// NaN is a parameter's own matter: no rounding, no half precision, and no doubt about the noise.
  @Test func nanInAParameter() throws {
    let net: Layers = [{ try BatchNorm($0, channels: 9) }, { ReLU($0) }]
    let result = try diagnoses(of: net, against: net, input: [2, 9, 3, 4]) { given in
      given["net.0.running_var"] = try Tensor([Float](repeating: .nan, count: 9), shape: [9])
    } recording: { entries in
      for name in ["net.0", "net.1", "net", "outputs/0"] {
        entries["noise/\(name)"] = try Tensor([1e-8, 1e-7] as [Double], shape: [2])
      }
    }
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .overflow)
    #expect(diagnosis.best.cause.text == "running_var[0] is nan, and 8 more are not finite")
    #expect(diagnosis.best.cause.fix.text.hasPrefix("export net.0.running_var again"))
    #expect(diagnosis.rivals.isEmpty)
    #expect(!result.notes.contains { $0.contains("noise") })
  }

  @Test func activationIsNamedOnce() throws {
    let result = try diagnoses(
      of: [{ GELU($0, tanh: true) }], against: [{ GELU($0) }], input: [3, 40])
    let summary = try #require(result.diagnoses.first?.summary)
    #expect(summary.hasPrefix("likely GELU by tanh here and by erf in the reference (noise ratio "))
    let slope = try diagnoses(
      of: [{ ReLU($0) }],
      against: [{ ActivationLayer($0, .leakyReLU(slope: 0.2), kind: "LeakyReLU") }],
      input: [3, 40])
    #expect(
      slope.diagnoses.first?.summary.hasPrefix(
        "likely ReLU here and leaky ReLU of slope 0.2 in the reference (") == true)
  }

  /// That a weight looks initial tells something only where the others do not.
  @Test(arguments: [true, false]) func initialValues(othersAreTrained: Bool) throws {
    let net: Layers = [
      { try Linear($0, in: 16, out: 9) }, { try Linear($0, in: 9, out: 12) },
      { try Linear($0, in: 12, out: 8) },
    ]
    func initial(_ shape: Shape) throws -> Tensor {
      var generator = SplitMix(seed: 17)
      let bound = 1 / Double(shape[1]).squareRoot()
      var values = (0..<shape.elementCount).map { _ in
        Float(generator.next(in: -bound...bound))
      }
      values[0] = Float(bound)
      return try Tensor(values, shape: shape)
    }
    let result = try diagnoses(of: net, against: net, input: [4, 16]) { given in
      given["net.0.weight"] = try initial([9, 16])
      if !othersAreTrained {
        given["net.1.weight"] = try initial([12, 9])
        given["net.2.weight"] = try initial([8, 12])
      }
    }
    #expect((first(result)?.0 == .initialValues) == othersAreTrained)
  }
}
