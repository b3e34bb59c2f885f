import Foundation
import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeWeights

/// A module of a user's own.
private struct Net: Module {
  let path: ModulePath
  let fc: Linear

  init(_ w: WeightScope) throws {
    path = w.path
    fc = try Linear(w / "fc", in: 2, out: 3)
  }

  func forward(_ x: Tensor) throws -> Tensor { try fc(x) }
}

@Suite struct NativeLoadingTests {
  private let folder: TemporaryDirectory
  private let weight = Result { try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2]) }
  private let bias = Result { try Tensor([7, 8, 9] as [Float], shape: [3]) }

  init() throws { folder = try TemporaryDirectory() }

  private func file(
    _ tensors: [(name: String, tensor: Tensor)], architecture: String = "net",
    configuration: String = "{}"
  ) throws -> String {
    let path = folder.path("\(architecture)-\(tensors.count).safetensors")
    try NativeWeights.write(
      path, manifest: NativeManifest(architecture: architecture, configuration: configuration),
      tensors: tensors)
    return path
  }

  @Test func aModuleOfOnesOwnLoadsInOneLine() throws {
    let path = try file([("fc.weight", try weight.get()), ("fc.bias", try bias.get())])
    let net = try NativeWeights.load(path) { try Net($0) }
    #expect(try net.fc.weight.elements(as: Float.self) == [1, 2, 3, 4, 5, 6])
    #expect(try net.fc.bias?.elements(as: Float.self) == [7, 8, 9])
  }

  @Test func everythingThatDoesNotFitIsNamed() throws {
    let path = try file([("fc.weight", try bias.get()), ("head", try bias.get())])
    do {
      _ = try NativeWeights.load(path) { try Net($0) }
      Issue.record("it loaded")
    } catch let error as WeighbridgeError {
      #expect(error.code == .mapping)
      #expect(error.file == path)
      #expect(error.message.contains("fc.weight has shape [3], not [3, 2]"))
      #expect(error.message.contains("fc.bias is missing"))
      #expect(error.message.contains("head is unexpected"))
    }
  }

  @Test func theArchitectureIsTheFiles() throws {
    let tensors = [
      ("fc.0.weight", try Tensor([Float](repeating: 1, count: 32), shape: [2, 16])),
      ("fc.2.weight", try Tensor([Float](repeating: 2, count: 32), shape: [16, 2])),
    ]
    let path = try file(
      tensors, architecture: "se_layer", configuration: #"{"channel":16,"reduction":8}"#)
    let model = try NativeWeights.open(path).load(from: .builtIn)
    #expect(model is SELayer)
    for text in ["[]", #"{"nonsense":1}"#, "{"] {
      let bad = try file(tensors, architecture: "se_layer", configuration: text)
      #expect(throws: WeighbridgeError.self) {
        try NativeWeights.open(bad).load(from: .builtIn)
      }
    }
  }
}
