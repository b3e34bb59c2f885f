import TestSupport
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeNetwork
import WeighbridgePort
import WeighbridgeReferences

/// A network of `fixtures/networks`, written in Swift.
enum PortedFixture {
  static func port(_ name: String) throws -> PortedPackage {
    let reference = Repository.fixture("networks/\(name)_reference.npz")
    let network = try Network(of: Checkpoints.open(reference))
    let recording = try Reference(path: reference)
    let architecture = AnyArchitecture(id: "recorded", summary: "") {
      try RecordedNetwork($0, network, isLenient: true)
    }
    let plan = try Loader(ArchitectureRegistry([architecture])).plan(
      Checkpoints.open(Repository.fixture("networks/\(name).npz")), model: "recorded")
    return try PortedPackage(
      network, model: plan.bind(), inputs: recording.inputs(),
      recorded: { path, call in
        recording.keys.filter { $0.path.name == path && $0.call == call }
          .compactMap { recording.description(of: $0) }
          .compactMap { try? Tensor.zeros($0.shape, dtype: $0.dtype) }
      }, name: name, library: "/weighbridge", reference: reference)
  }

  /// A network of this text, whose parameters are ones.
  static func port(text: String, inputs: [Tensor]) throws -> PortedPackage {
    var text = text
    let network = try text.withUTF8 {
      try Network(json: UnsafeRawBufferPointer($0)) { _ in try Tensor.ones([2]) }
    }
    let model = try WeightScope.bind(Ones()) { try RecordedNetwork($0, network, isLenient: true) }
    return try PortedPackage(
      network, model: model, inputs: inputs, recorded: { _, _ in [] }, name: "net",
      library: "/weighbridge", reference: "net.npz")
  }
}

/// Every parameter that is asked for, of ones.
private struct Ones: WeightSource {
  func contains(_ name: String) -> Bool { true }

  func tensor(for request: ParameterRequest) throws -> Tensor { try Tensor.ones(request.shape) }
}

extension PortedPackage {
  /// The sources of the library as one text.
  var sources: String {
    files.filter { $0.path.hasPrefix("Sources/\(name)/") }.map(\.text).joined(separator: "\n")
  }

  /// The sources without string literals and comments.
  var bareSources: String {
    sources.split(separator: "\n").map { line in
      let parts = String(line).replacing("\\\"", with: "").split(
        separator: "\"", omittingEmptySubsequences: false)
      let code = parts.enumerated().filter { $0.offset % 2 == 0 }.map { String($0.element) }
        .joined(separator: "\"\"")
      return code.split(separator: "//", omittingEmptySubsequences: false).first.map(String.init)
        ?? ""
    }.joined(separator: "\n")
  }
}
