extension Vocabulary {
  /// Elements picked and replaced.
  static let indexing: [Function] = [
    .tensor("getitem(input, index)") { a in
      try Index(a["index"], a).taken(of: a.tensor("input"))
    },
    .tensor("setitem(input, index, value)", replaced),
    .tensor("narrow(input, dim, start, length)") { a in
      let x = try a.tensor("input")
      let axis = try x.shape.resolvedAxis(a.integer("dim"))
      let start = try a.integer("start")
      return try x.narrowed(
        axis, start: start < 0 ? start + x.shape[axis] : start, length: a.integer("length"))
    },
    .tensor("select(input, dim, index)") { a in
      let x = try a.tensor("input")
      let axis = try x.shape.resolvedAxis(a.integer("dim"))
      let place = try a.integer("index")
      return try x.selected(axis, place < 0 ? place + x.shape[axis] : place)
    },
    .tensor("index_select(input, dim, index)") {
      try $0.tensor("input").indexed($0.integer("dim"), by: $0.tensor("index"))
    },
    .tensor("gather(input, dim, index)") {
      try $0.tensor("input").gathered($0.integer("dim"), $0.tensor("index"))
    },
    .tensor("take_along_dim(input, indices, dim)") { a in
      let (x, indices) = (try a.tensor("input"), try a.tensor("indices"))
      guard !a.isNone("dim") else { return try x.flattened().gathered(0, indices.flattened()) }
      let axis = try x.shape.resolvedAxis(a.integer("dim"))
      guard indices.rank == x.rank else { throw a.wrong("indices") }
      var (from, to) = (x.shape.dimensions, indices.shape.dimensions)
      for other in x.shape.indices where other != axis {
        let extent = max(from[other], to[other])
        (from[other], to[other]) = (extent, extent)
      }
      return try x.expanded(to: Shape(from)).gathered(axis, indices.expanded(to: Shape(to)))
    },
    .tensor("scatter(input, dim, index, src)") { a in
      let (x, index) = (try a.tensor("input"), try a.tensor("index"))
      let axis = try x.shape.resolvedAxis(a.integer("dim"))
      let places = try scattered(x, axis, index)
      let (_, source) = try a.operands("input", "src")
      let part =
        source.rank == index.rank
        ? try zip(0..<index.rank, index.shape).reduce(source) {
          try $0.narrowed($1.0, start: 0, length: $1.1)
        } : try source.expanded(to: index.shape)
      return try placing(part, in: x, at: places)
    },
    .refused("index_add(input, dim, index, source, alpha)"),
    .tensor("copy(input, src)") { a in
      let (x, source) = try a.operands("input", "src")
      return try converted(source, to: x.dtype).expanded(to: x.shape)
    },
    .tensor("fill(input, value)") { a in
      let (x, value) = try a.operands("input", "value")
      return try converted(value, to: x.dtype).expanded(to: x.shape)
    },
    .tensor("one_hot(input, num_classes)") { a in
      let x = try a.tensor("input")
      let count = try a.integer("num_classes", default: -1)
      guard count > 0 else { throw a.wrong("num_classes") }
      return try x.unsqueezed(-1).compared(.equal, Tensor.arange(to: count))
        .converted(to: .int64)
    },
  ]

  private static func replaced(_ a: Arguments) throws -> Tensor {
    let (x, value) = try a.operands("input", "value")
    let part = try converted(value, to: x.dtype)
    if let mask = Index.mask(a["index"]) {
      return try x.choosing(part, where: mask.expanded(toRank: x.rank))
    }
    let places = try Index(a["index"], a).taken(of: positions(x.shape))
    // PyTorch passes over leading axes of extent 1 of what is assigned.
    var given = part
    while given.rank > places.rank, given.shape[0] == 1 { given = try given.squeezed(0) }
    return try placing(given.expanded(to: places.shape), in: x, at: places)
  }

  /// The number of each element in row-major order.
  private static func positions(_ shape: Shape) throws -> Tensor {
    try Tensor.arange(to: shape.elementCount).reshaped(shape.dimensions)
  }

  /// The number of the element that each index stands for along an axis.
  private static func scattered(_ x: Tensor, _ axis: Int, _ index: Tensor) throws -> Tensor {
    guard index.rank == x.rank else {
      throw WeighbridgeError(.shape, "cannot scatter \(index.shape) into \(x.shape)")
    }
    return try positions(x.shape).gathered(axis, index)
  }

  /// A tensor with some elements replaced by a part's, which go to the places of these numbers; of two
  /// for one place the later.
  private static func placing(_ part: Tensor, in x: Tensor, at places: Tensor) throws -> Tensor {
    let numbers: [Int64] = try places.elements()
    guard !numbers.isEmpty else { return x }
    var order = Array(0..<Int64(x.elementCount))
    for (index, number) in numbers.enumerated() {
      order[Int(number)] = Int64(x.elementCount + index)
    }
    let all = try Tensor.concatenated([x.flattened(), part.flattened()], axis: 0)
    return try all.indexed(0, by: Tensor(order, shape: [order.count]))
      .reshaped(x.shape.dimensions)
  }
}
