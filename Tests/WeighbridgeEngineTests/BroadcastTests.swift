import Testing
import WeighbridgeEngine

/// Broadcasting arithmetic over every mixture of layouts, against a loop over indices.
@Suite struct BroadcastTests {
  /// The shapes of a pair that broadcasts; long axes are divided between threads.
  static let pairs: [(Shape, Shape)] = [
    ([], []), ([3], []), ([2, 3], [3]), ([2, 1], [1, 3]), ([4, 1, 5], [2, 1]),
    ([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 5], [3, 1, 1]), ([2, 3, 4, 5], [2, 1, 1, 5]),
    ([1, 3, 1, 5], [2, 1, 4, 1]), ([2, 40_001], [2, 1]), ([3, 2, 20_011], [20_011]),
    ([0, 3], [1, 3]), ([2, 0, 4], []), ([2, 70, 5, 4], [2, 70, 1, 1]),
  ]

  @Test(arguments: pairs, TestedLayout.allCases)
  func matchesIndexLoop(_ shapes: (Shape, Shape), _ layout: TestedLayout) throws {
    let a = try layout.arrange(ramp(shapes.0, 0.5))
    let b = try ramp(shapes.1, -0.25)
    for (x, y) in [(a, b), (b, a)] {
      let difference = try (x - y).elements(as: Double.self)
      #expect(try difference == expected(x, y), "\(x.shape) and \(y.shape), \(layout)")
    }
  }

  @Test(arguments: [DType.float32, .float64])
  func viewsAsOperands(_ dtype: DType) throws {
    let x = try ramp([4, 5, 6], 1).converted(to: dtype)
    let views = [
      try x.permuted([2, 0, 1]), try x.narrowed(1, start: 1, length: 3),
      try x.strided(2, start: 1, step: 2), try x.selected(0, 2).expanded(to: [3, 5, 6]),
      try x.flipped(1),
    ]
    for view in views {
      #expect(
        try
          (view
          - x.selected(0, 0).narrowed(0, start: 0, length: 1)
          .narrowed(1, start: 0, length: 1)).elements(as: Double.self)
          == view.elements(as: Double.self))
      #expect(
        try view.affine(scale: 2, shift: 1).elements(as: Double.self)
          == view.elements(as: Double.self).map { 2 * $0 + 1 })
      #expect(
        try (view + view).elements(as: Double.self)
          == view.elements(as: Double.self).map { $0 + $0 })
    }
  }

  private func ramp(_ shape: Shape, _ step: Double) throws -> Tensor {
    try Tensor((0..<shape.elementCount).map { Double($0) * step }, shape: shape)
  }

  /// x − y, element by element.
  private func expected(_ x: Tensor, _ y: Tensor) throws -> [Double] {
    let shape = try x.shape.broadcast(with: y.shape)
    let (left, right) = (try x.elements(as: Double.self), try y.elements(as: Double.self))
    func index(_ position: [Int], in other: Shape) -> Int {
      let lead = shape.rank - other.rank
      return zip(other.indices, other.contiguousStrides).reduce(0) { sum, axis in
        sum + (other[axis.0] == 1 ? 0 : position[axis.0 + lead]) * axis.1
      }
    }
    return (0..<shape.elementCount).map { flat in
      var rest = flat
      var position = [Int](repeating: 0, count: shape.rank)
      for axis in shape.indices.reversed() {
        position[axis] = rest % shape[axis]
        rest /= shape[axis]
      }
      return left[index(position, in: x.shape)] - right[index(position, in: y.shape)]
    }
  }
}
