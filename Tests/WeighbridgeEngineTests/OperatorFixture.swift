import Foundation
import TestSupport
import Testing
import WeighbridgeEngine

/// A case of fixtures/operators: inputs, and what PyTorch returned for them in float64.
struct OperatorFixture: Decodable, Sendable, CustomTestStringConvertible {
  struct Array: Decodable, Sendable {
    let shape: [Int]
    let values: String

    var numbers: [Double] { values.split(separator: " ").compactMap { Double($0) } }

    /// Inputs are written with the nine digits that tell every float32 apart.
    func tensor(_ dtype: DType) throws -> Tensor {
      let exact = values.split(separator: " ").compactMap { Float($0) }
      return try Tensor(exact, shape: Shape(shape)).converted(to: dtype)
    }
  }

  let name: String
  let `operator`: String
  let options: [String: [Double]]
  /// A mode or an equation.
  let text: String?
  /// How many terms the longest sum of the definition has.
  let terms: Int
  let inputs: [String: Array]
  let output: Array
  /// Σ|term| of each output's sum; where it is absent, the output's own absolute value.
  let magnitude: Array?

  var testDescription: String { "\(`operator`) \(name)" }

  static func load(_ family: String) throws -> [OperatorFixture] {
    let folder = Repository.fixtures.appending(path: "operators")
    let data = try Data(contentsOf: folder.appending(path: "\(family).json"))
    return try JSONDecoder().decode([OperatorFixture].self, from: data)
  }

  func integers(_ key: String) -> [Int] { (options[key] ?? []).map { Int($0) } }
  /// The greatest float64 stands for infinity, which JSON has not.
  func numbers(_ key: String) -> [Double] {
    (options[key] ?? []).map {
      abs($0) == .greatestFiniteMagnitude ? Double(signOf: $0, magnitudeOf: .infinity) : $0
    }
  }
  func integer(_ key: String) -> Int { integers(key).first ?? 0 }
  func flag(_ key: String) -> Bool { integer(key) != 0 }
  func number(_ key: String) -> Double { numbers(key).first ?? 0 }
  func pair(_ key: String) -> Pair<Int> {
    let values = integers(key)
    return Pair(values.first ?? 0, values.last ?? 0)
  }
}

/// Which kernels a test runs: every suite of operators runs on all of them.
enum TestedEngine: String, CaseIterable, Sendable {
  case plainFloat64, plainFloat32, fastFloat32

  var dtype: DType { self == .plainFloat64 ? .float64 : .float32 }

  func run<R>(_ body: () throws -> R) rethrows -> R {
    try Engines.$usesPlainKernels.withValue(self != .fastFloat32, operation: body)
  }

  /// The unit in the last place of 1, halved: what one rounding may cost, relatively.
  var roundoff: Double {
    dtype == .float64 ? Double.ulpOfOne / 2 : Double(Float.ulpOfOne) / 2
  }
}

/// How an image lies in memory.
enum TestedLayout: String, CaseIterable, Sendable {
  case contiguous, channelsLast
  /// A part of a larger image, so that nothing is dense.
  case window
  /// A part of the channels of a channels-last image.
  case channelWindow
  /// On odd bytes.
  case unaligned

  func arrange(_ x: Tensor) throws -> Tensor {
    if self == .unaligned { return try x.unaligned() }
    guard x.rank == 4 else {
      guard self == .window, x.rank > 0 else { return x }
      return try x.padded([(2, 1)]).narrowed(-1, start: 2, length: x.shape[x.rank - 1])
    }
    switch self {
    case .contiguous: return try x.contiguous()
    case .channelsLast: return try x.contiguous(.channelsLast)
    case .window:
      return try x.padded([(1, 0), (2, 1)]).narrowed(2, start: 1, length: x.shape[2])
        .narrowed(3, start: 2, length: x.shape[3])
    case .channelWindow:
      return try x.padded([(1, 2), (0, 0), (0, 0)]).contiguous(.channelsLast)
        .narrowed(1, start: 1, length: x.shape[1])
    case .unaligned: return try x.unaligned()
    }
  }
}

extension OperatorFixture {
  /// Expects every element within (2 + √terms) roundings of Σ|terms|, a bound that the random
  /// rounding errors of a sum keep with a wide margin and that a wrong formula does not; NaN and
  /// infinities exactly.
  func expectMatch(_ result: Tensor, _ engine: TestedEngine, _ layout: TestedLayout) throws {
    #expect(result.shape.dimensions == output.shape)
    #expect(result.dtype == engine.dtype)
    let (got, expected) = (try result.elements(as: Double.self), output.numbers)
    let scale = magnitude?.numbers ?? expected.map(abs)
    try #require(got.count == expected.count && scale.count == expected.count)
    let factor = (2 + Double(terms).squareRoot()) * engine.roundoff
    // Results below the smallest normal number lose digits.
    let tiny = engine.dtype == .float64 ? Double.leastNormalMagnitude : 0x1p-126
    for index in got.indices {
      let limit = factor * scale[index] + tiny
      guard !agrees(got[index], expected[index], limit, engine) else { continue }
      Issue.record(
        """
        \(testDescription), \(engine), \(layout): element \(index) is \(got[index]), \
        expected \(expected[index]) ± \(limit)
        """)
      return
    }
  }

  private func agrees(
    _ got: Double, _ expected: Double, _ limit: Double, _ engine: TestedEngine
  ) -> Bool {
    if expected.isNaN { return got.isNaN }
    // What float64 still holds may be infinite in float32.
    if engine.dtype == .float32, abs(expected) > Double(Float.greatestFiniteMagnitude) {
      return got.isInfinite && (got < 0) == (expected < 0)
    }
    return got == expected || abs(got - expected) <= limit
  }
}
