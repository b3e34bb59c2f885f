extension Vocabulary {
  /// The same elements under other shapes and in other orders.
  static let shapes: [Function] = [
    .tensor("reshape(input, shape)") { try $0.tensor("input").reshaped($0.integers("shape")) },
    .tensor("flatten(input, start_dim, end_dim)") {
      try $0.tensor("input").flattened(
        from: $0.integer("start_dim", default: 0), through: $0.integer("end_dim", default: -1))
    },
    .tensor("unflatten(input, dim, sizes)") {
      try $0.tensor("input").unflattened($0.integer("dim"), $0.integers("sizes"))
    },
    .tensor("squeeze(input, dim)") { a in
      let x = try a.tensor("input")
      let axes = try a.axes("dim", of: x).map(x.shape.resolvedAxis)
      return try axes.filter { x.shape[$0] == 1 }.sorted(by: >).reduce(x) { try $0.squeezed($1) }
    },
    .tensor("unsqueeze(input, dim)") { try $0.tensor("input").unsqueezed($0.integer("dim")) },
    .tensor("permute(input, dims)") { try $0.tensor("input").permuted($0.integers("dims")) },
    .tensor("transpose(input, dim0, dim1)") {
      let x = try $0.tensor("input")
      return x.rank == 0 ? x : try x.transposed($0.integer("dim0"), $0.integer("dim1"))
    },
    .tensor("movedim(input, source, destination)", moved),
    .tensor("expand(input, sizes)") { a in
      let (x, sizes) = (try a.tensor("input"), try a.integers("sizes"))
      let lead = sizes.count - x.rank
      let target = sizes.enumerated().map { index, size in
        size == -1 && index >= lead && lead >= 0 ? x.shape[index - lead] : size
      }
      return try x.expanded(to: Shape(target))
    },
    .tensor("expand_as(input, other)") {
      try $0.tensor("input").expanded(to: $0.tensor("other").shape)
    },
    .tensor("view_as(input, other)") {
      try $0.tensor("input").reshaped($0.tensor("other").shape.dimensions)
    },
    .tensor("repeat(input, repeats)") { try $0.tensor("input").repeated($0.integers("repeats")) },
    .tensor("repeat_interleave(input, repeats, dim, output_size)", repeatedElements),
    .tensor("flip(input, dims)") { a in
      try a.integers("dims").reduce(a.tensor("input")) { try $0.flipped($1) }
    },
    .tensor("roll(input, shifts, dims)") { a in
      let x = try a.tensor("input")
      let isFlat = a.isNone("dims") || (try? a.integers("dims"))?.isEmpty == true
      guard !isFlat else {
        return try x.flattened().rolled(a.integers("shifts"), axes: [0])
          .reshaped(x.shape.dimensions)
      }
      return try x.rolled(a.integers("shifts"), axes: a.integers("dims"))
    },
    .refused("rot90(input, k, dims)"),
    .tensor("unfold_dim(input, dimension, size, step)") {
      try $0.tensor("input").windows(
        $0.integer("dimension"), size: $0.integer("size"), step: $0.integer("step"))
    },
    .tensor("diagonal(input, offset, dim1, dim2)") {
      try $0.require($0.integer("offset", default: 0) == 0, "offset")
      return try $0.tensor("input").diagonal($0.integer("dim1"), $0.integer("dim2"))
    },
    .tensor("clone(input)") { try $0.tensor("input") },
    .tensor("contiguous(input)") { try $0.tensor("input") },
    .tensor("detach(input)") { try $0.tensor("input") },
    .tensor("to(input, dtype)") { a in
      let x = try a.tensor("input")
      return try a.dtype().map { try converted(x, to: $0) } ?? x
    },
    Function("numel(input)") { .integer(try $0.tensor("input").elementCount) },
  ]

  /// Every cast that PyTorch has.
  static func converted(_ x: Tensor, to dtype: DType) throws -> Tensor {
    dtype == .bool && !x.dtype.isFloatingPoint && x.dtype != .bool
      ? try x.compared(.notEqual, 0) : try x.casted(to: dtype)
  }

  private static func moved(_ a: Arguments) throws -> Tensor {
    let x = try a.tensor("input")
    let from = try a.integers("source").map(x.shape.resolvedAxis)
    let to = try a.integers("destination").map(x.shape.resolvedAxis)
    guard from.count == to.count, Set(from).count == from.count, Set(to).count == to.count else {
      throw a.wrong("source")
    }
    var order = [Int?](repeating: nil, count: x.rank)
    for (axis, place) in zip(from, to) { order[place] = axis }
    var rest = (0..<x.rank).filter { !from.contains($0) }[...]
    return try x.permuted(order.map { $0 ?? rest.popFirst() ?? 0 })
  }

  private static func repeatedElements(_ a: Arguments) throws -> Tensor {
    var x = try a.tensor("input")
    if a.isNone("dim") { x = try x.flattened() }
    let axis = try x.shape.resolvedAxis(a.integer("dim", default: 0))
    if case .tensor(let counts) = a["repeats"] {
      let each: [Int64] = try counts.elements()
      guard each.count == x.shape[axis], each.allSatisfy({ $0 >= 0 }) else {
        throw a.wrong("repeats")
      }
      let total = each.reduce(Int64(0)) { $0 &+ $1 }
      guard total >= 0, total <= 1 << 32 else { throw a.wrong("repeats") }
      return try x.indexed(
        axis, by: each.enumerated().flatMap { [Int](repeating: $0.offset, count: Int($0.element)) })
    }
    return try x.repeatedElements(a.single("repeats"), axis: axis)
  }
}
