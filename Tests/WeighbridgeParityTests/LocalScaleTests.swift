import Testing
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// Errors are judged beside what they stand next to: a huge right element excuses nothing elsewhere.
@Suite struct LocalScaleTests {
  struct Form: Sendable, CustomTestStringConvertible {
    var testDescription: String
    let input: Shape
    let channels: Int
    let layer: @Sendable (WeightScope) throws -> any UnaryModule
  }

  static let forms: [Form] = [
    Form(testDescription: "tokens", input: [3, 20, 8], channels: 64) {
      try Linear($0, in: 8, out: 64)
    },
    Form(testDescription: "rows", input: [40, 8], channels: 24) { try Linear($0, in: 8, out: 24) },
    Form(testDescription: "an image", input: [2, 5, 9, 11], channels: 32) {
      try Conv2d($0, in: 5, out: 32, kernel: 3, padding: 1)
    },
    Form(testDescription: "an image of few channels", input: [2, 5, 17, 11], channels: 6) {
      try Conv2d($0, in: 5, out: 6, kernel: 3, padding: 1)
    },
  ]

  /// - Parameters:
  ///   - huge: The right value of one channel's bias.
  ///   - error: What is added to another's, in ours alone.
  private func result(_ form: Form, huge: Float, error: Float) throws -> ParityResult {
    let net: Layers = [form.layer, { Identity($0) }]
    let channels = form.channels
    func biased(_ error: Float) throws -> Tensor {
      let drawn = try DrawnWeights().tensor(
        for: WeightScope.describe { try Chain($0, net) }.requests.first {
          $0.name == "net.0.bias"
        } ?? ParameterRequest(name: "net.0.bias", role: .vector, shape: [channels]))
      var values = try drawn.elements(as: Float.self)
      values[channels - 1] = huge
      values[2] += error
      return try Tensor(values, shape: [channels])
    }
    return try diagnoses(of: net, against: net, input: form.input) { given in
      given["net.0.bias"] = try biased(error)
    } recording: { entries in
      let weights = DrawnWeights(given: ["net.0.bias": try biased(0)])
      let input = try #require(entries["inputs/0"])
      let right = try WeightScope.bind(weights) { try Chain($0, net) }.forward(input)
      let exact = try WeightScope.bind(weights, dtype: .float64) { try Chain($0, net) }
        .forward(input.converted(to: .float64))
      let figures = try Comparison.figures(right, exact)
      for name in ["activations/net.0", "activations/net.1", "activations/net", "outputs/0"] {
        entries[name] = try right.contiguous()
        let noise = name.replacing("activations/", with: "")
        entries["noise/\(noise)"] = try Tensor([figures.rms, figures.maxAbs], shape: [2])
      }
    }
  }

  @Test(arguments: forms, [1e9, 1e6, 1] as [Float])
  func anotherChannelsErrorShows(_ form: Form, huge: Float) throws {
    #expect(try result(form, huge: huge, error: 0).passes)
    let wrong = try result(form, huge: huge, error: 1)
    #expect(!wrong.passes)
    #expect(wrong.causes.map(\.name) == ["net.0"])
    if huge == 1e9 {
      #expect(wrong.causes.first?.reason?.contains("times its own rounding") == true)
      #expect(wrong.causes.first?.isolated?.judgement.basis == .ownNoise)
    }
  }

  @Test func placesAreNamed() throws {
    let wrong = try result(Self.forms[2], huge: 1e9, error: 1)
    #expect(wrong.causes.first?.reason?.contains("2] is off by 1.0e+00 where values are ") == true)
  }

  /// Adds a bias to every token.
  private struct Shift: UnaryModule {
    let path: ModulePath
    let bias: Tensor

    init(_ w: WeightScope, _ width: Int) throws {
      path = w.path
      bias = try w.parameter("bias", .vector, [width])
    }

    func forward(_ x: Tensor) throws -> Tensor { try x + bias }
  }

  /// How a place's own rounding can be measured.
  enum Way: CaseIterable {
    case twin, never, withoutTwin, sampled, sampledWithoutTwin, cumulative, cumulativeWithoutTwin
  }

  /// One right element of 10⁹, as attention sinks make, beside a head that is off by 1.
  @Test(arguments: [[1, 64], [5, 64], [2, 9, 64], [1, 3, 4, 64]] as [Shape], Way.allCases)
  func oneHugeElementExcusesNoHead(_ shape: Shape, _ way: Way) throws {
    var values = (0..<shape.elementCount).map { Float($0 % 7) / 3 - 1 }
    values[5] = 1e9
    let input = try Tensor(values, shape: shape)
    let net: Layers = [{ try Shift($0, 64) }, { Identity($0) }]
    var options = ValidationOptions()
    if way == .never { options.oracle = .never }
    options.isolates = ![.cumulative, .cumulativeWithoutTwin].contains(way)
    let hasTwin = [.twin, .never, .sampled, .cumulative].contains(way)
    let sampled = [.sampled, .sampledWithoutTwin].contains(way)
    func result(_ error: Float) throws -> ParityResult {
      try diagnoses(
        of: net, against: net, input: shape, options: options, hasTwin: hasTwin, giving: input
      ) { weights in
        var bias = try #require(weights["net.0.bias"]).elements(as: Float.self)
        for channel in 16..<32 { bias[channel] += error }
        weights["net.0.bias"] = try Tensor(bias, shape: [64])
      } recording: { entries in
        let none = try Tensor([0.0, 0.0], shape: [2])
        for entry in entries.tensors where entry.name != "inputs/0" {
          entries["noise/" + entry.name.replacing("activations/", with: "")] = none
        }
        if sampled { entries = try entries.sampled(limit: 60) }
      }
    }
    #expect(try result(0).passes)
    let wrong = try result(1)
    #expect(!wrong.passes)
    #expect(wrong.firstDivergence?.name == "net.0")
    // The huge element may not be among the samples.
    guard !sampled else { return }
    #expect(wrong.firstDivergence?.reason?.contains("times its own rounding") == true)
  }

  @Test func ownRoundingIsMeasuredOfEveryLayerWhereAsked() throws {
    var options = ValidationOptions()
    options.measuresAll = true
    let result = try diagnoses(
      of: [Self.forms[0].layer, { ReLU($0) }], against: [Self.forms[0].layer, { ReLU($0) }],
      input: [3, 20, 8], options: options
    ) { _ in
    } recording: { entries in
      let none = try Tensor([0.0, 0.0], shape: [2])
      for entry in entries.tensors where entry.name != "inputs/0" {
        entries["noise/" + entry.name.replacing("activations/", with: "")] = none
      }
    }
    #expect(result.passes)
    #expect(result.layers.allSatisfy { $0.ownRatio != nil && $0.localRatio != nil })
  }
}
