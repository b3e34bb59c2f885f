import Foundation
import TestSupport
import Testing
import WeighbridgeModules

/// A case of fixtures/operators/layers.json: a module of torch.nn with its parameters, and what it
/// returned in float64.
struct LayerFixture: Decodable, Sendable, CustomTestStringConvertible {
  struct Array: Decodable, Sendable {
    let shape: [Int]
    let values: String

    var numbers: [Double] { values.split(separator: " ").compactMap { Double($0) } }
  }

  let name: String
  let `operator`: String
  let options: [String: [Double]]
  let terms: Int
  let inputs: [String: Array]
  let output: Array

  var testDescription: String { "\(`operator`) \(name)" }

  static func load() throws -> [LayerFixture] {
    let file = Repository.fixtures.appending(path: "operators/layers.json")
    return try JSONDecoder().decode([LayerFixture].self, from: Data(contentsOf: file))
  }

  func integer(_ key: String) -> Int { options[key]?.first.map { Int($0) } ?? 0 }
  func flag(_ key: String) -> Bool { integer(key) != 0 }

  func tensor(_ name: String, _ dtype: DType) throws -> Tensor? {
    guard let array = inputs[name] else { return nil }
    return try Tensor(array.numbers.map { Float($0) }, shape: Shape(array.shape))
      .casted(to: name.hasPrefix("condition") ? .bool : dtype)
  }

  /// The parameters as a source to bind to.
  var weights: NamedTensors {
    get throws {
      var tensors: [String: Tensor] = [:]
      for name in inputs.keys where name.hasPrefix("p.") {
        tensors[String(name.dropFirst(2))] = try tensor(name, .float64)
      }
      return NamedTensors(tensors: tensors)
    }
  }

  /// Expects every element within a rounding error of as many terms as the layer sums, relative to its
  /// largest output.
  func expectMatch(_ result: Tensor, _ dtype: DType) throws {
    #expect(result.shape.dimensions == output.shape && result.dtype == dtype)
    let (got, expected) = (try result.elements(as: Double.self), output.numbers)
    try #require(got.count == expected.count)
    let roundoff = dtype == .float64 ? Double.ulpOfOne / 2 : Double(Float.ulpOfOne) / 2
    let scale = expected.map(abs).max() ?? 0
    let limit = (2 + Double(terms).squareRoot()) * roundoff * scale
    let worst = zip(got, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(worst <= limit, "\(testDescription), \(dtype): off by \(worst), limit \(limit)")
  }
}

/// Tensors by name.
struct NamedTensors: WeightSource {
  let tensors: [String: Tensor]

  func contains(_ name: String) -> Bool { tensors[name] != nil }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    guard let tensor = tensors[request.name] else {
      throw WeighbridgeError(.mapping, "there is no such parameter", entry: request.name)
    }
    return tensor
  }
}
