import Foundation
import Synchronization
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModels
import WeighbridgeModules

/// A checkpoint and a reference that PyTorch recorded with it.
struct RecordedRun {
  let architecture: AnyArchitecture
  let configuration: Configuration
  private let weights: any Checkpoint
  private let reference: any Checkpoint

  /// Opens both, takes the model and its configuration from the reference's metadata, and the rest
  /// from the checkpoint's shapes.
  init(weights: String?, reference: String) throws {
    self.reference = try Checkpoints.open(reference)
    self.weights = try weights.map { try Checkpoints.open($0) } ?? self.reference
    let text = try #require(self.reference.metadata["metadata"])
    let metadata = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let id = try #require(metadata["model"] as? String)
    architecture = try ArchitectureRegistry.builtIn.architecture(id)
    var shapes: [String: Shape] = [:]
    if weights != nil {
      for entry in self.weights.entries { shapes[entry.name] = entry.shape }
      let found = ArchitectureRegistry.builtIn.recognize(StateDictShapes(shapes))
      #expect(found.map { $0.id } == [id])
    }
    var configuration = architecture.defaults
    for (name, value) in try #require(metadata["config"] as? [String: Any]) {
      let key = try #require(architecture.keys.first { $0.name == name }, "no key \(name)")
      try configuration.set(name, RecordedRun.value(value, key), origin: .metadata)
    }
    try architecture.infer(&configuration, from: StateDictShapes(shapes))
    try architecture.check(configuration)
    self.configuration = configuration
  }

  private static func value(_ value: Any, _ key: ConfigurationKey) throws -> ConfigurationValue {
    switch key.kind {
    case .boolean: try .boolean(#require(value as? Bool))
    default: try key.parse("\(value)")
    }
  }

  /// How far one value of the model is from PyTorch's, in units of noise.
  struct Figure {
    var name: String
    /// Our float32 against the recorded float32, over the noise of both.
    var ratio: Double
    /// Our float64 against the recorded float32, over PyTorch's own noise: 1 for a right module.
    var oracleRatio: Double
  }

  /// Runs the model in float64 and float32, and unprobed, and compares every recorded value.
  func compare() throws -> [Figure] {
    let ledger = try WeightScope.describe(source: FileWeights(weights)) {
      try architecture.build($0, configuration)
    }
    if weights.path != reference.path {
      let wanted = Set(ledger.requests.map(\.name))
      let optional = Set(ledger.requests.filter(\.isOptional).map(\.name))
      let present = Set(weights.entries.map(\.name))
      #expect(wanted.subtracting(optional).subtracting(present) == [], "missing")
      #expect(present.subtracting(wanted) == [], "unexpected")
    }
    let oracle = try run(.float64, probed: true)
    let probed = try run(.float32, probed: true)
    let fused = try run(.float32, probed: false)
    let recorded = reference.entries.map(\.rawPath).filter {
      $0.hasPrefix("activations/") || $0.hasPrefix("outputs/")
    }
    #expect(Set(recorded) == Set(probed.keys), "the same modules are called, as often")
    return try recorded.compactMap { path in
      guard let exact = oracle[path], let got = probed[path] else { return nil }
      var figure = try figure(path, got: got, exact: exact)
      if let plain = fused[path] {
        figure.ratio = max(figure.ratio, try self.figure(path, got: plain, exact: exact).ratio)
      }
      return figure
    }
  }

  private func figure(_ path: String, got: Tensor, exact: Tensor) throws -> Figure {
    let expected = try reference.tensor(path)
    #expect(got.shape == expected.shape, "\(path)")
    guard got.shape == expected.shape else {
      return Figure(name: path, ratio: .infinity, oracleRatio: .infinity)
    }
    let (a, b) = (try expected.elements(as: Double.self), try got.elements(as: Double.self))
    let c = try exact.elements(as: Double.self)
    let noisePath = "noise/" + path.replacing("activations/", with: "", maxReplacements: 1)
    let noise = try reference.tensor(noisePath).elements(as: Double.self)[0]
    let floor = 0x1p-24 * rms(a, a.map { _ in 0 })
    return Figure(
      name: path, ratio: rms(a, b) / (noise + rms(b, c) + floor),
      oracleRatio: rms(a, c) / (noise + floor))
  }

  /// The model with its weights, and the recorded inputs.
  func bound(_ dtype: DType) throws -> (model: any Module, inputs: [Tensor]) {
    let model = try WeightScope.bind(FileWeights(weights), dtype: dtype) {
      try architecture.build($0, configuration)
    }
    let names = reference.entries.map(\.rawPath).filter { $0.hasPrefix("inputs/") }.sorted()
    let inputs = try names.map { name in
      let input = try reference.tensor(name)
      return input.dtype.isFloatingPoint ? try input.converted(to: dtype) : input
    }
    return (model, inputs)
  }

  private func run(_ dtype: DType, probed: Bool) throws -> [String: Tensor] {
    let (model, inputs) = try bound(dtype)
    let recorder = ActivationRecorder()
    let outputs =
      probed ? try ProbeRun.with(recorder) { try model.run(inputs) } : try model.run(inputs)
    var values = recorder.values.withLock { $0 }
    for (index, output) in outputs.enumerated() { values["outputs/\(index)"] = output }
    return values
  }
}

private func rms(_ a: [Double], _ b: [Double]) -> Double {
  guard !a.isEmpty else { return 0 }
  let sum = zip(a, b).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  return (sum / Double(a.count)).squareRoot()
}

/// A checkpoint whose names are the model's own.
private struct FileWeights: WeightSource {
  let checkpoint: any Checkpoint

  init(_ checkpoint: any Checkpoint) { self.checkpoint = checkpoint }

  func contains(_ name: String) -> Bool { checkpoint.entry(name) != nil }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    try checkpoint.tensor(request.name)
  }
}

/// Keeps every module's outputs under the names of a reference file.
final class ActivationRecorder: Probe {
  let values = Mutex<[String: Tensor]>([:])

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    guard !module.path.name.isEmpty else { return output }
    let tensors = output.tensors
    let suffix = call == 0 ? "" : "#\(call)"
    values.withLock { values in
      for (index, tensor) in tensors.enumerated() {
        let element = tensors.count == 1 ? "" : "/\(index)"
        values["activations/\(module.path.name)\(element)\(suffix)"] = tensor
      }
    }
    return output
  }
}
