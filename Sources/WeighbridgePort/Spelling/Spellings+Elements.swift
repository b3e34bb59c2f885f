import WeighbridgeNetwork

extension Spellings {
  static let activations: [String: Spell] = [
    "relu": activation(".relu"), "relu6": activation(".relu6"), "silu": activation(".silu"),
    "sigmoid": activation(".sigmoid"), "tanh": activation(".tanh"),
    "hardswish": activation(".hardSwish"), "hardsigmoid": activation(".hardSigmoid"),
    "elu": tensor {
      let alpha = try $0.number("alpha", default: 1)
      return try $0.floating("input").calling(
        "activated", [Argument(nil, .call(".elu", [Argument("alpha", alpha)]))])
    },
    "leaky_relu": tensor {
      let slope = try $0.number("negative_slope")
      return try $0.floating("input").calling(
        "activated", [Argument(nil, .call(".leakyReLU", [Argument("slope", slope)]))])
    },
    "gelu": tensor { a in
      let form = a.isNone("approximate") ? "none" : try a.text("approximate")
      guard form == "none" || form == "tanh" else { throw a.wrong("approximate") }
      return try a.floating("input").calling(
        "activated", [Argument(nil, Code(form == "tanh" ? ".geluTanh" : ".gelu"))])
    },
    "softplus": tensor { a in
      guard try a.fixedNumber("beta", default: 1) == 1,
        try a.fixedNumber("threshold", default: 20) == 20
      else { throw a.wrong("beta") }
      return try a.floating("input").calling("activated", [Argument(nil, Code(".softplus"))])
    },
    "mish": tensor { a in
      let x = try plain(a, "input")
      let soft = x.calling("activated", [Argument(nil, Code(".softplus"))])
        .calling("activated", [Argument(nil, Code(".tanh"))])
      return .infix(x, "*", soft, .product, throwing: true)
    },
    "hardtanh": tensor {
      try $0.floating("input").calling(
        "clamped", [Argument(nil, $0.number("min_val")), Argument(nil, $0.number("max_val"))])
    },
    "softmax": tensor {
      try entry($0).calling("softmax", [Argument("axis", $0.integer("dim", default: -1))])
    },
    "log_softmax": tensor {
      try entry($0).calling("logSoftmax", [Argument("axis", $0.integer("dim", default: -1))])
    },
    "glu": { a in
      let (x, axis) = (try plain(a, "input"), try a.integer("dim", default: -1))
      let parts = x.calling("split", [Argument(nil, Code("2")), Argument("axis", axis)])
      return a.tensor(
        .infix(
          parts.item(0), "*",
          parts.item(1).calling("activated", [Argument(nil, Code(".sigmoid"))]), .product,
          throwing: true))
    },
    "prelu": tensor { a in
      let x = try plain(a, "input")
      let weight = try a.shape("weight")
      let slope =
        try weight.elementCount == 1 || a.rank("input") < 2
        ? a.tensor("weight")
        : a.tensor("weight").calling(
          "reshaped",
          [
            Argument(
              nil,
              .list([Code("-1")] + [Code](repeating: Code("1"), count: try a.rank("input") - 2)))
          ])
      let scaled = Code.infix(x, "*", slope, .product, throwing: true)
      return scaled.calling(
        "choosing",
        [
          Argument(nil, x),
          Argument(
            "where",
            x.calling("compared", [Argument(nil, Code(".greater")), Argument(nil, Code("0"))])),
        ])
    },
    "dropout": nothing, "dropout1d": nothing, "dropout2d": nothing, "dropout3d": nothing,
    "alpha_dropout": nothing, "feature_alpha_dropout": nothing,
  ]

  private static func activation(_ name: String) -> Spell {
    tensor { a in
      guard try a.shape("input").dtype.isFloatingPoint else { throw a.wrong("input") }
      return try a.tensor("input").calling("activated", [Argument(nil, Code(name))])
    }
  }

  /// What comes to nothing in inference.
  static let nothing: Spell = { a in
    guard try !a.flag("training") || a.fixedNumber("p", default: 0.5) == 0 else {
      throw PortLimit("calls \(a.function.name) in training, which gives chance's results")
    }
    return a.tensor(try a.tensor("input"))
  }

  /// The input in the dtype that is asked for.
  private static func entry(_ a: CallSite) throws -> Code {
    let x = try a.floating("input")
    guard case .literal(.dtype(let target)) = a["dtype"] else { return x }
    return try a.shape("input").dtype == target
      ? x : a.converted(x, a.shape("input").dtype, to: target)
  }

  /// A tensor that stands in an expression twice: a variable.
  static func plain(_ a: CallSite, _ name: String) throws -> Code { a.keep(try a.floating(name)) }

  static let arithmetic: [String: Spell] = [
    "add": tensor { try scaled($0, "+", .sum) }, "sub": tensor { try scaled($0, "-", .sum) },
    "mul": tensor { try infix($0, "*", .product) },
    "div": tensor { a in
      if !a.isNone("rounding_mode") {
        if try a.text("rounding_mode") == "trunc", case .tensor(let made) = a.form,
          made.dtype.isFloatingPoint
        {
          return try infix(a, "/", .product).calling("mapped", [Argument(nil, Code(".truncated"))])
        }
        guard try a.text("rounding_mode") == "floor" else { throw a.wrong("rounding_mode") }
        return try combined(a, ".floorDivide", "other")
      }
      return try infix(a, "/", .product)
    },
    "floor_divide": tensor { try combined($0, ".floorDivide", "other") },
    "remainder": tensor { try combined($0, ".remainder", "other") },
    "maximum": tensor { try combined($0, ".maximum", "other") },
    "minimum": tensor { try combined($0, ".minimum", "other") },
    "pow": tensor { a in
      if let exponent = a["exponent"].form.asNumber, try a.shape("input").dtype.isFloatingPoint {
        let x = try a.tensor("input")
        if exponent == 1, a["exponent"].fixed != nil { return x }
        return x.calling(
          "mapped", [Argument(nil, .call(".power", [Argument(nil, try a.number("exponent"))]))])
      }
      return try combined(a, ".power", "exponent")
    },
    "clamp": tensor { a in
      if try !a.shape("input").dtype.isFloatingPoint { return try limited(a) }
      if case .tensor = a["min"].form { return try limited(a) }
      if case .tensor = a["max"].form { return try limited(a) }
      return try a.tensor("input").calling(
        "clamped",
        [
          Argument(nil, a.number("min", default: -.infinity)),
          Argument(nil, a.number("max", default: .infinity)),
        ])
    },
    "addcmul": tensor { a in
      let product = Code.infix(
        try a.tensor("tensor1"), "*", try a.tensor("tensor2"), .product, throwing: true)
      let value = try a.fixedNumber("value", default: 1)
      let scaled =
        value == 1 ? product : .infix(product, "*", .number(value), .product, throwing: true)
      return .infix(try a.tensor("input"), "+", scaled, .sum, throwing: true)
    },
    "lerp": tensor { a in
      let start = try plain(a, "input")
      let step = Code.infix(try a.tensor("end"), "-", start, .sum, throwing: true)
      if case .tensor = a["weight"].form {
        return .infix(
          start, "+", .infix(try a.tensor("weight"), "*", step, .product, throwing: true), .sum,
          throwing: true)
      }
      let weight = try a.fixedNumber("weight")
      let part =
        weight == 1 ? step : .infix(step, "*", .number(weight), .product, throwing: true)
      return .infix(start, "+", part, .sum, throwing: true)
    },
  ]

  private static func limited(_ a: CallSite) throws -> Code {
    var arguments: [Argument] = []
    for (label, name) in [("lower", "min"), ("upper", "max")] {
      arguments.append(
        Argument(label, a.isNone(name) ? Code("nil") : try side(a, name, beside: "input")))
    }
    return try a.tensor("input").calling("clamped", arguments)
  }

  /// An operand as a tensor: a number becomes one of no axes.
  static func side(_ a: CallSite, _ name: String, beside other: String) throws -> Code {
    if case .tensor = a[name].form { return try a.tensor(name) }
    let dtype = try a.shape(other).dtype
    let isWhole = a[name].form.asInteger != nil
    let target: DType =
      dtype.isFloatingPoint ? dtype : isWhole ? (dtype == .bool ? .int64 : dtype) : a.recorded
    return .call(
      "Tensor.full",
      [
        Argument(nil, Code("[]")), Argument(nil, try a.number(name)),
        Argument("dtype", a.written(target)),
      ],
      throwing: true)
  }

  /// The two tensors, of one dtype where both have floating-point numbers.
  private static func sides(_ a: CallSite, _ second: String) throws -> (Code, Code) {
    let isFirst = if case .tensor = a["input"].form { true } else { false }
    let isSecond = if case .tensor = a[second].form { true } else { false }
    guard isFirst || isSecond else { throw a.wrong("input") }
    guard isFirst, isSecond else {
      return isFirst
        ? (try a.tensor("input"), try side(a, second, beside: "input"))
        : (try side(a, "input", beside: second), try a.tensor(second))
    }
    let (x, y) = (try a.shape("input"), try a.shape(second))
    if x.dtype != y.dtype, x.dtype.isFloatingPoint, y.dtype.isFloatingPoint {
      throw PortLimit("computes with \(x.dtype) and \(y.dtype) at once")
    }
    return (try a.tensor("input"), try a.tensor(second))
  }

  static func combined(_ a: CallSite, _ operation: String, _ second: String) throws -> Code {
    let (x, y) = try sides(a, second)
    return x.calling("combined", [Argument(nil, Code(operation)), Argument(nil, y)])
  }

  /// An operator of two tensors, or of a tensor and a number beside it.
  private static func infix(_ a: CallSite, _ sign: String, _ level: Code.Level) throws -> Code {
    let tensors = ["input", "other"].filter { if case .tensor = a[$0].form { true } else { false } }
    guard let only = tensors.first else { throw a.wrong("input") }
    if tensors.count == 1, try a.shape(only).dtype.isFloatingPoint {
      let x = tensors == ["input"] ? try a.tensor("input") : try a.number("input")
      let y = tensors == ["input"] ? try a.number("other") : try a.tensor("other")
      return .infix(x, sign, y, level, throwing: true)
    }
    var (x, y) = try sides(a, "other")
    if sign == "/" {
      let isFloating = try tensors.contains { try a.shape($0).dtype.isFloatingPoint }
      if !isFloating {
        x = x.calling("converted", [Argument("to", a.dtype)])
        y = y.calling("converted", [Argument("to", a.dtype)])
      }
    }
    return .infix(x, sign, y, level, throwing: true)
  }

  private static func scaled(_ a: CallSite, _ sign: String, _ level: Code.Level) throws -> Code {
    let alpha = try a.fixedNumber("alpha", default: 1)
    guard alpha != 1 else { return try infix(a, sign, level) }
    guard case .tensor = a["input"].form, case .tensor = a["other"].form else {
      throw a.wrong("alpha")
    }
    let (x, y) = try sides(a, "other")
    return .infix(
      x, sign, .infix(y, "*", .number(alpha), .product, throwing: true), level, throwing: true)
  }

  static let elementary: [String: Spell] = [
    "neg": whole(".negate"), "abs": whole(".absolute"), "square": whole(".square"),
    "sign": whole(".sign"), "floor": whole(".floor"), "ceil": whole(".ceiling"),
    "trunc": whole(".truncated"), "exp": method("mapped", ".exponential"),
    "expm1": method("mapped", ".exponentialMinusOne"), "log": method("mapped", ".logarithm"),
    "log1p": method("mapped", ".logarithmOnePlus"), "sqrt": method("mapped", ".squareRoot"),
    "rsqrt": method("mapped", ".reciprocalSquareRoot"),
    "reciprocal": method("mapped", ".reciprocal"), "sin": method("mapped", ".sine"),
    "cos": method("mapped", ".cosine"), "erf": method("mapped", ".errorFunction"),
    "round": tensor { a in
      guard try a.fixed("decimals", default: 0) == 0 else { throw a.wrong("decimals") }
      return try a.tensor("input").calling("mapped", [Argument(nil, Code(".rounded"))])
    },
    "log2": tensor {
      let log = try $0.floating("input").calling("mapped", [Argument(nil, Code(".logarithm"))])
      return .infix(log, "*", .number(1.442695040888963407), .product, throwing: true)
    },
  ]

  private static func whole(_ operation: String) -> Spell {
    tensor { try $0.tensor("input").calling("mapped", [Argument(nil, Code(operation))]) }
  }

  static let comparisons: [String: Spell] = [
    "eq": compared(".equal"), "ne": compared(".notEqual"), "lt": compared(".less"),
    "le": compared(".lessOrEqual"), "gt": compared(".greater"), "ge": compared(".greaterOrEqual"),
    "logical_and": tensor {
      try $0.condition("input").calling("and", [Argument(nil, $0.condition("other"))])
    },
    "logical_or": tensor {
      try $0.condition("input").calling("or", [Argument(nil, $0.condition("other"))])
    },
    "logical_not": tensor { try $0.condition("input").calling("inverted") },
    "bitwise_not": tensor { a in
      guard try a.shape("input").dtype == .bool else { throw a.wrong("input") }
      return try a.tensor("input").calling("inverted")
    },
    "bitwise_and": tensor { a in
      guard try a.shape("input").dtype == .bool, try a.shape("other").dtype == .bool else {
        throw a.wrong("input")
      }
      return try a.tensor("input").calling("and", [Argument(nil, a.tensor("other"))])
    },
    "where": tensor { a in
      let (x, y) = try sides(a, "other")
      return y.calling(
        "choosing", [Argument(nil, x), Argument("where", try a.condition("condition"))])
    },
    "masked_fill": tensor { a in
      let value: Code
      if case .tensor = a["value"].form {
        guard try a.shape("value").dtype == a.shape("input").dtype else { throw a.wrong("value") }
        value = try a.tensor("value")
      } else {
        value = try side(a, "value", beside: "input")
      }
      return try a.tensor("input").calling(
        "choosing", [Argument(nil, value), Argument("where", a.condition("mask"))])
    },
  ]

  private static func compared(_ comparison: String) -> Spell {
    tensor { a in
      if case .tensor = a["input"].form, case .number = a["other"].form {
        return try a.tensor("input").calling(
          "compared", [Argument(nil, Code(comparison)), Argument(nil, a.number("other"))])
      }
      let (x, y) = try sides(a, "other")
      return x.calling("compared", [Argument(nil, Code(comparison)), Argument(nil, y)])
    }
  }
}
