import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// Recorded values that have another shape than ours.
@Suite struct ReshapedTests {
  private static var net: Layers {
    [
      { try Conv2d($0, in: 3, out: 6, kernel: 3, padding: 1) }, { ReLU($0) },
      { AdaptiveAvgPool2d($0, outputSize: Pair(4, 5)) },
      { try Conv2d($0, in: 6, out: 4, kernel: 1) },
    ]
  }

  private struct Form: Sendable, CustomTestStringConvertible {
    let name: String
    let step: String
    let change: @Sendable (Tensor) throws -> Tensor
    var testDescription: String { "\(name) \(step)" }
  }

  /// How the recorded tensor of a module may stand in the file, and what makes ours of it.
  private static let forms: [Form] = [
    Form(name: "net.0", step: "flatten(0, 1)") { try $0.reshaped([2, 1, 6, 7, 9]) },
    Form(name: "net.0", step: "reshape(2, 6, 7, 9)") { try $0.reshaped([2, 6, 63]) },
    Form(name: "net.1", step: "permute(0, 3, 1, 2)") { try $0.permuted([0, 2, 3, 1]) },
    Form(name: "net.1", step: "permute(0, 3, 2, 1)") { try $0.permuted([0, 3, 2, 1]) },
    Form(name: "net.2", step: "reshape(2, 4, 5, 6).permute(0, 3, 1, 2)") {
      try $0.permuted([0, 2, 3, 1]).reshaped([2, 20, 6])
    },
    Form(name: "net.2", step: "squeeze().permute(1, 0, 2, 3)") {
      try $0.permuted([1, 0, 2, 3]).reshaped([6, 2, 1, 4, 5])
    },
    Form(name: "net.3", step: "reshape(2, 4, 4, 5)") { try $0.reshaped([160]) },
    Form(name: "net", step: "permute(0, 3, 1, 2)") { try $0.permuted([0, 2, 3, 1]) },
    Form(name: "outputs/0", step: "permute(3, 2, 1, 0)") { try $0.permuted([3, 2, 1, 0]) },
  ]

  private func result(
    _ form: Form, isSampled: Bool = false,
    changing change: (inout [String: Tensor]) throws -> Void = { _ in },
    finish: (Tensor) throws -> Tensor = { $0 }
  ) throws -> ParityResult {
    try diagnoses(
      of: Self.net, against: Self.net, input: [2, 3, 7, 9], isSampled: isSampled, changing: change
    ) { entries in
      let entry = form.name.hasPrefix("outputs/") ? form.name : "activations/\(form.name)"
      let recorded = try #require(entries[entry])
      entries[entry] = try finish(form.change(recorded).contiguous())
    }
  }

  /// Named with both shapes and the step, judged on its values, a warning unless everything is wanted.
  @Test(arguments: forms) private func sameValues(_ form: Form) throws {
    var result = try self.result(form)
    #expect(result.passes)
    let layer = try #require(result.layer(form.name))
    #expect(layer.status == .reshaped)
    #expect(layer.reshaping?.step == form.step)
    #expect(layer.reason?.contains(form.step) == true)
    #expect((layer.cumulative?.judgement.ratio ?? .infinity) <= 1)
    for other in result.layers + result.outputs where other.name != form.name {
      #expect(other.status == .ok, "\(other.name)")
    }
    let verdict = Verdict(model: "chain", result: result)
    #expect(Headline.line(verdict).contains("1 reshaped"))
    #expect(TerminalReport(width: 200).text(verdict).contains("recorded as "))
    #expect(JUnitReport().text(verdict).contains("<system-out>reshaped: recorded as "))
    #expect(HTMLReport(verdict, command: "").text.contains("s-reshaped"))
    #expect(verdict.json.text().contains("\"status\":\"reshaped\""))
    result.requiresAll = true
    #expect(!result.passes)
  }

  /// Values that are wrong under another shape are a failure like any other.
  @Test(arguments: forms) private func wrongValues(_ form: Form) throws {
    let result = try self.result(form, finish: { try $0.affine(shift: 0.01).contiguous() })
    #expect(!result.passes)
    #expect(result.layer(form.name)?.status.isFailure == true)
    #expect(result.layer(form.name)?.reason?.contains(form.step) == true)
  }

  /// Ours is wrong there: the layer is the source, and what follows worked on the recorded values.
  @Test(arguments: forms.prefix(2)) private func wrongLayer(_ form: Form) throws {
    let result = try self.result(form) { given in
      given["net.0.bias"] = try given["net.0.bias"]?.affine(shift: 0.1)
    }
    #expect(result.causes.map(\.name) == ["net.0"])
    #expect(result.statuses["net.1"] == .inherited)
    #expect(result.layer("net.1")?.isolated?.holds == true)
  }

  /// What follows an error inherits it, whatever the shape.
  @Test(arguments: forms.suffix(7)) private func inheritedError(_ form: Form) throws {
    let result = try self.result(form) { given in
      given["net.0.weight"] = try given["net.0.weight"]?.affine(scale: -1)
    }
    #expect(result.causes.map(\.name) == ["net.0"])
    #expect(result.layer(form.name)?.status == .inherited)
  }

  /// A diagnosis works on recorded values of our shape.
  @Test func theCauseIsFoundThroughAnotherShape() throws {
    let net: Layers = [
      { try Linear($0, in: 6, out: 6) }, { try LayerNorm($0, features: 6, epsilon: 1e-5) },
    ]
    let other: Layers = [
      { try Linear($0, in: 6, out: 6) }, { try LayerNorm($0, features: 6, epsilon: 1e-3) },
    ]
    let result = try diagnoses(of: net, against: other, input: [4, 6]) { _ in
    } recording: { entries in
      for name in ["net.0", "net.1"] {
        entries["activations/\(name)"] = try entries["activations/\(name)"]?.reshaped([2, 2, 6])
      }
    }
    #expect(result.causes.map(\.name) == ["net.1"])
    #expect(result.statuses["net.0"] == .reshaped)
    #expect(first(result)?.0 == .layerNormEpsilon)
  }

  /// Samples are paired where they lie; the sums are those of the same runs of elements.
  @Test func samplesUnderAnotherShape() throws {
    for form in Self.forms where form.name != "outputs/0" && form.name != "net.3" {
      let result = try self.result(form, isSampled: true)
      #expect(result.passes, "\(form)")
      #expect(result.layer(form.name)?.status == .reshaped, "\(form)")
    }
  }

  /// A multiset of the same values in no such order is something else.
  @Test func shuffledValuesStayAFailure() throws {
    let form = Form(name: "net.1", step: "") { try $0.reshaped([2, 6, 63]) }
    let result = try self.result(
      form,
      finish: { tensor in
        try Tensor(tensor.elements(as: Float.self).reversed(), shape: tensor.shape)
      })
    #expect(result.statuses["net.1"] == .source)
    #expect(result.layer("net.1")?.reshaping == nil)
  }
}
