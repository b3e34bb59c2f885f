/// Python's arithmetic of numbers: whole numbers stay whole, `//` and `%` round towards −∞.
extension Network.Arithmetic {
  /// - Throws: `shape` where Python raises, or a whole number leaves 64 bits.
  package func callAsFunction(_ operands: [Value]) throws -> Value {
    let a = operands[0]
    if count == 1 {
      if let integer = a.asInteger { return .integer(try whole(integer)) }
      guard let number = a.asNumber else { throw failure(operands) }
      return try real(number)
    }
    let b = operands[1]
    if let x = a.asInteger, let y = b.asInteger { return try whole(x, y) }
    guard let x = a.asNumber, let y = b.asNumber else { throw failure(operands) }
    return .number(try real(x, y))
  }

  private func whole(_ x: Int) throws -> Int {
    guard self == .neg || (self == .abs && x < 0) else { return x }
    let (result, overflow) = 0.subtractingReportingOverflow(x)
    guard !overflow else { throw failure([.integer(x)]) }
    return result
  }

  private func real(_ x: Double) throws -> Value {
    switch self {
    case .neg: return .number(-x)
    case .abs: return .number(Swift.abs(x))
    default:
      let rounded = x.rounded(self == .floor ? .down : .up)
      guard let integer = Int(exactly: rounded) else { throw failure([.number(x)]) }
      return .integer(integer)
    }
  }

  private func whole(_ x: Int, _ y: Int) throws -> Value {
    func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
      guard !result.overflow else { throw failure([.integer(x), .integer(y)]) }
      return .integer(result.partialValue)
    }
    switch self {
    case .add: return try checked(x.addingReportingOverflow(y))
    case .sub: return try checked(x.subtractingReportingOverflow(y))
    case .mul: return try checked(x.multipliedReportingOverflow(by: y))
    case .div:
      guard y != 0 else { throw failure([.integer(x), .integer(y)]) }
      return .number(Double(x) / Double(y))
    case .floordiv, .mod:
      guard y != 0, !(x == .min && y == -1) else { throw failure([.integer(x), .integer(y)]) }
      let (quotient, rest) = x.quotientAndRemainder(dividingBy: y)
      let isBelow = rest != 0 && (rest < 0) != (y < 0)
      if self == .mod { return .integer(isBelow ? rest + y : rest) }
      return .integer(isBelow ? quotient - 1 : quotient)
    default:
      guard y >= 0 else { return .number(try real(Double(x), Double(y))) }
      var result = 1
      guard Swift.abs(x) > 1 else {
        return .integer(y == 0 ? 1 : x == -1 && y % 2 == 0 ? 1 : x)
      }
      for _ in 0..<min(y, 64) {
        let (product, overflow) = result.multipliedReportingOverflow(by: x)
        guard !overflow else { throw failure([.integer(x), .integer(y)]) }
        result = product
      }
      return .integer(result)
    }
  }

  private func real(_ x: Double, _ y: Double) throws -> Double {
    switch self {
    case .add: return x + y
    case .sub: return x - y
    case .mul: return x * y
    case .pow: return Double.power(x, y)
    default:
      guard y != 0 else { throw failure([.number(x), .number(y)]) }
      if self == .div { return x / y }
      let rest = x.truncatingRemainder(dividingBy: y)
      let modulus = rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
      return self == .mod ? modulus : ((x - modulus) / y).rounded()
    }
  }

  private func failure(_ operands: [Value]) -> WeighbridgeError {
    let shown = operands.map { operand in
      operand.asInteger.map { "\($0)" } ?? operand.asNumber.map { "\($0)" } ?? operand.kind
    }
    return WeighbridgeError(.shape, "Python's \(rawValue) of \(shown.joined(separator: " and "))")
  }
}

extension Network.Guard {
  /// Whether the comparison of two numbers came out as it was recorded.
  func holds(_ left: Value, _ right: Value) throws -> Bool {
    guard let x = left.asNumber, let y = right.asNumber else {
      throw WeighbridgeError(.unsupported, "a comparison of \(left.kind) and \(right.kind)")
    }
    let result =
      switch comparison {
      case .eq: x == y
      case .ne: x != y
      case .lt: x < y
      case .le: x <= y
      case .gt: x > y
      case .ge: x >= y
      }
    return result == expected
  }
}
