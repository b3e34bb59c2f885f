extension Vocabulary {
  /// Tensors joined, and in parts.
  static let joining: [Function] = [
    .tensor("cat(tensors, dim)") { a in
      try joined(a) { try Tensor.concatenated($0, axis: a.integer("dim", default: 0)) }
    },
    .tensor("stack(tensors, dim)") { a in
      try joined(a, leavingOutEmpty: false) {
        try Tensor.stacked($0, axis: a.integer("dim", default: 0))
      }
    },
    Function("split(input, split_size_or_sections, dim)") { a in
      let x = try a.tensor("input")
      let axis = try x.shape.resolvedAxis(a.integer("dim", default: 0))
      let sizes: [Int]
      if let size = a["split_size_or_sections"].asInteger {
        guard size > 0 else { throw a.wrong("split_size_or_sections") }
        try checkParts(x.shape[axis] / size, a)
        sizes = equalParts(x.shape[axis], size)
      } else {
        sizes = try a.integers("split_size_or_sections")
      }
      return .tensors(try x.split(sizes: sizes, axis: axis))
    },
    Function("tensor_split(input, indices_or_sections, dim)") { a in
      let x = try a.tensor("input")
      let axis = try x.shape.resolvedAxis(a.integer("dim", default: 0))
      let extent = x.shape[axis]
      let edges: [Int]
      if let count = a["indices_or_sections"].asInteger {
        guard count > 0 else { throw a.wrong("indices_or_sections") }
        try checkParts(count, a)
        let (each, more) = (extent / count, extent % count)
        edges = (1..<max(count, 1)).map { $0 * each + min($0, more) }
      } else {
        edges = try a.integers("indices_or_sections").map { bounded($0, extent) }
      }
      let bounds = zip([0] + edges, edges + [extent])
      return .tensors(
        try bounds.map { try x.narrowed(axis, start: $0, length: max(0, $1 - $0)) })
    },
    Function("chunk(input, chunks, dim)") { a in
      let x = try a.tensor("input")
      let axis = try x.shape.resolvedAxis(a.integer("dim", default: 0))
      let (extent, count) = (x.shape[axis], try a.integer("chunks"))
      guard count > 0 else { throw a.wrong("chunks") }
      try checkParts(min(count, extent), a)
      let sizes = equalParts(extent, max(1, (extent + count - 1) / count))
      return .tensors(try x.split(sizes: sizes, axis: axis))
    },
    Function("unbind(input, dim)") { a in
      let x = try a.tensor("input")
      let axis = try x.shape.resolvedAxis(a.integer("dim", default: 0))
      try checkParts(x.shape[axis], a)
      return .tensors(try (0..<x.shape[axis]).map { try x.selected(axis, $0) })
    },
    Function("meshgrid(tensors, indexing)") { a in
      var lines = try a.tensors("tensors")
      let isXY = try !a.isNone("indexing") && a.text("indexing") == "xy"
      if isXY, lines.count >= 2 { lines.swapAt(0, 1) }
      let shape = Shape(lines.map(\.elementCount))
      var grids = try lines.enumerated().map { place, line in
        var extents = [Int](repeating: 1, count: lines.count)
        extents[place] = line.elementCount
        return try line.reshaped(extents).expanded(to: shape)
      }
      if isXY, grids.count >= 2 {
        grids.swapAt(0, 1)
      }
      return .tensors(grids)
    },
  ]

  /// Tensors of one dtype; PyTorch passes over those of shape [0].
  private static func joined(
    _ a: Arguments, leavingOutEmpty: Bool = true, _ join: ([Tensor]) throws -> Tensor
  ) throws -> Tensor {
    var tensors = try a.tensors("tensors")
    if leavingOutEmpty, tensors.contains(where: { $0.shape != [0] }) {
      tensors.removeAll { $0.shape == [0] }
    }
    guard let first = tensors.first else { throw a.wrong("tensors") }
    if tensors.contains(where: { $0.dtype != first.dtype }) {
      let order: [DType] = [.bool, .uint8, .int8, .int16, .int32, .int64, .float32, .float64]
      let widest = tensors.map { order.firstIndex(of: $0.dtype) ?? 0 }.max() ?? 0
      tensors = try tensors.map { try $0.converted(to: order[widest]) }
    }
    return try join(tensors)
  }

  /// Refuses more parts than any network has: each is a tensor, however small.
  private static func checkParts(_ count: Int, _ a: Arguments) throws {
    let limit = 1 << 16
    guard count <= limit else {
      throw WeighbridgeError(
        .unsupported, "\(a.function.name) into \(count) parts; the limit is \(limit)")
    }
  }

  private static func equalParts(_ extent: Int, _ size: Int) -> [Int] {
    guard extent > 0 else { return [0] }
    let whole = [Int](repeating: size, count: extent / size)
    return extent % size == 0 ? whole : whole + [extent % size]
  }

  /// A place on an axis as Python's slices mean it.
  static func bounded(_ place: Int, _ extent: Int) -> Int {
    min(extent, max(0, place < 0 ? place + extent : place))
  }
}
