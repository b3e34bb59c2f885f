import TestSupport
import Testing

@testable import WeighbridgeTensors

/// Views and copies against a loop over indices.
@Suite struct ViewTests {
  /// A tensor as its definition: a shape, and the element at each position.
  private struct Model {
    var shape: [Int]
    var element: ([Int]) -> Int32

    var elements: [Int32] {
      let count = shape.reduce(1, *)
      return (0..<count).map { flat in
        var rest = flat
        var position = [Int](repeating: 0, count: shape.count)
        for axis in shape.indices.reversed() {
          position[axis] = rest % shape[axis]
          rest /= shape[axis]
        }
        return element(position)
      }
    }

    /// The same elements, in order, under another shape.
    func reshaped(_ other: [Int]) -> Model {
      let flat = elements
      return Model(shape: other) { position in
        flat[zip(position, other).reduce(0) { $0 * $1.1 + $1.0 }]
      }
    }
  }

  private func start(_ shape: [Int]) throws -> (Tensor, Model) {
    let values = (0..<shape.reduce(1, *)).map { Int32($0) }
    let tensor = try Tensor(values, shape: Shape(shape))
    return (
      tensor,
      Model(shape: shape) { position in
        values[zip(position, shape).reduce(0) { $0 * $1.1 + $1.0 }]
      }
    )
  }

  /// One random step: the same on a tensor and on its model.
  private func step(
    _ tensor: Tensor, _ model: Model, _ random: inout SplitMix
  ) throws -> (Tensor, Model) {
    let shape = model.shape
    guard let axis = shape.indices.randomElement(using: &random) else { return (tensor, model) }
    let old = model.element
    switch Int.random(in: 0..<9, using: &random) {
    case 0:
      let order = shape.indices.shuffled(using: &random)
      return (
        try tensor.permuted(order),
        Model(shape: order.map { shape[$0] }) { position in
          var source = position
          for (new, axis) in order.enumerated() { source[axis] = position[new] }
          return old(source)
        }
      )
    case 1:
      let first = Int.random(in: 0..<shape[axis], using: &random)
      let length = Int.random(in: 1...(shape[axis] - first), using: &random)
      var narrow = shape
      narrow[axis] = length
      return (
        try tensor.narrowed(axis, start: first, length: length),
        Model(shape: narrow) { position in
          var source = position
          source[axis] += first
          return old(source)
        }
      )
    case 2:
      let stride = Int.random(in: 1...3, using: &random)
      let first = Int.random(in: 0..<shape[axis], using: &random)
      var narrow = shape
      narrow[axis] = (shape[axis] - first + stride - 1) / stride
      return (
        try tensor.strided(axis, start: first, step: stride),
        Model(shape: narrow) { position in
          var source = position
          source[axis] = first + position[axis] * stride
          return old(source)
        }
      )
    case 3:
      return (
        try tensor.flipped(axis),
        Model(shape: shape) { position in
          var source = position
          source[axis] = shape[axis] - 1 - position[axis]
          return old(source)
        }
      )
    case 4:
      let merged = shape.count > 1 ? [shape[0] * shape[1]] + shape.dropFirst(2) : [1] + shape
      return (try tensor.reshaped(merged), model.reshaped(merged))
    case 5:
      guard let factor = (2...5).first(where: { shape[axis] % $0 == 0 }) else {
        return (tensor, model)
      }
      let split = shape[..<axis] + [factor, shape[axis] / factor] + shape[(axis + 1)...]
      return (try tensor.reshaped(Array(split)), model.reshaped(Array(split)))
    case 6:
      return (
        try Tensor.concatenated([tensor, tensor], axis: axis),
        {
          var double = shape
          double[axis] *= 2
          return Model(shape: double) { position in
            var source = position
            source[axis] %= shape[axis]
            return old(source)
          }
        }()
      )
    case 7:
      var wide = shape
      wide[axis] += 3
      let amounts = shape.indices.map { $0 == axis ? (before: 1, after: 2) : (0, 0) }
      return (
        try tensor.padded(amounts),
        Model(shape: wide) { position in
          var source = position
          source[axis] -= 1
          return source[axis] >= 0 && source[axis] < shape[axis] ? old(source) : 0
        }
      )
    default:
      return (
        try tensor.contiguous(Bool.random(using: &random) ? .channelsLast : .contiguous), model
      )
    }
  }

  @Test(arguments: 0..<40)
  func randomStepsMatchIndices(_ seed: Int) throws {
    var random = SplitMix(seed: UInt64(seed))
    let shape = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      Int.random(in: 1...7, using: &random)
    }
    var (tensor, model) = try start(shape)
    for _ in 0..<6 {
      (tensor, model) = try step(tensor, model, &random)
      let flat = model.elements
      guard flat.count < 20_000 else { return }
      let fixed = Model(shape: model.shape) { [shape = model.shape] position in
        flat[zip(position, shape).reduce(0) { $0 * $1.1 + $1.0 }]
      }
      model = fixed
      #expect(tensor.shape.dimensions == model.shape)
      #expect(try tensor.elements(as: Int32.self) == flat, "seed \(seed)")
    }
  }

  /// Transpositions larger than a tile and runs longer than a piece, in every element size.
  @Test(arguments: [DType.uint8, .int16, .float32, .float64])
  func largeCopies(_ dtype: DType) throws {
    for (shape, order) in [
      ([67, 131], [1, 0]), ([2, 3, 70, 65], [0, 2, 3, 1]), ([2, 70, 65, 3], [0, 3, 1, 2]),
      ([5, 1, 1031], [2, 0, 1]), ([3, 33, 35, 2], [3, 1, 2, 0]),
    ] {
      let values = (0..<shape.reduce(1, *)).map { Int16($0 % 199 - 99) }
      let base = try Tensor(values, shape: Shape(shape))
      let x: Tensor =
        switch dtype {
        case .uint8: try Tensor(values.map { UInt8(truncatingIfNeeded: $0) }, shape: Shape(shape))
        case .int16: base
        default: try base.converted(to: dtype)
        }
      let moved = try x.permuted(order)
      let copy = try moved.contiguous()
      #expect(copy.isContiguous)
      // Back in the first order both must read alike.
      var back = order
      for (position, axis) in order.enumerated() { back[axis] = position }
      let returned = try copy.permuted(back).contiguous()
      try returned.withUnsafeBytes { got in
        try x.withUnsafeBytes { expected in #expect(got.elementsEqual(expected), "\(shape)") }
      }
      #expect(try bytes(copy, at: [0]) == bytes(x, at: [0]))
    }
    let long = try Tensor((0..<300_001).map { Float($0) }, shape: [300_001])
    #expect(
      try long.flipped(0).elements(as: Float.self) == (0..<300_001).reversed().map { Float($0) })
    #expect(
      try long.strided(0, start: 1, step: 2).elements(as: Float.self)
        == stride(from: 1, to: 300_001, by: 2).map { Float($0) })
  }

  private func bytes(_ tensor: Tensor, at index: [Int]) throws -> [UInt8] {
    try tensor.withUnsafeBytes { Array($0.prefix(tensor.dtype.byteCount)) }
  }

  @Test func formats() throws {
    let x = try Tensor((0..<120).map { Float($0) }, shape: [2, 3, 4, 5])
    #expect(x.preferredFormat == .contiguous)
    let last = try x.contiguous(.channelsLast)
    #expect(last.strides == [60, 1, 15, 3])
    #expect(last.preferredFormat == .channelsLast)
    #expect(try last.elements(as: Float.self) == x.elements(as: Float.self))
    // A part of a channels-last image is one too.
    #expect(try last.narrowed(1, start: 1, length: 2).preferredFormat == .channelsLast)
    #expect(try last.narrowed(2, start: 1, length: 2).preferredFormat == .channelsLast)
    #expect(try last.narrowed(1, start: 1, length: 1).preferredFormat == .contiguous)
    #expect(try last.padded([(1, 1), (0, 2)]).preferredFormat == .channelsLast)
    #expect(try Tensor.concatenated([last, last], axis: 1).preferredFormat == .channelsLast)
    #expect(try x.permuted([0, 2, 3, 1]).preferredFormat == .contiguous)
    #expect(try last.converted(to: .float64).preferredFormat == .channelsLast)
  }

  @Test func viewsShareStorage() throws {
    let x = try Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
    #expect(try x.reshaped([6, -1]).storage === x.storage)
    #expect(try x.permuted([2, 0, 1]).storage === x.storage)
    // Merging axes that step evenly needs no copy, others do.
    #expect(try x.narrowed(0, start: 1, length: 1).reshaped([12]).storage === x.storage)
    #expect(try x.transposed(1, 2).reshaped([24]).storage !== x.storage)
    #expect(try x.contiguous().storage === x.storage)
    #expect(try x.expanded(to: [5, 2, 3, 4]).strides == [0, 12, 4, 1])
  }

  @Test func refusals() throws {
    let x = try Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
    let failures: [() throws -> Tensor] = [
      { try x.permuted([0, 1]) }, { try x.permuted([0, 1, 1]) }, { try x.permuted([0, 1, 3]) },
      { try x.narrowed(1, start: 2, length: 2) }, { try x.narrowed(1, start: -1, length: 1) },
      { try x.narrowed(1, start: 1, length: -1) }, { try x.strided(1, start: 3, step: 1) },
      { try x.strided(1, start: 0, step: 0) }, { try x.selected(0, 2) }, { try x.squeezed(1) },
      { try x.unsqueezed(4) }, { try x.expanded(to: [2, 3]) }, { try x.expanded(to: [2, 3, 5]) },
      { try x.reshaped([5, 5]) }, { try x.reshaped([-1, 5]) }, { try x.reshaped([-1, -1]) },
      { try x.reshaped([-2, -12]) }, { try x.split(2, axis: 1)[0] }, { try x.split(0, axis: 0)[0] },
      { try x.padded([(-1, 0)]) }, { try x.padded([(0, 0), (0, 0), (0, 0), (0, 0)]) },
      { try Tensor.concatenated([], axis: 0) }, { try Tensor.concatenated([x], axis: 3) },
      { try Tensor.concatenated([x, x.transposed()], axis: 0) },
      { try Tensor.concatenated([x, x.converted(to: .float64)], axis: 0) },
      { try x.flipped(3) }, { try x.flattened(from: 2, through: 1) },
      { try Tensor([Float(1)], shape: [2]) },
      { try Tensor(describing: .float32, shape: [2, 3]).transposed().contiguous() },
      { try x.expanded(to: [1 << 40, 1 << 20, 2, 3, 4]) }, { try x.reshaped([1 << 62, 8]) },
      { try x.padded([(Int.max, 1)]) }, { try x.padded([(1 << 40, 0), (0, 1 << 40)]) },
      { try Tensor(repeating: Float(0), shape: [1 << 40, 1 << 40]) },
      { try Tensor(repeating: Float(0), shape: [-1]) },
      {
        try Tensor(shape: [1 << 61, 2]) { (_: UnsafeMutableBufferPointer<Float>) in }
      },
    ]
    for (index, failure) in failures.enumerated() {
      let error = #expect(throws: WeighbridgeError.self, "case \(index)") { _ = try failure() }
      #expect(error?.code == .shape, "case \(index)")
    }
  }

  @Test func shapesFromFilesAreChecked() {
    for dimensions in [[-1], [Int.max], [1 << 40, 1 << 40], [0, 1 << 62, 4], [Int.max, 0]] {
      let error = #expect(throws: WeighbridgeError.self) {
        _ = try Shape.validated(dimensions, dtype: .float32)
      }
      #expect(error?.code == .malformed)
    }
  }
}

@Suite struct ExpandedCopyTests {
  /// A channels-last image repeated over the batch without copying, then packed.
  @Test func aBroadcastBatchIsCopiedWhole() throws {
    let (height, width, channels) = (5, 4, 36)
    let count = height * width * channels
    let rows = try Tensor((0..<count).map { Float($0) }, shape: [1, height, width, channels])
    let images = try rows.permuted([0, 3, 1, 2]).expanded(to: [8, channels, height, width])
    for _ in 0..<3 {
      // Freed buffers full of NaN, so that an element that is never written shows.
      _ = try Tensor(shape: [8 * count]) { (buffer: UnsafeMutableBufferPointer<Float>) in
        buffer.update(repeating: .nan)
      }
      let packed = try images.packedCopy().elements(as: Float.self)
      for (place, value) in packed.enumerated() {
        let (image, rest) = place.quotientAndRemainder(dividingBy: count)
        let (channel, pixel) = rest.quotientAndRemainder(dividingBy: height * width)
        #expect(value == Float(pixel * channels + channel), "image \(image)")
      }
    }
  }

  /// The order of axes in which one tensor is another, of all that there are.
  @Test func axesInAnotherOrder() throws {
    let shape: Shape = [2, 3, 2, 3]
    let tensor = try Tensor((0..<36).map { Int32($0 * 7 % 36) }, shape: shape)
    for order in [[0, 1, 3, 2], [2, 1, 0, 3], [2, 3, 0, 1], [3, 2, 1, 0], [1, 3, 0, 2]] {
      #expect(try tensor.axisOrder(giving: tensor.permuted(order)) == order)
      #expect(try tensor.axisOrder(giving: tensor.permuted(order).contiguous()) == order)
    }
    #expect(try tensor.axisOrder(giving: tensor) == nil)
    var values = try tensor.permuted([2, 3, 0, 1]).elements(as: Int32.self)
    values[35] += 1
    #expect(try tensor.axisOrder(giving: Tensor(values, shape: [2, 3, 2, 3])) == nil)
    let line = try Tensor((0..<36).map { Int32($0) }, shape: [36])
    #expect(try line.axisOrder(giving: line) == nil && line.axisOrder(giving: tensor) == nil)
    let empty = try Tensor([Float](), shape: [0, 3])
    #expect(try empty.axisOrder(giving: Tensor([Float](), shape: [3, 0])) == nil)
  }
}
