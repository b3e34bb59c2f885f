import WeighbridgeModules
import WeighbridgeTensors

/// A parameter that a layer asks for.
struct Wanted: Sendable, Hashable {
  /// The full name.
  var name: String
  var role: ParameterRole
  var shape: Shape
}

/// What one layer's recorded input and output tell of its parameters.
protocol LayerProblem: Sendable {
  var path: ModulePath { get }
  var wanted: [Wanted] { get }
  /// Whether an attempt costs runs of the layer: those wait until others have their tensors.
  var isCostly: Bool { get }
  /// Tries the tensors that are free, as many as its work allows.
  ///
  /// - Throws: What reading a tensor throws.
  func solve(_ pool: Pool) throws -> Outcome
}

extension LayerProblem {
  var isCostly: Bool { false }
}

/// What came of it.
enum Outcome: Sendable {
  /// The ways in which the layer gives what was recorded, and what the recording does not tell.
  case solved(Solutions)
  /// More ways than the work is bounded to; fewer are left once other layers have theirs.
  case tooMany(Int)
}

/// The assignments of a layer's parameters that give its recorded output.
struct Solutions: Sendable {
  var assignments: [[String: Filling]]
  /// Parameters of which the recorded values say nothing, and why.
  var untold: [String: String] = [:]
}

/// Errors of candidates, and which of them are accepted.
enum Acceptance {
  /// The largest relative error of a right candidate: float32's rounding is far below, a wrong
  /// tensor's error is of the size of the values.
  static let limit = 1e-4
  /// Below this an error is rounding whoever made it.
  private static let floor = 2e-7
  /// How much smaller than another's the error of the right one is, where both are small: copies of one
  /// network that differ little.
  private static let margin = 10.0

  /// Those that are accepted.
  static func accepted<Value>(_ candidates: [(value: Value, error: Double)]) -> [Value] {
    let good = candidates.filter { $0.error <= limit }
    guard let least = good.map(\.error).min() else { return [] }
    let bar = max(least, floor) * margin
    return good.filter { $0.error <= bar }.map(\.value)
  }
}

extension Pool {
  /// The fillings of a shape whose rows pass a test: one tensor, else several joined, else a part of
  /// one.
  ///
  /// - Parameter error: The relative error of a piece as the rows from `start` on; `nil` where it is
  ///   out of the question.
  func fillings(
    _ shape: Shape, error: (_ piece: Piece, _ start: Int) throws -> Double?
  ) throws -> [Filling] {
    let whole = try accepted(wholes(shape), start: 0, error)
    guard whole.isEmpty else { return whole.map { [$0] } }
    let part = try accepted(parts(shape), start: 0, error)
    guard part.isEmpty, shape.rank > 0 else { return part.map { [$0] } }
    for count in 2...Pool.largestPartCount where shape[0] > count && shape[0] % count == 0 {
      var extents = shape.dimensions
      extents[0] /= count
      let candidates = wholes(Shape(extents))
      guard candidates.count >= count else { continue }
      var joined: [Filling] = [[]]
      for block in 0..<count where !joined.isEmpty {
        let found = try accepted(candidates, start: block * extents[0], error)
        joined = joined.flatMap { lead in found.map { lead + [$0] } }.filter { allows([$0]) }
        guard joined.count <= 64 else { return [] }
      }
      if !joined.isEmpty { return joined }
    }
    return []
  }

  private func accepted(
    _ pieces: [Piece], start: Int, _ error: (Piece, Int) throws -> Double?
  ) throws -> [Piece] {
    try Acceptance.accepted(
      pieces.compactMap { piece in
        meter.count()
        return try error(piece, start).map { (value: piece, error: $0) }
      })
  }
}
