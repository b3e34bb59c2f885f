import WeighbridgeTensors

/// The same elements under another shape: unit axes more or less, axes joined or split, axes in another
/// order.
package struct Reshaping: Sendable, Hashable {
  /// How elements of the two are paired. Axes are counted without those of extent 1.
  package enum Order: Sendable, Hashable {
    /// One after the other in row-major order.
    case kept
    /// Ours are those of the recorded tensor with its axes so, in row-major order.
    case recordedPermuted([Int])
    /// The recorded ones are those of ours with its axes so, in row-major order.
    case oursPermuted([Int])
  }

  package let recorded: Shape
  package let ours: Shape
  package let order: Order

  package init(recorded: Shape, ours: Shape, order: Order) {
    (self.recorded, self.ours, self.order) = (recorded, ours, order)
  }

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
  package func likeRecorded(_ tensor: Tensor) throws -> Tensor {
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
  package func likeOurs(_ tensor: Tensor) throws -> Tensor {
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
  package func place(_ position: Int) -> Int {
    switch order {
    case .kept: return position
    case .recordedPermuted(let axes):
      let index = recorded.withoutUnits.index(of: position)
      return permuted.position(of: axes.map { index[$0] })
    case .oursPermuted(let axes):
      let read = permuted.index(of: position)
      var index = read
      for (place, axis) in axes.enumerated() { index[axis] = read[place] }
      return ours.withoutUnits.position(of: index)
    }
  }

  private static func inverse(_ axes: [Int]) -> [Int] {
    axes.indices.sorted { axes[$0] < axes[$1] }
  }
}

extension Reshaping {
  /// What makes ours of the recorded tensor, as PyTorch writes it: `flatten(1)`,
  /// `permute(0, 2, 3, 1)`, `squeeze().permute(1, 0).reshape(2, 3, 1)`.
  package var step: String {
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
}

extension Shape {
  /// The shape without axes of extent 1.
  package var withoutUnits: Shape { Shape(filter { $0 != 1 }) }
}
