import WeighbridgeReferences
import WeighbridgeTensors

extension Reshaping {
  /// Axes beyond these, without units, are not tried in another order.
  private static let rankLimit = 5
  /// How many elements are looked at to tell the orders apart.
  private static let probeCount = 1024
  /// The part of the recorded elements' energy that may be off where two tensors are called the same
  /// ones: how far they are from each other is judged afterwards.
  private static let energyLimit = 1.0 / 16

  /// How a recorded tensor of another shape and ours are the same elements; `nil` when they are not.
  ///
  /// With nothing but unit axes between them there is one way only, whatever the values.
  package static func between(_ ours: Tensor, _ recorded: RecordedActivation) throws -> Reshaping? {
    let (here, there) = (ours.shape, recorded.shape)
    guard here != there, here.elementCount == there.elementCount, here.elementCount > 0,
      !ours.isDescriptor
    else { return nil }
    if here.withoutUnits == there.withoutUnits {
      return Reshaping(recorded: there, ours: here, order: .kept)
    }
    let candidates = candidates(there, here)
    let packed = try ours.contiguous()
    let probes = try probes(recorded)
    guard !probes.isEmpty else { return nil }
    return try packed.withRawElements { base in
      let loader = BlockLoader(base, packed.dtype)
      let errors = candidates.map { candidate in
        relativeEnergy(probes) { loader.value(candidate.place($0)) }
      }
      guard let best = errors.indices.min(by: { errors[$0] < errors[$1] }),
        errors[best] <= energyLimit
      else { return nil }
      return candidates[best]
    }
  }

  /// Some recorded elements: their row-major positions and values.
  private static func probes(
    _ recorded: RecordedActivation
  ) throws -> [(position: Int, value: Double)] {
    let values: Tensor
    let position: (Int) -> Int
    switch recorded {
    case .whole(let tensor): (values, position) = (try tensor.contiguous(), { $0 })
    case .sampled(let samples):
      (values, position) = (try samples.values.contiguous(), { samples.indices[$0] })
    }
    let count = values.elementCount
    let taken = min(count, probeCount)
    return try values.withRawElements { base in
      let loader = BlockLoader(base, values.dtype)
      return (0..<taken).map { index in
        let place = taken == count ? index : Int(Double(index) / Double(taken) * Double(count))
        return (position(place), loader.value(place))
      }
    }
  }

  /// Σ (ours − recorded)² / Σ recorded²; infinite where one side alone is not finite.
  private static func relativeEnergy(
    _ probes: [(position: Int, value: Double)], _ ours: (Int) -> Double
  ) -> Double {
    var (error, energy) = (0.0, 0.0)
    for (position, value) in probes {
      let got = ours(position)
      if got == value || got.isNaN && value.isNaN { continue }
      error += (got - value) * (got - value)
      energy += value * value
    }
    if error == 0 { return 0 }
    return error.isFinite && energy > 0 ? error / energy : .infinity
  }

  /// Every way, the plainest first.
  private static func candidates(_ recorded: Shape, _ ours: Shape) -> [Reshaping] {
    let (there, here) = (recorded.withoutUnits, ours.withoutUnits)
    var found = [Reshaping(recorded: recorded, ours: ours, order: .kept)]
    func isKept(_ axes: [Int]) -> Bool { axes == Array(axes.indices) }
    if there.rank <= rankLimit {
      found += permutations(there.rank).filter { axes in
        !isKept(axes) && here.joinsNeighbours(of: axes.map { there[$0] })
      }.map { Reshaping(recorded: recorded, ours: ours, order: .recordedPermuted($0)) }
    }
    if here.rank <= rankLimit, here.rank > there.rank {
      found += permutations(here.rank).filter { axes in
        !isKept(axes) && there.joinsNeighbours(of: axes.map { here[$0] })
      }.map { Reshaping(recorded: recorded, ours: ours, order: .oursPermuted($0)) }
    }
    return found
  }

  private static func permutations(_ count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return permutations(count - 1).flatMap { rest in
      (0...rest.count).map { place in
        Array(rest[..<place]) + [count - 1] + Array(rest[place...])
      }
    }
  }
}

extension Shape {
  /// Whether these extents become this shape by joining neighbours.
  fileprivate func joinsNeighbours(of extents: [Int]) -> Bool {
    var rest = extents[...]
    for extent in self {
      var product = 1
      while product < extent, let next = rest.popFirst() { product *= next }
      guard product == extent else { return false }
    }
    return rest.isEmpty
  }
}

extension BlockLoader {
  /// One element in the order of memory.
  fileprivate func value(_ place: Int) -> Double {
    var value = 0.0
    withUnsafeMutablePointer(to: &value) { load(place, 1, into: $0) }
    return value
  }
}
