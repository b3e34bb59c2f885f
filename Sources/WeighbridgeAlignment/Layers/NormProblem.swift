import WeighbridgeModules
import WeighbridgeTensors

/// A norm, channel by channel: y = s·x + t, where s = γ/√(σ² + ε) and t = β − μ·s for a batch norm's
/// running statistics, and s = γ, t = β for a norm that takes its input's own, x then being the
/// normalised input.
struct NormProblem: LayerProblem {
  let path: ModulePath
  let scale: Wanted
  let shift: Wanted
  /// The running statistics of a batch norm.
  let statistics: Statistics?
  /// For each channel the two samples that are farthest apart.
  let samples: [Samples]

  struct Statistics: Sendable {
    var mean: Wanted
    var variance: Wanted
    var epsilon: Double
  }

  /// x and y of two positions.
  struct Samples: Sendable {
    var low: (x: Double, y: Double)
    var high: (x: Double, y: Double)

    /// dy/dx, and how far rounding may be off; `nil` where x does not vary.
    var slope: (value: Double, error: Double)? {
      let span = high.x - low.x
      guard span > 1e-3 * max(abs(high.x), abs(low.x)), span.isFinite else { return nil }
      let value = (high.y - low.y) / span
      let size = abs(high.y) + abs(low.y) + abs(value) * (abs(high.x) + abs(low.x))
      return (value, NormProblem.rounding * size / span)
    }
  }

  /// What float32 may be off by, relative to what was added up.
  private static let rounding = 4e-6
  /// The most assignments that are kept.
  private static let largest = 256

  var wanted: [Wanted] {
    [scale, shift] + (statistics.map { [$0.mean, $0.variance] } ?? [])
  }

  func solve(_ pool: Pool) throws -> Outcome {
    let vectors = try pool.wholes(scale.shape).map { piece in
      pool.meter.count()
      return Vector(
        piece: piece,
        values: try pool.catalog.tensor(piece).elements(as: Float.self).map(Double.init))
    }
    let order = channelOrder
    guard samples.contains(where: { $0.slope != nil }) || samples.contains(where: { $0.low.y != 0 })
    else {
      let reason = "what was recorded of the norm is zero throughout"
      return .solved(
        Solutions(
          assignments: [],
          untold: Dictionary(wanted.map { ($0.name, reason) }) { first, _ in first }))
    }
    var found: [[String: Filling]] = []
    let scales = scales(vectors, order)
    // A list that was cut short proves nothing.
    guard scales.count <= Self.largest else { return .tooMany(scales.count) }
    for (slopes, own) in scales {
      pool.meter.count()
      let shifts = shifts(vectors, slopes, order)
      guard shifts.count <= Self.largest else { return .tooMany(shifts.count) }
      for (pair, lead) in shifts {
        let assignment = own.merging(pair.merging(lead) { $1 }) { $1 }
        guard pool.allows(assignment.values) else { continue }
        found.append(assignment)
        guard found.count <= Self.largest else { return .tooMany(found.count) }
      }
    }
    return .solved(Solutions(assignments: found))
  }

  private struct Vector {
    var piece: Piece
    var values: [Double]
  }

  /// The channels whose slope is best known first, so that wrong tensors are out at once.
  private var channelOrder: [Int] {
    samples.indices.sorted { a, b in
      quality(samples[a]) > quality(samples[b])
    }
  }

  private func quality(_ samples: Samples) -> Double {
    guard let slope = samples.slope else { return 0 }
    return abs(slope.value) / max(slope.error, .leastNormalMagnitude)
  }

  /// The slopes that scales (and variances) give, of those that fit.
  private func scales(
    _ vectors: [Vector], _ order: [Int]
  ) -> [(slopes: [Double], assignment: [String: Filling])] {
    guard let statistics else {
      return vectors.filter { vector in
        order.allSatisfy { fits(vector.values[$0], $0) }
      }.map { ($0.values, [scale.name: [$0.piece]]) }
    }
    var found: [([Double], [String: Filling])] = []
    for variance in vectors where variance.values.allSatisfy({ $0 >= 0 }) {
      let roots = variance.values.map { ($0 + statistics.epsilon).squareRoot() }
      for gamma in vectors {
        guard order.allSatisfy({ fits(gamma.values[$0] / roots[$0], $0) }) else { continue }
        found.append(
          (
            zip(gamma.values, roots).map { $0 / $1 },
            [scale.name: [gamma.piece], statistics.variance.name: [variance.piece]]
          ))
        if found.count > Self.largest { return found }
      }
    }
    return found
  }

  private func fits(_ slope: Double, _ channel: Int) -> Bool {
    guard let known = samples[channel].slope else { return true }
    return abs(slope - known.value) <= known.error + Self.rounding * abs(slope)
  }

  /// What is added, of what fits.
  private func shifts(
    _ vectors: [Vector], _ slopes: [Double], _ order: [Int]
  ) -> [([String: Filling], [String: Filling])] {
    guard let statistics else {
      return vectors.filter { beta in
        order.allSatisfy { gives(slopes[$0], mean: 0, shift: beta.values[$0], $0) }
      }.map { ([shift.name: [$0.piece]], [:]) }
    }
    var found: [([String: Filling], [String: Filling])] = []
    for mean in vectors {
      for beta in vectors {
        guard
          order.allSatisfy({
            gives(slopes[$0], mean: mean.values[$0], shift: beta.values[$0], $0)
          })
        else { continue }
        found.append(([shift.name: [beta.piece]], [statistics.mean.name: [mean.piece]]))
        if found.count > Self.largest { return found }
      }
    }
    return found
  }

  private func gives(_ slope: Double, mean: Double, shift: Double, _ channel: Int) -> Bool {
    [samples[channel].low, samples[channel].high].allSatisfy { sample in
      let difference = (sample.x - mean) * slope + shift - sample.y
      let size = abs(sample.x * slope) + abs(mean * slope) + abs(shift) + abs(sample.y)
      return abs(difference) <= 2 * Self.rounding * size
    }
  }
}
