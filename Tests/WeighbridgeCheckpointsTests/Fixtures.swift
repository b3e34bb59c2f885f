import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// The committed checkpoints and what `tools/make-format-fixtures` says they hold.
enum Fixtures {
  static let root = Repository.fixtures.appending(path: "formats")

  static func path(_ name: String) -> String { root.appending(path: name).path }

  struct Expected: Decodable, Sendable {
    let dtype: String
    let shape: [Int]
    let values: [Value]
  }

  /// A number; integers beyond 2⁵³ exactly, and those that JSON has not as text.
  enum Value: Decodable, Sendable {
    case signed(Int64)
    case unsigned(UInt64)
    case float(Double)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Bool.self) {
        self = .signed(value ? 1 : 0)
      } else if let value = try? container.decode(Int64.self) {
        self = .signed(value)
      } else if let value = try? container.decode(UInt64.self) {
        self = .unsigned(value)
      } else if let value = try? container.decode(Double.self) {
        self = .float(value)
      } else {
        self = .float(try #require(Double(container.decode(String.self))))
      }
    }

    var double: Double {
      switch self {
      case .signed(let value): Double(value)
      case .unsigned(let value): Double(value)
      case .float(let value): value
      }
    }
  }

  struct Refusal: Decodable, Sendable {
    let code: String
    let says: String
  }

  static func load<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
    try JSONDecoder().decode(T.self, from: Data(contentsOf: root.appending(path: name)))
  }

  static let expected = try? load("expected.json", as: [String: [String: Expected]].self)
  static let hostile = try? load("hostile.json", as: [String: Refusal].self)

  /// Reads every tensor of a checkpoint.
  static func readAll(_ path: String) throws -> [String: Tensor] {
    let checkpoint = try Checkpoints.open(path)
    let names = checkpoint.entries.map(\.name)
    return Dictionary(
      uniqueKeysWithValues: zip(names, try checkpoint.tensors(names)))
  }
}

extension Tensor {
  /// Holds the tensor against what NumPy saw.
  func expect(_ expected: Fixtures.Expected, _ name: String) throws {
    #expect(dtype.rawValue == expected.dtype, "\(name)")
    #expect(shape.dimensions == expected.shape, "\(name)")
    guard dtype.isFloatingPoint else {
      if dtype == .uint64 {
        let values = expected.values.map { value in
          if case .unsigned(let wide) = value { wide } else { UInt64(value.double) }
        }
        #expect(try elements(as: UInt64.self) == values, "\(name)")
      } else {
        let values = expected.values.map { value in
          if case .signed(let exact) = value { exact } else { Int64(value.double) }
        }
        #expect(try elements(as: Int64.self) == values, "\(name)")
      }
      return
    }
    let got = try elements(as: Double.self)
    #expect(got.count == expected.values.count, "\(name)")
    for (got, expected) in zip(got, expected.values.map(\.double)) {
      #expect(got == expected || got.isNaN && expected.isNaN, "\(name)")
    }
  }
}
