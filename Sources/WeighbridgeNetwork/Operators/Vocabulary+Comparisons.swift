extension Vocabulary {
  /// Comparisons, conditions and choices.
  static let comparisons: [Function] = [
    compared("eq", .equal), compared("ne", .notEqual), compared("lt", .less),
    compared("le", .lessOrEqual), compared("gt", .greater), compared("ge", .greaterOrEqual),
    conditions("logical_and") { try $0.and($1) }, conditions("logical_or") { try $0.or($1) },
    conditions("logical_xor") { try $0.compared(.notEqual, $1) },
    .tensor("logical_not(input)") { try condition($0, "input").inverted() },
    flags("bitwise_and") { try $0.and($1) }, flags("bitwise_or") { try $0.or($1) },
    flags("bitwise_xor") { try $0.compared(.notEqual, $1) },
    .tensor("bitwise_not(input)") {
      try $0.require($0.tensor("input").dtype == .bool, "input")
      return try $0.tensor("input").inverted()
    },
    .tensor("where(condition, input, other)") {
      let chosen = try condition($0, "condition")
      let (a, b) = try choices($0)
      return try b.choosing(a, where: chosen)
    },
    .tensor("masked_fill(input, mask, value)") {
      let (x, value) = try $0.operands("input", "value")
      return try x.choosing(value.casted(to: x.dtype), where: condition($0, "mask"))
    },
  ]

  private static func compared(_ name: String, _ comparison: Comparison) -> Function {
    .tensor("\(name)(input, other)") {
      if case .tensor(let x) = $0["input"], case .number(let value) = $0["other"] {
        return try x.compared(comparison, value)
      }
      let (a, b) = try $0.operands("input", "other")
      return try a.compared(comparison, b)
    }
  }

  /// A condition; other tensors hold where they are not 0.
  static func condition(_ a: Arguments, _ name: String) throws -> Tensor {
    let tensor = try a.tensor(name)
    return tensor.dtype == .bool ? tensor : try tensor.compared(.notEqual, 0)
  }

  private static func conditions(
    _ name: String, _ run: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
  ) -> Function {
    .tensor("\(name)(input, other)") {
      try run(condition($0, "input"), condition($0, "other"))
    }
  }

  /// Bit by bit, of conditions alone.
  private static func flags(
    _ name: String, _ run: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
  ) -> Function {
    .tensor("\(name)(input, other)") {
      let (a, b) = try $0.operands("input", "other")
      try $0.require(a.dtype == .bool && b.dtype == .bool, "input")
      return try run(a, b)
    }
  }

  /// What `where` chooses from; both may be numbers.
  private static func choices(_ a: Arguments) throws -> (Tensor, Tensor) {
    if let x = a["input"].asNumber, let y = a["other"].asNumber {
      let isWhole = a["input"].asInteger != nil && a["other"].asInteger != nil
      let dtype = isWhole ? DType.int64 : a.context.dtype
      return (try .full([], x, dtype: dtype), try .full([], y, dtype: dtype))
    }
    return try a.operands("input", "other")
  }
}
