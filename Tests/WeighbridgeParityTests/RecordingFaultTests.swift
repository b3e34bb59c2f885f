import Foundation
import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeDiagnosis
@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// The network of `tools/make-recording-fixtures`.
private struct Network: Module {
  let path: ModulePath
  let stem: Conv2d, conv: Conv2d
  let norm1: BatchNorm, norm2: BatchNorm
  let act1: ReLU, act2: ReLU
  let drop: Identity
  let fc: Linear

  init(_ w: WeightScope) throws {
    path = w.path
    stem = try Conv2d(w / "stem", in: 3, out: 6, kernel: 3, padding: 1, bias: .absent)
    norm1 = try BatchNorm(w / "norm1", channels: 6)
    act1 = ReLU(w / "act1")
    conv = try Conv2d(w / "conv", in: 6, out: 6, kernel: 3, padding: 1, bias: .absent)
    norm2 = try BatchNorm(w / "norm2", channels: 6)
    act2 = ReLU(w / "act2")
    drop = Identity.dropout(w / "drop")
    fc = try Linear(w / "fc", in: 180, out: 7)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try act1(norm1(stem(x)))
    let z = try act2(norm2(conv(y)) + y)
    return try fc(drop(z.flattened(from: 1)))
  }
}

/// Its attention, without the mask that is on everything.
private struct Attention: Module {
  let path: ModulePath
  let query: Linear, out: Linear
  let softmax: Softmax

  init(_ w: WeightScope) throws {
    path = w.path
    query = try Linear(w / "query", in: 6, out: 6)
    softmax = Softmax(w / "softmax", axis: -1)
    out = try Linear(w / "out", in: 6, out: 4)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var mask = [Float](repeating: 0, count: 15)
    mask[13] = -.infinity
    mask[14] = -.infinity
    let scores = try query(x).matmul(x.transposed()) + Tensor(mask, shape: [3, 1, 5])
    return try out(softmax(scores).matmul(x))
  }
}

/// relu(x)², without a module for the rectifier.
private struct RectifiedSquare: Module {
  let path: ModulePath

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try x.activated(.relu)
    return try y * y
  }
}

/// Recordings that are wrong, of networks that are right: the recording is blamed.
@Suite struct RecordingFaultTests {
  private func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../fixtures/recordings/\(name).npz").standardized.path
  }

  private func validated(
    _ name: String, changing change: (inout [String: Tensor]) throws -> Void = { _ in }
  ) throws -> ParityResult {
    var given = try Weights.load(path("weights")) { w in try Given(w) }.tensors
    try change(&given)
    let source = DrawnWeights(given: given)
    func load(_ dtype: DType) throws -> Network {
      try WeightScope.bind(source, dtype: dtype) { try Network($0) }
    }
    return try Validator(Reference(path: path(name))).validate(load(.float32)) {
      try load(.float64)
    }
  }

  /// The network's tensors by name.
  private struct Given: Module {
    let path: ModulePath
    var tensors: [String: Tensor] = [:]

    init(_ w: WeightScope) throws {
      path = w.path
      let network = try Network(w)
      let layers: [any ParameterizedModule] = [
        network.stem, network.norm1, network.conv, network.norm2, network.fc,
      ]
      for layer in layers {
        for parameter in layer.parameters {
          tensors[(layer.path / parameter.name).name] = parameter.tensor
        }
      }
    }

    func forward(_ x: Tensor) throws -> Tensor { x }
  }

  @Test func rightRecordingHasNoFaults() throws {
    let result = try validated("healthy")
    #expect(result.passes)
    #expect(result.diagnoses.isEmpty)
  }

  @Test func hooksThatKeptNoCopy() throws {
    let result = try validated("in_place")
    #expect(!result.passes)
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .recordingInPlace)
    #expect(diagnosis.certainty == .likely)
    #expect(diagnosis.layer == "norm1")
    #expect(diagnosis.best.cause.text.contains("those after act1, which changed them"))
    #expect(diagnosis.alike.map(\.layer) == ["norm2"])
    #expect(diagnosis.best.cause.fix.text.contains("clone()"))
    #expect(result.diagnoses.count == 1)
    // It is right on its own results; what it reads was recorded after it.
    #expect(result.layer("act2")?.status == .inherited)
    #expect(result.causes.map(\.path) == ["norm1", "norm2"])
  }

  /// A function in place that has no module of its own.
  @Test func rectifierInPlaceWithoutAModule() throws {
    let net: Layers = [{ try BatchNorm($0, channels: 5) }, { RectifiedSquare(path: $0.path) }]
    let result = try diagnoses(of: net, against: net, input: [2, 5, 4, 3]) { _ in
    } recording: { entries in
      entries["activations/net.0"] = try entries["activations/net.0"]?.activated(.relu)
    }
    #expect(first(result)?.0 == .recordingInPlace)
    #expect(result.diagnoses.first?.layer == "net.0")
    #expect(result.diagnoses.first?.best.cause.text.contains("a relu in place") == true)
  }

  /// The same signs in a network that is wrong blame the network.
  @Test func wrongLayersOfRightRecordingsAreBlamed() throws {
    let result = try validated("healthy") { given in
      given["norm1.running_var"] = try given["norm1.running_var"]?.mapped(.squareRoot)
    }
    #expect(first(result)?.0 == .parameterForm)
    let swapped = try validated("healthy") { given in
      (given["norm1.weight"], given["norm2.weight"]) = (
        given["norm2.weight"], given["norm1.weight"]
      )
    }
    #expect(first(swapped)?.0 == .tensorsSwapped)
  }

  @Test func trainingMode() throws {
    let result = try validated("training")
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .recordingTrainMode)
    #expect(diagnosis.certainty == .likely)
    #expect(diagnosis.layer == "norm1")
    #expect(diagnosis.best.cause.text.hasPrefix("all 2 recorded batch norms have"))
    #expect(diagnosis.alike.map(\.layer) == ["drop"])
    #expect(diagnosis.alike.first?.best.cause.text.contains("drops 50 %") == true)
    #expect(result.diagnoses.count == 1)
  }

  @Test func valuesUnderAnothersName() throws {
    let result = try validated("names")
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .recordingNames)
    #expect(diagnosis.best.cause.text == "what is recorded as conv is what norm2 returns")
    #expect(
      diagnosis.alike.map(\.best.cause.text) == ["what is recorded as norm2 is what conv returns"])
  }

  @Test func whatASecondRunDidNotRepeat() throws {
    let result = try validated("chance")
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .recordingNotRepeatable)
    #expect(diagnosis.layer == "drop")
  }

  @Test func rowsThatAreMaskedWhole() throws {
    let weights = path("attention_weights")
    let result = try Validator(Reference(path: path("masked"))).validate(
      Weights.load(weights) { try Attention($0) }
    ) { try Weights.load(weights, dtype: .float64) { try Attention($0) } }
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .recordingMaskedRows)
    #expect(diagnosis.layer == "softmax")
    #expect(diagnosis.best.cause.text.hasPrefix("5 of 15 recorded rows of softmax are NaN"))
  }

  // MARK: Signs by themselves

  @Test func dropoutIsToldByItsZerosAndItsFactor() throws {
    let x = (1...64).map { Float($0) / 8 }
    let input = try Tensor(x, shape: [4, 16])
    func share(_ output: (Int) -> Float) throws -> Double? {
      RecordingSigns.droppedShare(
        of: input, in: try Tensor(x.indices.map(output), shape: [4, 16]))
    }
    #expect(try share { $0 % 2 == 0 ? 0 : 2 * x[$0] } == 0.5)
    // A quarter is dropped, and the rest enlarged as if half were.
    #expect(try share { $0 % 8 == 0 ? 0 : 2 * x[$0] } == nil)
    #expect(try share { $0 % 2 == 0 ? 0 : x[$0] } == nil)
    #expect(try share { $0 % 2 == 0 ? 0 : 2 * x[$0] + ($0 == 33 ? 0.1 : 0) } == nil)
    #expect(try share { 2 * x[$0] } == nil)
  }

  @Test func rowsOfNaNAreWholeOnes() throws {
    func rows(_ values: [Float]) throws -> Int? {
      try Tensor(values, shape: [3, 2]).rowsOfNaN?.masked
    }
    #expect(try rows([1, 2, .nan, .nan, 3, 4]) == 1)
    #expect(try rows([1, 2, .nan, 0, 3, 4]) == nil)
    #expect(try rows([.nan, .nan, .nan, .nan, .nan, .nan]) == nil)
    #expect(try rows([1, 2, 3, 4, 5, 6]) == nil)
  }

  @Test func batchStatisticsAreThoseOfTheParameters() throws {
    func norm(_ weight: [Float], _ bias: [Float]) throws -> [ModuleParameter] {
      [
        .init("weight", .vector, try Tensor(weight, shape: [2])),
        .init("bias", .vector, try Tensor(bias, shape: [2])),
      ]
    }
    // Two channels of four values each: means 1 and −2, deviations 2 and 0.5.
    let output = try Tensor(
      [3, -1, -1.5, -2.5, 3, -1, -1.5, -2.5] as [Float], shape: [2, 2, 2])
    #expect(RecordingSigns.isNormalized(output, try norm([2, -0.5], [1, -2])))
    #expect(!RecordingSigns.isNormalized(output, try norm([2.1, 0.5], [1, -2])))
    #expect(!RecordingSigns.isNormalized(output, try norm([2, 0.5], [1.1, -2])))
    #expect(!RecordingSigns.isNormalized(output, try norm([1.9, 0.5], [1, -2])))
  }

  /// Right outputs and one layer that nothing explains: perhaps it is the recording.
  @Test func layerThatDiffersThoughTheOutputsAreRight() throws {
    let net: Layers = [{ try Linear($0, in: 6, out: 5) }, { Tanh($0) }]
    let result = try diagnoses(of: net, against: net, input: [4, 6]) { _ in
    } recording: { entries in
      var values = try #require(entries["activations/net.0"]).elements(as: Float.self)
      for index in values.indices { values[index] *= Float(1 + 0.1 * Double(index % 7)) }
      entries["activations/net.0"] = try Tensor(values, shape: [4, 5])
    }
    #expect(!result.passes)
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .recordingSuspect)
    #expect(diagnosis.certainty == .suggestion)
    #expect(diagnosis.layer == "net.0")
  }
}
