import WeighbridgeNetwork

/// Python's arithmetic of numbers, written in Swift's.
extension Network.Arithmetic {
  func written(_ operands: [Held]) throws -> Held {
    let forms = operands.map(\.form)
    guard let value = try? self(forms) else {
      throw PortLimit("computes \(rawValue) of \(forms.map(\.kind).joined(separator: " and "))")
    }
    if operands.allSatisfy({ if case .literal = $0 { true } else { false } }) {
      return .literal(value)
    }
    let isFixed = operands.allSatisfy { $0.fixed != nil }
    let isWhole = forms.allSatisfy { $0.asInteger != nil }
    let code: Code
    if isWhole, case .integer = value {
      code = try whole(operands.map { try $0.integer() }, forms)
    } else {
      code = try real(operands.map { try $0.number() }, operands)
    }
    return .code(code, value, isFixed: isFixed)
  }

  private func whole(_ codes: [Code], _ forms: [Value]) throws -> Code {
    switch self {
    case .neg: return Code("-\(codes[0].at(.atom))", level: .product)
    case .abs: return .call("abs", [Argument(nil, codes[0])])
    case .floor, .ceil: return codes[0]
    case .add: return .infix(codes[0], "+", codes[1], .sum, throwing: false)
    case .sub: return .infix(codes[0], "-", codes[1], .sum, throwing: false)
    case .mul: return .infix(codes[0], "*", codes[1], .product, throwing: false)
    case .floordiv, .mod:
      // Sizes and what is counted is never negative; differences may be.
      let mayBeNegative = codes[0].text.contains("-") || codes[1].text.contains("-")
      guard mayBeNegative else {
        return .infix(codes[0], self == .mod ? "%" : "/", codes[1], .product, throwing: false)
      }
      return .call(
        self == .mod ? "pythonModulo" : "floorDivision",
        [Argument(nil, codes[0]), Argument(nil, codes[1])])
    case .pow:
      guard let exponent = forms[1].asInteger, (1...3).contains(exponent) else {
        throw PortLimit("raises a size to a power")
      }
      return Code(
        [String](repeating: codes[0].at(.atom), count: exponent).joined(separator: " * "),
        level: exponent == 1 ? .atom : .product)
    case .div: throw PortLimit("divides sizes")
    }
  }

  private func real(_ codes: [Code], _ operands: [Held]) throws -> Code {
    switch self {
    case .neg: return Code("-\(codes[0].at(.atom))", level: .product)
    case .abs: return .call("abs", [Argument(nil, codes[0])])
    case .floor: return Code("Int(\(codes[0].at(.atom)).rounded(.down))")
    case .ceil: return Code("Int(\(codes[0].at(.atom)).rounded(.up))")
    case .add: return .infix(codes[0], "+", codes[1], .sum, throwing: false)
    case .sub: return .infix(codes[0], "-", codes[1], .sum, throwing: false)
    case .mul: return .infix(codes[0], "*", codes[1], .product, throwing: false)
    case .div: return .infix(codes[0], "/", codes[1], .product, throwing: false)
    case .pow:
      return Code("pow(\(codes[0].text), \(codes[1].text))")
    case .floordiv:
      return Code("(\(codes[0].at(.product)) / \(codes[1].at(.atom))).rounded(.down)")
    case .mod: throw PortLimit("takes the rest of real numbers")
    }
  }
}

extension Held {
  /// A whole number.
  func integer() throws -> Code {
    switch self {
    case .literal(let value):
      guard let number = value.asInteger else { break }
      return .integer(number)
    case .code(let code, .integer, _): return code
    case .refused(let reason): throw PortLimit(reason)
    default: break
    }
    throw PortLimit("needs a whole number where \(form.kind) is")
  }

  /// A number as a Double.
  func number() throws -> Code {
    switch self {
    case .literal(let value):
      guard let number = value.asNumber else { break }
      return .number(number)
    case .code(let code, .number, _): return code
    case .code(let code, .integer, _): return Code("Double(\(code.text))")
    case .refused(let reason): throw PortLimit(reason)
    default: break
    }
    throw PortLimit("needs a number where \(form.kind) is")
  }
}
