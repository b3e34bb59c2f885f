import Foundation
import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

/// A published state dict: its names in order, with shapes, dtypes and kinds.
struct KeyList {
  struct Entry: Hashable, CustomStringConvertible {
    var name: String
    var shape: [Int]
    var dtype: String
    var isBuffer: Bool

    var description: String { "\(name) \(shape) \(dtype) \(isBuffer ? "B" : "P")" }
  }

  var entries: [Entry]

  var shapes: StateDictShapes {
    StateDictShapes(
      Dictionary(entries.map { ($0.name, Shape($0.shape)) }, uniquingKeysWith: { a, _ in a }))
  }

  /// The list `fixtures/keys/<name>.txt`.
  init(_ name: String) throws {
    let text = try String(
      contentsOf: KeyList.folder.appending(path: "\(name).txt"), encoding: .utf8)
    entries = try text.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t")
      try #require(fields.count == 4, "\(name): \(line)")
      let shape = fields[1].split { !$0.isNumber }.compactMap { Int($0) }
      return Entry(
        name: String(fields[0]), shape: shape, dtype: String(fields[2]), isBuffer: fields[3] == "B")
    }
  }

  init(_ entries: [Entry]) {
    self.entries = entries
  }

  /// Every list there is.
  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
  }

  private static let folder = Repository.fixtures.appending(path: "keys")
}

extension KeyList {
  /// What an architecture wants, as a list of the same form.
  init(_ ledger: Ledger) {
    entries = ledger.requests.map {
      Entry(
        name: $0.name, shape: $0.shape.dimensions, dtype: $0.role == .counter ? "int64" : "float32",
        isBuffer: $0.isBuffer)
    }
  }

  /// Which of the source's names exist, for optional parameters.
  var source: some WeightSource { Names(names: Set(entries.map(\.name))) }
}

/// Answers which names there are, and has no values.
private struct Names: WeightSource {
  var names: Set<String>

  func contains(_ name: String) -> Bool { names.contains(name) }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    Tensor(describing: .float32, shape: request.shape)
  }
}

extension AnyArchitecture {
  /// The configuration that a state dict shows, with some values given.
  func configuration(
    _ shapes: StateDictShapes = StateDictShapes([:]), _ given: [String: ConfigurationValue] = [:]
  ) throws -> Configuration {
    var configuration = defaults
    for (name, value) in given { try configuration.set(name, value, origin: .given) }
    try infer(&configuration, from: shapes)
    try check(configuration)
    return configuration
  }

  /// What the architecture wants under some configuration.
  func ledger(
    _ given: [String: ConfigurationValue] = [:], source: (any WeightSource)? = nil
  ) throws -> Ledger {
    let configuration = try configuration(StateDictShapes([:]), given)
    return try WeightScope.describe(source: source) { try build($0, configuration) }
  }
}

extension Architecture {
  /// The configuration that a state dict shows, with some values given.
  static func configuration(
    _ shapes: StateDictShapes = StateDictShapes([:]), _ given: [String: ConfigurationValue] = [:]
  ) throws -> Configuration {
    try AnyArchitecture(Self.self).configuration(shapes, given)
  }

  /// What the architecture wants under some configuration.
  static func ledger(
    _ given: [String: ConfigurationValue] = [:], source: (any WeightSource)? = nil
  ) throws -> Ledger {
    try AnyArchitecture(Self.self).ledger(given, source: source)
  }
}

/// The error of an expression that must throw one of Weighbridge's.
func weighbridgeError(_ body: () throws -> some Any) throws -> WeighbridgeError {
  do {
    _ = try body()
  } catch let error as WeighbridgeError {
    return error
  }
  throw NoError()
}

struct NoError: Error, CustomStringConvertible {
  var description: String { "nothing was thrown" }
}
