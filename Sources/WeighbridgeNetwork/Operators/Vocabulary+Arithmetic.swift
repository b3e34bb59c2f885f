extension Vocabulary {
  /// Arithmetic of two tensors, or of a tensor and a number.
  static let arithmetic: [Function] = [
    .tensor("add(input, other, alpha)") { try scaled($0, .add) },
    .tensor("sub(input, other, alpha)") { try scaled($0, .subtract) },
    combined("mul(input, other)", .multiply),
    .tensor("div(input, other, rounding_mode)", divided),
    combined("floor_divide(input, other)", .floorDivide),
    combined("remainder(input, other)", .remainder),
    .refused("fmod(input, other)"),
    .tensor("pow(input, exponent)", power),
    combined("maximum(input, other)", .maximum),
    combined("minimum(input, other)", .minimum),
    .refused("atan2(input, other)"),
    .refused("hypot(input, other)"),
    .tensor("clamp(input, min, max)", clamped),
    .tensor("addcmul(input, tensor1, tensor2, value)") {
      let product = try $0.tensor("tensor1") * $0.tensor("tensor2")
      return try $0.tensor("input") + timed(product, $0.number("value"))
    },
    .tensor("addcdiv(input, tensor1, tensor2, value)") {
      let quotient = try $0.tensor("tensor1") / $0.tensor("tensor2")
      return try $0.tensor("input") + timed(quotient, $0.number("value"))
    },
    .tensor("lerp(input, end, weight)") {
      let (start, end) = try $0.operands("input", "end")
      if case .tensor(let weight) = $0["weight"] { return try start + weight * (end - start) }
      return try start + timed(end - start, $0.number("weight"))
    },
  ]

  private static func combined(_ signature: String, _ operation: BinaryOperation) -> Function {
    let second = signature.split(whereSeparator: { "(), ".contains($0) }).map(String.init)[2]
    return .tensor(signature) {
      let (a, b) = try $0.operands("input", second)
      return try a.combined(operation, b)
    }
  }

  private static func scaled(_ a: Arguments, _ operation: BinaryOperation) throws -> Tensor {
    let (x, y) = try a.operands("input", "other")
    guard !a.isNone("alpha"), try a.number("alpha") != 1 else {
      return try x.combined(operation, y)
    }
    let factor = try Tensor(repeating: a.number("alpha"), shape: []).casted(to: y.dtype)
    return try x.combined(operation, y * factor)
  }

  /// x·value in x's dtype; by 1 x itself.
  static func timed(_ x: Tensor, _ value: Double) throws -> Tensor {
    value == 1 ? x : try x * Tensor(repeating: value, shape: []).casted(to: x.dtype)
  }

  private static func divided(_ a: Arguments) throws -> Tensor {
    let (x, y) = try a.operands("input", "other")
    guard !a.isNone("rounding_mode") else {
      if x.dtype.isFloatingPoint || y.dtype.isFloatingPoint { return try x / y }
      return try x.converted(to: a.context.dtype) / y.converted(to: a.context.dtype)
    }
    switch try a.text("rounding_mode") {
    case "floor": return try x.combined(.floorDivide, y)
    case "trunc":
      guard x.dtype.isFloatingPoint || y.dtype.isFloatingPoint else {
        return try (x.exactlyDouble() / y.exactlyDouble()).mapped(.truncated).casted(to: x.dtype)
      }
      return try (x / y).mapped(.truncated)
    default: throw a.wrong("rounding_mode")
    }
  }

  private static func power(_ a: Arguments) throws -> Tensor {
    if case .tensor(let x) = a["input"], let exponent = a["exponent"].asNumber,
      x.dtype.isFloatingPoint
    {
      return exponent == 1 ? x : try x.mapped(.power(exponent))
    }
    let (x, y) = try a.operands("input", "exponent")
    return try x.combined(.power, y)
  }

  private static func clamped(_ a: Arguments) throws -> Tensor {
    let x = try a.tensor("input")
    if x.dtype.isFloatingPoint, a.isNone("min") || a["min"].asNumber != nil,
      a.isNone("max") || a["max"].asNumber != nil
    {
      return try x.clamped(
        a.number("min", default: -.infinity), a.number("max", default: .infinity))
    }
    var result = x
    for (name, operation) in [("min", BinaryOperation.maximum), ("max", .minimum)]
    where !a.isNone(name) {
      let (_, limit) = try a.operands("input", name)
      result = try result.combined(operation, limit)
    }
    return result
  }
}

extension Tensor {
  /// Whole numbers as float64.
  func exactlyDouble() throws -> Tensor { try converted(to: .float64) }
}
