extension Vocabulary {
  /// Functions of each element.
  static let elementary: [Function] = [
    whole("neg", .negate), whole("abs", .absolute), whole("square", .square),
    whole("sign", .sign), whole("floor", .floor), whole("ceil", .ceiling),
    whole("trunc", .truncated),
    mapped("exp", .exponential), mapped("expm1", .exponentialMinusOne), mapped("log", .logarithm),
    mapped("log1p", .logarithmOnePlus), mapped("sqrt", .squareRoot),
    mapped("rsqrt", .reciprocalSquareRoot), mapped("reciprocal", .reciprocal),
    mapped("sin", .sine), mapped("cos", .cosine), mapped("erf", .errorFunction),
    .unary("exp2") {
      try Tensor.full([], 2, dtype: $0.dtype).combined(.power, $0)
    },
    .unary("log2") { try timed($0.mapped(.logarithm), 1.442695040888963407) },
    .unary("log10") { try timed($0.mapped(.logarithm), 0.4342944819032518277) },
    .unary("tan") { try $0.mapped(.sine) / $0.mapped(.cosine) },
    .unary("sinh") {
      let growth = try $0.mapped(.exponentialMinusOne)
      return try timed(growth + growth / growth.affine(shift: 1), 0.5)
    },
    .unary("cosh") {
      let growth = try $0.mapped(.exponential)
      return try timed(growth + growth.mapped(.reciprocal), 0.5)
    },
    .refused("asin(input)"), .refused("acos(input)"), .refused("atan(input)"),
    .refused("erfc(input)"),
    .tensor("round(input, decimals)") {
      try $0.require($0.integer("decimals", default: 0) == 0, "decimals")
      return try $0.tensor("input").mapped(.rounded)
    },
    .unary("frac") { try $0 - $0.mapped(.truncated) },
    .tensor("logit(input, eps)") {
      var x = try $0.floating("input")
      if !$0.isNone("eps") {
        let edge = try $0.number("eps")
        x = try x.clamped(edge, 1 - edge)
      }
      return try (x / x.affine(scale: -1, shift: 1)).mapped(.logarithm)
    },
    .unary("isnan") { try $0.compared(.notEqual, $0) },
    .unary("isinf") { try $0.mapped(.absolute).compared(.equal, .infinity) },
    .unary("isfinite") { try $0.mapped(.absolute).compared(.less, .infinity) },
    .tensor("nan_to_num(input, nan, posinf, neginf)") {
      let x = try $0.floating("input")
      let most =
        x.dtype == .float64 ? Double.greatestFiniteMagnitude : Double(Float.greatestFiniteMagnitude)
      return try x.choosing($0.number("nan", default: 0), where: x.compared(.notEqual, x))
        .choosing($0.number("posinf", default: most), where: x.compared(.equal, .infinity))
        .choosing($0.number("neginf", default: -most), where: x.compared(.equal, -.infinity))
    },
  ]

  private static func mapped(_ name: String, _ operation: UnaryOperation) -> Function {
    .unary(name) { try $0.mapped(operation) }
  }

  /// A function that leaves integers integers.
  private static func whole(_ name: String, _ operation: UnaryOperation) -> Function {
    .tensor("\(name)(input)") { try $0.tensor("input").mapped(operation) }
  }
}
