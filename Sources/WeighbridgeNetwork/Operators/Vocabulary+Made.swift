extension Vocabulary {
  /// Tensors that are made; each has the dtype that it got.
  static let made: [Function] = [
    .tensor("arange(start, end, step, dtype)") { a in
      let isWhole = ["start", "end", "step"].allSatisfy { a[$0].asInteger != nil || a.isNone($0) }
      let dtype = try a.dtype() ?? (isWhole ? .int64 : a.context.dtype)
      return try Tensor.arange(
        from: a.number("start", default: 0), to: a.number("end"),
        step: a.number("step", default: 1), dtype: dtype)
    },
    .tensor("linspace(start, end, steps, dtype)") { a in
      try Tensor.linspace(
        from: a.number("start"), to: a.number("end"), count: a.integer("steps"),
        dtype: a.dtype() ?? a.context.dtype)
    },
    .tensor("zeros(size, dtype)") { try full($0, "size", 0) },
    .tensor("ones(size, dtype)") { try full($0, "size", 1) },
    .tensor("empty(size, dtype)") { try full($0, "size", 0) },
    .tensor("full(size, fill_value, dtype)") { a in
      try full(a, "size", filling(a))
    },
    .tensor("eye(n, m, dtype)") { a in
      let n = try a.integer("n")
      let rows = try Tensor.arange(to: n).unsqueezed(1)
      let columns = try Tensor.arange(to: a.integer("m", default: n)).unsqueezed(0)
      return try rows.compared(.equal, columns).converted(to: a.dtype() ?? a.context.dtype)
    },
    .tensor("tensor(data, dtype)") { a in
      if case .tensor(let tensor) = a["data"] {
        return try a.dtype().map { try converted(tensor, to: $0) } ?? tensor
      }
      return try stacked(a["data"], a)
    },
    .tensor("zeros_like(input, dtype)") { try like($0, 0) },
    .tensor("ones_like(input, dtype)") { try like($0, 1) },
    .tensor("empty_like(input, dtype)") { try like($0, 0) },
    .tensor("full_like(input, fill_value, dtype)") { try like($0, filling($0)) },
    .tensor("new_zeros(input, size, dtype)") { try new($0, 0) },
    .tensor("new_ones(input, size, dtype)") { try new($0, 1) },
    .tensor("new_empty(input, size, dtype)") { try new($0, 0) },
    .tensor("new_full(input, size, fill_value, dtype)") { try new($0, filling($0)) },
  ]

  private static func filling(_ a: Arguments) throws -> Double {
    if case .tensor(let tensor) = a["fill_value"], tensor.elementCount == 1 {
      return try tensor.elements(as: Double.self).first ?? 0
    }
    return try a.number("fill_value")
  }

  private static func full(_ a: Arguments, _ size: String, _ value: Double) throws -> Tensor {
    try made(Shape(a.integers(size)), value, a.dtype() ?? a.context.dtype)
  }

  private static func like(_ a: Arguments, _ value: Double) throws -> Tensor {
    let x = try a.tensor("input")
    return try made(x.shape, value, a.dtype() ?? x.dtype)
  }

  private static func new(_ a: Arguments, _ value: Double) throws -> Tensor {
    try made(Shape(a.integers("size")), value, a.dtype() ?? a.tensor("input").dtype)
  }

  private static func made(_ shape: Shape, _ value: Double, _ dtype: DType) throws -> Tensor {
    try converted(Tensor(repeating: value, shape: []), to: dtype).expanded(to: shape)
  }

  /// Numbers and tensors of no axes, in lists, as one tensor.
  private static func stacked(_ data: Value, _ a: Arguments) throws -> Tensor {
    switch data {
    case .list(let items):
      guard !items.isEmpty else {
        return try Tensor.zeros([0], dtype: a.dtype() ?? a.context.dtype)
      }
      return try Tensor.stacked(items.map { try stacked($0, a) }, axis: 0)
    case .tensor(let tensor): return try a.dtype().map { try converted(tensor, to: $0) } ?? tensor
    default:
      guard let number = data.asNumber else { throw a.wrong("data") }
      var dtype: DType = data.asInteger == nil ? a.context.dtype : .int64
      if case .boolean = data { dtype = .bool }
      return try converted(Tensor(repeating: number, shape: []), to: a.dtype() ?? dtype)
    }
  }
}
