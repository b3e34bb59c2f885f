import WeighbridgeMapping
import WeighbridgeTensors

/// How a tensor of a file is read as a parameter of another shape or order of axes: HWIO as OIHW,
/// [in, out] as [out, in], a matrix as a 1×1 kernel.
struct Reading: Sendable, Hashable {
  enum Step: Sendable, Hashable {
    case permute([Int])
    case reshape([Int])
  }

  var steps: [Step] = []

  /// The tensor as it is.
  static let plain = Reading()

  func apply(to tensor: Tensor) throws -> Tensor {
    try steps.reduce(tensor) { tensor, step in
      switch step {
      case .permute(let axes): try tensor.permuted(axes)
      case .reshape(let extents): try tensor.reshaped(extents)
      }
    }
  }

  /// Whether values change places: a reshape alone leaves them in their order.
  var movesValues: Bool {
    steps.contains { step in
      if case .permute = step { true } else { false }
    }
  }

  func rules(on name: String) -> [Rule] {
    steps.map { step in
      switch step {
      case .permute(let axes): Rule(.permute(.exact(name), axes: axes))
      case .reshape(let extents): Rule(.reshape(.exact(name), shape: extents))
      }
    }
  }
}

extension Reading: CustomStringConvertible {
  var description: String {
    steps.map { step in
      switch step {
      case .permute(let axes): "permute \(axes)"
      case .reshape(let extents): "reshape \(extents)"
      }
    }.joined(separator: ", ")
  }
}

extension Reading {
  /// More axes than any layout has.
  private static let largestRank = 5

  /// Every way to read one shape as another that keeps whole axes together, the plain one first. Axes
  /// of one element count for nothing.
  static func ways(from found: Shape, to wanted: Shape) -> [Reading] {
    guard found.elementCount == wanted.elementCount else { return [] }
    let (inner, outer) = (found.filter { $0 != 1 }, wanted.filter { $0 != 1 })
    guard inner.count <= largestRank, outer.count <= largestRank else {
      return found == wanted ? [.plain] : []
    }
    var ways: [Reading] = []
    if inner.count == outer.count {
      for axes in orders(inner.count) where axes.map({ inner[$0] }) == outer {
        ways.append(reading(found, as: inner, axes, wanted))
      }
    } else if outer.count == 2, inner.count > 2 {
      // A kernel as the matrix of its flattened windows.
      for axes in orders(inner.count) where inner[axes[0]] == outer[0] {
        ways.append(reading(found, as: inner, axes, wanted))
      }
    } else if inner.count == 2, outer.count > 2 {
      ways += unflattened(found, inner, outer, wanted)
    }
    var seen: Set<Reading> = []
    return ways.filter { seen.insert($0).inserted }
  }

  /// A matrix of flattened windows as a kernel.
  private static func unflattened(
    _ found: Shape, _ inner: [Int], _ outer: [Int], _ wanted: Shape
  ) -> [Reading] {
    var ways: [Reading] = []
    for rest in orders(outer.count - 1) {
      // The extents of the windows' axes as the matrix has them.
      let window = rest.map { outer[1 + $0] }
      let back = (0..<window.count).map { axis in rest.firstIndex(of: axis) ?? axis }
      if inner[0] == outer[0] {
        ways.append(
          reading(found, as: [outer[0]] + window, [0] + back.map { $0 + 1 }, wanted))
      }
      if inner[1] == outer[0] {
        ways.append(
          reading(found, as: window + [outer[0]], [window.count] + back, wanted))
      }
    }
    return ways
  }

  private static func reading(
    _ found: Shape, as extents: [Int], _ axes: [Int], _ wanted: Shape
  ) -> Reading {
    guard axes != Array(axes.indices) else {
      return found == wanted ? .plain : Reading(steps: [.reshape(wanted.dimensions)])
    }
    var steps: [Step] = []
    if found.dimensions != extents { steps.append(.reshape(extents)) }
    steps.append(.permute(axes))
    if axes.map({ extents[$0] }) != wanted.dimensions { steps.append(.reshape(wanted.dimensions)) }
    return Reading(steps: steps)
  }

  /// The orders of so many axes, the given one first.
  private static func orders(_ count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    let all = orders(count - 1).flatMap { shorter in
      (0..<count).map { place in
        var longer = shorter
        longer.insert(count - 1, at: count - 1 - place)
        return longer
      }
    }
    return all
  }
}

/// A tensor of the file, or some of its rows, as a parameter or some of its rows.
struct Piece: Sendable, Hashable {
  /// The position in the catalogue.
  var source: Int
  var reading: Reading
  /// Which rows of what is read, where the file has several parameters in one tensor.
  var part: Part?

  struct Part: Sendable, Hashable {
    var index: Int
    var count: Int
  }
}

/// What a parameter is made of, from its first row to its last: one piece in most files, several where
/// the file has queries, keys and values apart.
typealias Filling = [Piece]
