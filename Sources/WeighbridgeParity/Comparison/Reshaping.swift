import WeighbridgeModules

/// The same elements under another shape: unit axes more or less, axes joined or split, axes in another
/// order.
struct Reshaping: Sendable, Hashable {
  /// How elements of the two are paired. Axes are counted without those of extent 1.
  private enum Order: Hashable {
    /// One after the other in row-major order.
    case kept
    /// Ours are those of the recorded tensor with its axes so, in row-major order.
    case recordedPermuted([Int])
    /// The recorded ones are those of ours with its axes so, in row-major order.
    case oursPermuted([Int])
  }

  let recorded: Shape
  let ours: Shape
  private let order: Order

  /// The recorded axes in their order here, or ours in theirs, as they are when all units are dropped.
  private var permuted: Shape {
    switch order {
    case .kept: recorded
    case .recordedPermuted(let axes): Shape(axes.map { recorded.withoutUnits[$0] })
    case .oursPermuted(let axes): Shape(axes.map { ours.withoutUnits[$0] })
    }
  }

  /// Ours under the recorded shape, element beside element.
  ///
  /// - Throws: `shape` for a tensor of another shape than `ours`.
  func likeRecorded(_ tensor: Tensor) throws -> Tensor {
    switch order {
    case .kept: try tensor.reshaped(recorded.dimensions)
    case .recordedPermuted(let axes):
      try tensor.reshaped(permuted.dimensions).permuted(Self.inverse(axes))
        .reshaped(recorded.dimensions)
    case .oursPermuted(let axes):
      try tensor.reshaped(ours.withoutUnits.dimensions).permuted(axes)
        .reshaped(recorded.dimensions)
    }
  }

  /// A recorded tensor under our shape.
  ///
  /// - Throws: `shape` for a tensor of another shape than `recorded`.
  func likeOurs(_ tensor: Tensor) throws -> Tensor {
    switch order {
    case .kept: try tensor.reshaped(ours.dimensions)
    case .recordedPermuted(let axes):
      try tensor.reshaped(recorded.withoutUnits.dimensions).permuted(axes)
        .reshaped(ours.dimensions)
    case .oursPermuted(let axes):
      try tensor.reshaped(permuted.dimensions).permuted(Self.inverse(axes))
        .reshaped(ours.dimensions)
    }
  }

  /// The row-major position, in ours, of the element at a row-major position of the recorded tensor.
  fileprivate func place(_ position: Int) -> Int {
    switch order {
    case .kept: return position
    case .recordedPermuted(let axes):
      let index = recorded.withoutUnits.unravelled(position)
      return permuted.ravelled(axes.map { index[$0] })
    case .oursPermuted(let axes):
      let read = permuted.unravelled(position)
      var index = read
      for (place, axis) in axes.enumerated() { index[axis] = read[place] }
      return ours.withoutUnits.ravelled(index)
    }
  }

  private static func inverse(_ axes: [Int]) -> [Int] {
    axes.indices.sorted { axes[$0] < axes[$1] }
  }
}

extension Reshaping {
  /// What makes ours of the recorded tensor, as PyTorch writes it: `flatten(1)`,
  /// `permute(0, 2, 3, 1)`, `squeeze().permute(1, 0).reshape(2, 3, 1)`.
  var step: String {
    func call(_ name: String, _ numbers: [Int]) -> String {
      "\(name)(\(numbers.map(String.init).joined(separator: ", ")))"
    }
    func reshape(unless shape: Shape) -> String {
      shape == ours ? "" : "." + call("reshape", ours.dimensions)
    }
    switch order {
    case .kept:
      return flattening.map { call("flatten", $0) } ?? call("reshape", ours.dimensions)
    case .recordedPermuted(let axes):
      let squeeze = recorded.withoutUnits == recorded ? "" : "squeeze()."
      return squeeze + call("permute", axes) + reshape(unless: permuted)
    case .oursPermuted(let axes):
      let result = ours.withoutUnits
      return (permuted == recorded ? "" : call("reshape", permuted.dimensions) + ".")
        + call("permute", Self.inverse(axes)) + reshape(unless: result)
    }
  }

  /// What `flatten` is given where it joins neighbouring axes, at least one of them no unit.
  private var flattening: [Int]? {
    let joined = recorded.rank - ours.rank + 1
    guard joined > 1, ours.rank > 0 else { return nil }
    for first in 0..<ours.rank {
      let axes = first..<(first + joined)
      let product = axes.reduce(1) { $0 * recorded[$1] }
      if Array(recorded.prefix(first)) + [product] + Array(recorded.dropFirst(axes.upperBound))
        == ours.dimensions
      {
        return axes.upperBound == recorded.rank ? [first] : [first, axes.upperBound - 1]
      }
    }
    return nil
  }

  /// `recorded as 2×10×1×1, here 2×10: flatten(1) leads from one to the other`.
  var text: String {
    "recorded as \(Format.shape(recorded.dimensions)), here \(Format.shape(ours.dimensions)): "
      + "\(step) makes ours of it"
  }
}

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
  static func between(_ ours: Tensor, _ recorded: RecordedActivation) throws -> Reshaping? {
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
  /// The shape without axes of extent 1.
  fileprivate var withoutUnits: Shape { Shape(filter { $0 != 1 }) }

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

  /// The index on every axis of a row-major position.
  fileprivate func unravelled(_ position: Int) -> [Int] {
    Comparison.index(position, in: self)
  }

  /// The row-major position of an index.
  fileprivate func ravelled(_ index: [Int]) -> Int {
    zip(index, self).reduce(0) { $0 * $1.1 + $1.0 }
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
