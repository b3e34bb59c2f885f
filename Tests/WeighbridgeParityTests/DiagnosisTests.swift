import TestSupport
import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// A convolution of 4 groups whose input's 8 channels are dealt to the groups in turn.
private struct Dealt: Module {
  let inner: Conv2d
  var path: ModulePath { inner.path }

  func forward(_ x: Tensor) throws -> Tensor {
    let shape = Array(x.shape)
    return try inner.forward(
      x.reshaped([shape[0], 2, 4] + shape.dropFirst(2)).transposed(1, 2).contiguous()
        .reshaped(shape))
  }
}

/// A linear map with something behind it.
private struct Ended: Module {
  let inner: Linear
  let end: @Sendable (Tensor) throws -> Tensor
  let path: ModulePath

  init(_ w: WeightScope, _ end: @escaping @Sendable (Tensor) throws -> Tensor) throws {
    path = w.path
    inner = try Linear(w / "fc", in: 6, out: 5)
    self.end = end
  }

  func forward(_ x: Tensor) throws -> Tensor { try end(inner(x)) }
}

/// Decides among three from an image of 3 by 2.
private struct Deciding: Module {
  let inner: Linear
  let path: ModulePath

  init(_ w: WeightScope) throws {
    path = w.path
    inner = try Linear(w / "fc", in: 6, out: 3)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try inner(x.reshaped([1, 6])).affine(scale: 1e6).softmax(axis: 1)
  }
}

/// Rounds to about 0.001.
private struct Coarse: Module {
  let path: ModulePath

  func forward(_ x: Tensor) throws -> Tensor { try x.affine(shift: 1e4).affine(shift: -1e4) }
}

@Suite struct DiagnosisTests {
  private struct End: Sendable, CustomTestStringConvertible {
    let words: String
    let compute: @Sendable (Tensor) throws -> Tensor
    var testDescription: String { words }
  }

  /// What a network ends in and its port does not, or the other way round. The logits are so large that a
  /// softmax of them has next to no rounding of its own, and were rounded otherwise where they were recorded.
  @Test(arguments: [
    End(words: "softmax over axis 1") { try $0.softmax(axis: 1) },
    End(words: "log-softmax over axis 1") { try $0.logSoftmax(axis: 1) },
    End(words: "length 1 over axis 1") { try $0.normalized(axis: 1) },
    End(words: "sigmoid") { try $0.activated(.sigmoid) },
  ]) private func endings(_ end: End) throws {
    let large = try Tensor((0..<18).map { Float(($0 * 7 % 18) - 9) * 5.1037 }, shape: [3, 6])
    let plain: Layers = [{ Coarse(path: $0.path) }, { try Ended($0) { $0 } }]
    let ended: Layers = [{ Coarse(path: $0.path) }, { try Ended($0, end.compute) }]
    func result(_ here: Layers, _ there: Layers) throws -> ParityResult {
      try diagnoses(
        of: here, against: there, input: [3, 6], giving: large,
        recording: {
          for name in ["activations/net.1", "outputs/0"] {
            $0[name] = try #require($0[name]).affine(scale: 1 + 3e-6)
          }
        })
    }
    let leftOut = try result(plain, ended)
    #expect(leftOut.diagnoses.first?.best.cause.kind == .operationLeftOut)
    #expect(leftOut.diagnoses.first?.best.cause.text.contains(end.words) == true)
    let extra = try result(ended, plain)
    #expect(extra.diagnoses.first?.best.cause.kind == .operationExtra)
    #expect(extra.diagnoses.first?.best.cause.text.contains("is not in the reference") == true)
  }

  /// One decision among three comes out of other weights by chance, and out of one of hundreds of changes.
  @Test func decisionsExplainNothing() throws {
    let layers: Layers = [{ Coarse(path: $0.path) }, { try Deciding($0) }]
    var failures = 0
    for seed in 0..<24 {
      var generator = SplitMix(seed: UInt64(seed))
      let image = try Tensor(
        (0..<6).map { _ in Float(generator.next(in: -2...2)) }, shape: [1, 3, 2])
      let result = try diagnoses(
        of: layers, against: layers, input: image.shape, giving: image,
        changing: { $0["net.1.fc.weight"] = try #require($0["net.1.fc.weight"]).flipped(1) },
        recording: { $0["activations/net.1.fc"] = nil })
      if result.hasFailedLayer { failures += 1 }
      #expect(result.diagnoses.allSatisfy { $0.certainty == .suggestion })
    }
    #expect(failures > 4)
  }

  /// Weights of another size, alone and with their bias, in a layer whose outputs are fewer than those that
  /// a normalisation behind it hides.
  @Test(arguments: [["weight"], ["weight", "bias"]], [2.0, 0.125, -3, 1.01])
  func parametersOfAnotherSize(_ names: [String], _ factor: Double) throws {
    let layers: [Layers] = [
      [{ Coarse(path: $0.path) }, { try Linear($0, in: 6, out: 5) }],
      [{ Coarse(path: $0.path) }, { try Conv2d($0, in: 6, out: 5, kernel: 3, padding: 1) }],
    ]
    for (layers, shape) in zip(layers, [[2, 6] as Shape, [2, 6, 3, 4]]) {
      var options = ValidationOptions()
      // Else what the layer reads may as well be of another size.
      options.forwardIsRecorded = true
      let result = try diagnoses(
        of: layers, against: layers, input: shape, options: options,
        changing: {
          for name in names {
            $0["net.1.\(name)"] = try #require($0["net.1.\(name)"]).affine(scale: factor)
          }
        })
      let found = try #require(result.diagnoses.first)
      #expect(found.certainty == .likely && found.best.cause.kind == .parameterValues)
      let text = found.best.cause.text
      #expect(text.hasPrefix(names.count == 1 ? "weight is " : "weight and bias are "))
      let times = factor == 0.125 ? "1/8" : Format.short(Float(factor))
      #expect(text.contains("\(times) times what the reference has"), "\(text)")
    }
  }

  /// Recorded in 16 bits, wrong layers are judged like any.
  @Test(arguments: [DType.float16, .bfloat16, .float64])
  func wrongLayersOfOtherDTypes(_ dtype: DType) throws {
    let layers: Layers = [{ Coarse(path: $0.path) }, { try Linear($0, in: 6, out: 5) }]
    let result = try diagnoses(
      of: layers, against: layers, input: [4, 6],
      changing: {
        $0["net.1.weight"] = try $0["net.1.weight"].map { try $0 + $0 * $0 }
        $0["net.1.bias"] = try $0["net.1.bias"]?.affine(scale: 3)
      },
      recording: {
        for name in ["activations/net.1", "outputs/0"] {
          $0[name] = try #require($0[name]).converted(to: dtype)
        }
      })
    #expect(result.hasFailedLayer)
  }

  /// A network that computes what was recorded can be wrong in its weights alone.
  @Test func recordedForwardsAreNotBlamed() throws {
    let input: Shape = [3, 40]
    for isRecorded in [false, true] {
      var options = ValidationOptions()
      options.forwardIsRecorded = isRecorded
      let result = try diagnoses(
        of: [{ GELU($0) }], against: [{ GELU($0, tanh: true) }], input: input, options: options)
      #expect(result.hasFailedLayer)
      #expect(result.diagnoses.map(\.best.cause.kind) == (isRecorded ? [] : [.geluForm]))
    }
  }

  private struct Form: Sendable, CustomTestStringConvertible {
    let kind: Cause.Kind
    let shape: Shape
    let here: @Sendable (WeightScope) throws -> any UnaryModule
    let there: @Sendable (WeightScope) throws -> any UnaryModule
    var testDescription: String { kind.rawValue }
  }

  private static let forms: [Form] = [
    Form(
      kind: .batchNormEpsilon, shape: [2, 5, 3, 4], here: { try BatchNorm($0, channels: 5) },
      there: { try BatchNorm($0, channels: 5, epsilon: 1e-3) }),
    Form(
      kind: .layerNormEpsilon, shape: [3, 7, 6], here: { try LayerNorm($0, features: 6) },
      there: { try LayerNorm($0, features: 6, epsilon: 1e-3) }),
    Form(
      kind: .geluForm, shape: [3, 40], here: { GELU($0) }, there: { GELU($0, tanh: true) }),
    Form(
      kind: .activationSlope, shape: [3, 40], here: { ReLU($0) },
      there: { ActivationLayer($0, .leakyReLU(slope: 0.2), kind: "LeakyReLU") }),
    Form(
      kind: .hardSigmoid, shape: [3, 40], here: { Sigmoid($0) },
      there: { ActivationLayer($0, .hardSigmoid, kind: "Hardsigmoid") }),
    Form(
      kind: .softmaxAxis, shape: [3, 4, 5], here: { Softmax($0, axis: 1) },
      there: { Softmax($0, axis: 2) }),
    Form(
      kind: .countIncludePad, shape: [1, 2, 7, 5],
      here: { AvgPool2d($0, kernel: 3, stride: 1, padding: 1) },
      there: { AvgPool2d($0, kernel: 3, stride: 1, padding: 1, countIncludePad: false) }),
    Form(
      kind: .paddingSame, shape: [1, 3, 8, 6],
      here: { try Conv2d($0, in: 3, out: 4, kernel: 3, stride: 2, padding: 1) },
      there: {
        try Conv2d(
          $0, in: 3, out: 4, kernel: 3, stride: 2,
          padding: Padding(top: 0, bottom: 1, left: 0, right: 1))
      }),
    Form(
      kind: .layerNormEpsilon, shape: [2, 6, 3, 4],
      here: { try GroupNorm($0, groups: 2, channels: 6) },
      there: { try GroupNorm($0, groups: 2, channels: 6, epsilon: 1e-3) }),
    Form(
      kind: .paddingSame, shape: [1, 3, 8, 6],
      here: { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1) },
      there: {
        try Conv2d(
          $0, in: 3, out: 4, kernel: 3, padding: Padding(top: 0, bottom: 2, left: 0, right: 2))
      }),
    Form(
      kind: .ceilMode, shape: [1, 2, 8, 6], here: { MaxPool2d($0, kernel: 3, stride: 2) },
      there: { MaxPool2d($0, kernel: 3, stride: 2, ceilMode: true) }),
    Form(
      kind: .moduleSkipped, shape: [3, 40], here: { Tanh($0) },
      there: { Identity($0, kind: "Tanh") }),
  ]

  @Test(arguments: forms) private func form(_ form: Form) throws {
    let result = try diagnoses(of: [form.here], against: [form.there], input: form.shape)
    #expect(!result.passes)
    #expect(result.firstDivergence?.path == "net.0")
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == form.kind)
    #expect(diagnosis.certainty == .likely)
    #expect(diagnosis.path == "net.0")
    #expect((diagnosis.best.ratio ?? .infinity) <= 2)
    // A reference that holds but some of the elements tells the same.
    let before: (WeightScope) throws -> any UnaryModule = { Identity($0) }
    let sampled = try diagnoses(
      of: [before, form.here], against: [before, form.there], input: form.shape, isSampled: true)
    #expect(sampled.firstDivergence?.path == "net.1")
    #expect(sampled.diagnoses.first?.best.cause.kind == form.kind)
    #expect(sampled.diagnoses.first?.path == "net.1")
    // The other way round, too.
    let mirrored = try diagnoses(of: [form.there], against: [form.here], input: form.shape)
    #expect(!mirrored.passes)
    if form.kind != .moduleSkipped, form.kind != .paddingSame {
      #expect(mirrored.diagnoses.first?.best.cause.kind == form.kind)
    }
  }

  @Test func transposedMatrixIsNamedWithItsRule() throws {
    let net: Layers = [{ try Linear($0, in: 6, out: 6) }]
    let result = try diagnoses(of: net, against: net, input: [4, 6]) {
      $0["net.0.weight"] = try $0["net.0.weight"]?.transposed().contiguous()
    }
    #expect(first(result)?.0 == .linearTransposed)
    let rules = result.fixRules(after: Rules(), mapping: nil)
    #expect(rules.yaml == "- permute: {tensor: net.0.weight, axes: [1, 0]}\n")
  }

  @Test func matrixOfAnotherFrameworkUnderItsShape() throws {
    let net: Layers = [{ try Linear($0, in: 6, out: 4) }]
    let result = try diagnoses(of: net, against: net, input: [4, 6]) {
      $0["net.0.weight"] = try $0["net.0.weight"]?.transposed().contiguous().reshaped([4, 6])
    }
    #expect(first(result)?.0 == .linearTransposed)
  }

  @Test(arguments: [[2, 3, 1, 0], [0, 2, 3, 1], [1, 0, 2, 3]])
  func kernelOfAnotherLayoutUnderItsShape(_ axes: [Int]) throws {
    let net: Layers = [{ try Conv2d($0, in: 4, out: 6, kernel: Pair(3, 2)) }]
    let result = try diagnoses(of: net, against: net, input: [2, 4, 7, 6]) {
      $0["net.0.weight"] = try $0["net.0.weight"]?.permuted(axes).contiguous()
        .reshaped([6, 4, 3, 2])
    }
    #expect(first(result)?.0 == .weightLayout)
    #expect(first(result)?.1 == .likely)
  }

  @Test(arguments: [[2], [3], [2, 3]]) func flippedKernel(axes: [Int]) throws {
    let net: Layers = [{ try Conv2d($0, in: 3, out: 4, kernel: 3) }]
    let result = try diagnoses(of: net, against: net, input: [2, 3, 6, 5]) { given in
      given["net.0.weight"] = try axes.reduce(given["net.0.weight"]) { try $0?.flipped($1) }
    }
    #expect(first(result)?.0 == .weightFlipped)
    #expect(first(result)?.1 == .likely)
    #expect(result.fixRules(after: Rules(), mapping: nil).rules.count == axes.count)
  }

  /// Which channels of its input each group reads, and their order, are the module's own affair.
  @Test func channelsDealtToTheGroupsInTurn() throws {
    let grouped: (WeightScope) throws -> any UnaryModule = {
      try Conv2d($0, in: 8, out: 8, kernel: 3, padding: 1, groups: 4)
    }
    let result = try diagnoses(
      of: [grouped],
      against: [
        {
          Dealt(
            inner: try Conv2d(
              $0, in: 8, out: 8, kernel: 3, padding: 1, groups: 4))
        }
      ], input: [2, 8, 5, 4])
    #expect(first(result)?.0 == .channelsRegrouped)
    #expect(first(result)?.1 == .likely)
  }

  @Test func swappedLayersAndStatistics() throws {
    let net: Layers = [
      { try Linear($0, in: 5, out: 5) }, { ReLU($0) }, { try Linear($0, in: 5, out: 5) },
      { try BatchNorm($0, channels: 5, kind: "BatchNorm1d") },
    ]
    let swapped = try diagnoses(of: net, against: net, input: [4, 5]) { given in
      for name in ["weight", "bias"] {
        (given["net.0.\(name)"], given["net.2.\(name)"]) =
          (given["net.2.\(name)"], given["net.0.\(name)"])
      }
    }
    #expect(first(swapped)?.0 == .tensorsSwapped)
    #expect(swapped.fixRules(after: Rules(), mapping: nil).rules.count == 6)
    let statistics = try diagnoses(of: net, against: net, input: [4, 5]) { given in
      (given["net.3.running_mean"], given["net.3.running_var"]) =
        (given["net.3.running_var"], given["net.3.running_mean"])
    }
    #expect(first(statistics)?.0 == .statisticsSwapped)
  }

  @Test func whatParametersShowIsASuggestion() throws {
    let net: Layers = [{ try Linear($0, in: 9, out: 5) }]
    let rounded = try diagnoses(of: net, against: net, input: [4, 9]) {
      $0["net.0.weight"] = try $0["net.0.weight"]?.converted(to: .float16).converted(to: .float32)
    }
    #expect(first(rounded)?.0 == .truncatedDType)
    #expect(first(rounded)?.1 == .suggestion)
    let overflowed = try diagnoses(of: net, against: net, input: [4, 9]) {
      var values = try $0["net.0.weight"]?.elements(as: Float.self) ?? []
      values[7] = .infinity
      $0["net.0.weight"] = try Tensor(values, shape: [5, 9])
    }
    #expect(first(overflowed)?.0 == .overflow)
    #expect(overflowed.diagnoses.first?.best.cause.text.contains("weight[0, 7]") == true)
  }

  /// A wrong layer that nothing explains gets no name.
  @Test func unknownErrorsStayUnnamed() throws {
    let net: Layers = [{ try Linear($0, in: 9, out: 5) }]
    let result = try diagnoses(of: net, against: net, input: [4, 9]) {
      $0["net.0.weight"] = try $0["net.0.weight"].map { try $0 + $0 * $0 }
    }
    #expect(!result.passes)
    #expect(result.diagnoses.isEmpty)
    #expect(result.undiagnosed.map(\.description) == ["net.0"])
    let report = TerminalReport().text(Verdict(model: "chain", result: result))
    #expect(report.contains("none: no single change that was tried explains net.0"))
  }
}
