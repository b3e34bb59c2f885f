import Testing
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// Adds to a convolution of its input a map that no module returns.
private struct Joined: Module {
  let path: ModulePath
  let conv: Conv2d
  let relu: ReLU
  let stride: Int

  init(_ w: WeightScope, stride: Int) throws {
    path = w.path
    conv = try Conv2d(w / "conv", in: 2, out: 2, kernel: 1, stride: Pair(stride))
    relu = ReLU(w / "relu")
    self.stride = stride
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try relu(conv(x) + x.pooled(PoolingGeometry(.maximum, kernel: 1, stride: Pair(stride))))
  }
}

/// Leaves rows away.
private struct Cropped: Module {
  let path: ModulePath
  let rows: Int

  func forward(_ x: Tensor) throws -> Tensor { try x.narrowed(2, start: 0, length: rows) }
}

/// Looks at its input's last axis, as models do that know how many axes there are.
private struct Looking: Module, Diagnosable {
  let path: ModulePath

  func forward(_ x: Tensor) throws -> Tensor {
    try x.narrowed(3, start: 0, length: min(x.shape[3], 100 / x.shape[0]))
  }

  func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    [
      Alternative(Cause(.seWiring, "the reference doubles", fix: .code("double"))) {
        try forward($0).affine(scale: 2)
      }
    ]
  }
}

/// Layers that return another shape than the recorded one.
@Suite struct ShapeDiagnosisTests {
  private static func residual(stride: Pair<Int>) -> Layers {
    [
      { try Conv2d($0, in: 3, out: 4, kernel: 3, stride: stride, padding: 1) },
      { try BatchNorm($0, channels: 4) }, { ReLU($0) },
      { try Conv2d($0, in: 4, out: 4, kernel: 3, stride: stride, padding: 1) }, { ReLU($0) },
    ]
  }

  /// A file decides how many axes a recorded tensor has, a model's code how many it looks at.
  @Test(arguments: [[192], [], [1, 2, 4, 6, 4], [0, 4, 6, 4], [2, 96]] as [Shape])
  func recordedTensorsOfOtherRanksReachNoModule(shape: Shape) throws {
    let layers: Layers = [
      { try Conv2d($0, in: 3, out: 4, kernel: 1) }, { Looking(path: $0.path) },
      { try Conv2d($0, in: 4, out: 4, kernel: 1) }, { Looking(path: $0.path) },
    ]
    for name in ["net.0", "net.1", "net.2"] {
      let result = try diagnoses(
        of: layers, against: layers, input: [2, 3, 6, 4],
        recording: { entries in
          // Backwards, so that they are not the same elements under another shape.
          let values = try entries["activations/\(name)"]?.elements(as: Float.self).reversed() ?? []
          entries["activations/\(name)"] = try Tensor(
            Array(values.prefix(shape.elementCount)), shape: shape)
        })
      #expect(!result.passes)
      #expect(result.layer(name)?.status == .source)
      let words = ["recorded shape \(shape)", "recorded as \(Format.shape(shape.dimensions))"]
      #expect(words.contains { result.layer(name)?.reason?.contains($0) == true })
    }
  }

  /// The convolutions of the wrong stride, and nothing after them.
  @Test func strideIsNamedAndWhatFollowsInheritsIt() throws {
    let result = try diagnoses(
      of: Self.residual(stride: 1), against: Self.residual(stride: 2), input: [2, 3, 13, 9])
    #expect(result.causes.map(\.name) == ["net.0", "net.3"])
    #expect(result.statuses["net.1"] == .inherited)
    #expect(result.layer("net.1")?.isolated?.holds == true)
    #expect(result.statuses["net"] == .inherited)
    #expect(result.statuses["outputs/0"] == .inherited)
    let diagnosis = try #require(result.diagnoses.first)
    #expect(result.diagnoses.count == 1)
    #expect(diagnosis.certainty == .likely)
    #expect(diagnosis.best.cause.kind == .stride)
    #expect(diagnosis.best.cause.text == "stride 1 here, 2 in the reference")
    #expect(diagnosis.best.cause.fix == .code("give net.0 the stride 2"))
    #expect(diagnosis.alikeNames == ["net.3"])
    let report = TerminalReport().text(Verdict(model: "chain", result: result))
    #expect(report.contains("the same in net.3"))
    #expect(!report.contains("ratio nan"))
    let html = HTMLReport(Verdict(model: "chain", result: result), command: "").text
    #expect(html.contains("<h2>Why</h2>") && html.contains("The same in net.3."))
    #expect(html.contains("the noise ratio of net.0 is "))
    let junit = JUnitReport().text(Verdict(model: "chain", result: result))
    #expect(junit.contains("likely Conv2d stride 1 here, 2 in the reference"))
    #expect(junit.contains(">fix: give net.0 the stride 2</failure>"))
  }

  /// Samples cannot be handed on: what follows is not accused, and the stride is named all the same.
  @Test func strideIsNamedFromSamples() throws {
    let result = try diagnoses(
      of: Self.residual(stride: 1), against: Self.residual(stride: 2), input: [2, 3, 13, 9],
      isSampled: true)
    #expect(result.causes.map(\.name) == ["net.0"])
    #expect(result.layer("net.1")?.reason?.contains("net.0 has another shape") == true)
    #expect(first(result)?.0 == .stride)
    #expect(first(result)?.1 == .likely)
  }

  private struct Form: Sendable, CustomTestStringConvertible {
    let kind: Cause.Kind
    let here: @Sendable (WeightScope) throws -> any UnaryModule
    let there: @Sendable (WeightScope) throws -> any UnaryModule
    var testDescription: String { kind.rawValue }
  }

  private static let forms: [Form] = [
    Form(
      kind: .padding, here: { try Conv2d($0, in: 3, out: 4, kernel: 3) },
      there: { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1) }),
    Form(
      kind: .dilation, here: { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1) },
      there: { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1, dilation: 2) }),
    Form(
      kind: .dilation, here: { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1) },
      there: { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 2, dilation: 2) }),
    Form(
      kind: .stride, here: { MaxPool2d($0, kernel: 3, stride: 2) },
      there: { MaxPool2d($0, kernel: 3, stride: 3) }),
    Form(
      kind: .kernelSize, here: { AvgPool2d($0, kernel: 2) },
      there: { AvgPool2d($0, kernel: 3) }),
    Form(
      kind: .padding, here: { MaxPool2d($0, kernel: 3, stride: 1) },
      there: { MaxPool2d($0, kernel: 3, stride: 1, padding: 1) }),
    Form(
      kind: .outputSize, here: { AdaptiveAvgPool2d($0, outputSize: 1) },
      there: { AdaptiveAvgPool2d($0, outputSize: 2) }),
  ]

  @Test(arguments: forms) private func form(_ form: Form) throws {
    for (here, there) in [(form.here, form.there), (form.there, form.here)] {
      let result = try diagnoses(of: [here], against: [there], input: [2, 3, 12, 12])
      #expect(result.causes.map(\.name) == ["net.0"])
      #expect(first(result)?.0 == form.kind)
      #expect(first(result)?.1 == .likely)
    }
  }

  /// The shape alone names nothing: the recorded values must come out, too.
  @Test func shapeWithoutItsValuesIsNotExplained() throws {
    let net: Layers = [{ try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1) }]
    let other: Layers = [{ try Conv2d($0, in: 3, out: 4, kernel: 3, stride: 2, padding: 1) }]
    let result = try diagnoses(of: net, against: other, input: [2, 3, 8, 8]) { given in
      given["net.0.weight"] = try given["net.0.weight"]?.affine(scale: 1.5)
    }
    #expect(result.diagnoses.isEmpty)
    #expect(result.undiagnosed.map(\.description) == ["net.0"])
  }

  @Test func anotherModulesShapeIsNotExplained() throws {
    let result = try diagnoses(
      of: [{ Cropped(path: $0.path, rows: 4) }, { Tanh($0) }],
      against: [{ Cropped(path: $0.path, rows: 3) }, { Tanh($0) }], input: [2, 3, 5, 4])
    #expect(result.causes.map(\.name) == ["net.0"])
    #expect(result.diagnoses.isEmpty)
    let report = TerminalReport().text(Verdict(model: "chain", result: result))
    #expect(report.contains("none: no single change that was tried explains net.0"))
  }

  /// A model that cannot go on with the recorded shape is run on its own; what never had a recorded
  /// input of a fitting shape is not called a source.
  @Test func unfittingJoinLeavesLaterLayersInherited() throws {
    let result = try diagnoses(
      of: [{ try Joined($0, stride: 1) }, { Tanh($0) }],
      against: [{ try Joined($0, stride: 2) }, { Tanh($0) }], input: [2, 2, 6, 6])
    #expect(!result.handsOnOtherShapes)
    #expect(result.causes.map(\.name) == ["net.0.conv"])
    #expect(result.statuses["net.0.relu"] == .inherited)
    #expect(result.statuses["net.0"] == .inherited)
    #expect(result.statuses["net.1"] == .inherited)
    #expect(result.diagnoses.map(\.best.cause.kind) == [.stride])
  }

  @Test func withoutIsolationTheFirstShapeIsTheCause() throws {
    var entries = try RecordedEntries.toy()
    for name in ["blocks.0.fc", "blocks.0.relu"] {
      let recorded = try #require(entries["activations/\(name)"])
      entries["activations/\(name)"] = try recorded.narrowed(1, start: 0, length: 5).contiguous()
    }
    let result = try validate(against: entries) { $0.isolates = false }
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.statuses["blocks.0.relu"] == .inherited)
  }

  /// With no module in common, nothing is guessed.
  @Test func referenceOfAnotherNetworkIsCalledThat() throws {
    let result = try diagnoses(
      of: Self.residual(stride: 1), against: Self.residual(stride: 2), input: [2, 3, 8, 8]
    ) { _ in
    } recording: { entries in
      for index in entries.tensors.indices {
        entries.tensors[index].name = entries.tensors[index].name
          .replacing("activations/", with: "activations/other.")
      }
    }
    #expect(result.diagnoses.isEmpty)
    #expect(result.undiagnosed.isEmpty)
    #expect(result.notes.contains { $0.contains("is the reference of another network?") })
  }
}
