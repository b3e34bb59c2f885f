import WeighbridgeNetwork

extension Spellings {
  static let reductions: [String: Spell] = [
    "sum": tensor { try reduced($0, "sum") }, "mean": tensor { try reduced($0, "mean") },
    "prod": tensor { try reduced($0, "product") },
    "amax": tensor { try reduced($0, ".maximum") }, "amin": tensor { try reduced($0, ".minimum") },
    "max": { try extreme($0, "maximum") }, "min": { try extreme($0, "minimum") },
    "any": tensor { try conditions($0, "any") }, "all": tensor { try conditions($0, "all") },
    "argmax": tensor { try place($0, "argMaximum") },
    "argmin": tensor { try place($0, "argMinimum") },
    "var": tensor { try variance($0, "variance") },
    "std": tensor { try variance($0, "standardDeviation") },
    "var_mean": { a in
      guard case .list(let forms) = a.form, forms.count == 2 else { throw a.wrong("input") }
      return .list([
        .code(try variance(a, "variance"), forms[0]), .code(try reduced(a, "mean"), forms[1]),
      ])
    },
    "std_mean": { a in
      guard case .list(let forms) = a.form, forms.count == 2 else { throw a.wrong("input") }
      return .list([
        .code(try variance(a, "standardDeviation"), forms[0]),
        .code(try reduced(a, "mean"), forms[1]),
      ])
    },
    "norm": tensor { a in
      if case .text(let name)? = a["p"].fixed, name != "fro" { throw a.wrong("p") }
      return try norm(a, a["p"].form.asNumber == nil ? Code("2") : a.number("p"))
    },
    "vector_norm": tensor { try norm($0, $0.number("ord", default: 2)) },
    "logsumexp": tensor {
      try $0.floating("input").calling(
        "logSumExponential", [Argument("axis", $0.single("dim"))] + keeping($0, "keepingAxis"))
    },
    "cumsum": tensor { a in
      try cast(a).calling("cumulativeSum", [Argument("axis", a.integer("dim"))])
    },
  ]

  private static func keeping(_ a: CallSite, _ label: String = "keepingAxes") throws -> [Argument] {
    try a.flag("keepdim") ? [Argument(label, Code("true"))] : []
  }

  private static func cast(_ a: CallSite) throws -> Code {
    let x = try a.tensor("input")
    guard a.function.parameters.contains("dtype"), case .literal(.dtype(let target)) = a["dtype"]
    else { return x }
    let own = try a.shape("input").dtype
    return own == target ? x : x.calling("casted", [Argument("to", a.written(target))])
  }

  private static func reduced(_ a: CallSite, _ name: String) throws -> Code {
    let x =
      name == "mean" && a["dtype"].isNone ? try a.floating("input") : try cast(a)
    let axes = Argument("axes", try a.axes("dim", of: "input"))
    guard name.hasPrefix(".") else { return x.calling(name, [axes] + (try keeping(a))) }
    return x.calling("reduced", [Argument(nil, Code(name)), axes] + (try keeping(a)))
  }

  private static func extreme(_ a: CallSite, _ name: String) throws -> Held {
    guard !a.isNone("dim") else {
      return a.tensor(
        try a.tensor("input").calling("reduced", [Argument(nil, Code(".\(name)"))]))
    }
    guard case .list(let forms) = a.form, forms.count == 2 else { throw a.wrong("dim") }
    let code = try a.tensor("input").calling(
      name, [Argument("axis", a.integer("dim"))] + keeping(a, "keepingAxis"))
    return .indexed(code, values: forms[0], indices: forms[1])
  }

  private static func conditions(_ a: CallSite, _ name: String) throws -> Code {
    try a.condition("input").calling(
      name, [Argument("axes", a.axes("dim", of: "input"))] + keeping(a))
  }

  private static func place(_ a: CallSite, _ name: String) throws -> Code {
    guard !a.isNone("dim") else {
      return try a.tensor("input").calling("flattened").calling(name, [Argument("axis", Code("0"))])
    }
    let axis = try a.fixed("dim")
    let found = try a.tensor("input").calling(name, [Argument("axis", .integer(axis))])
    guard try a.flag("keepdim") else { return found }
    let place = axis < 0 ? axis + (try a.rank("input")) : axis
    return found.calling("unsqueezed", [Argument(nil, .integer(place))])
  }

  private static func variance(_ a: CallSite, _ name: String) throws -> Code {
    try a.floating("input").calling(
      name,
      [Argument("axes", a.axes("dim", of: "input"))]
        + arguments([("correction", a.integer("correction", default: 1), "1")]) + keeping(a))
  }

  private static func norm(_ a: CallSite, _ p: Code) throws -> Code {
    guard a["dtype"].isNone else { throw a.wrong("dtype") }
    return try a.floating("input").calling(
      "norm",
      arguments([("p", p, "2")]) + [Argument("axes", a.axes("dim", of: "input"))] + keeping(a))
  }

  static let orders: [String: Spell] = [
    "topk": { a in
      guard case .list(let forms) = a.form, forms.count == 2 else { throw a.wrong("k") }
      let code = try a.tensor("input").calling(
        "topK",
        [Argument(nil, a.integer("k"))]
          + arguments([
            ("axis", a.integer("dim", default: -1), "-1"),
            ("largest", .flag(a.flag("largest")), "true"),
          ]))
      return .indexed(code, values: forms[0], indices: forms[1])
    },
    "sort": { a in
      guard case .list(let forms) = a.form, forms.count == 2 else { throw a.wrong("input") }
      return .indexed(try sorted(a), values: forms[0], indices: forms[1])
    },
    "argsort": tensor { try sorted($0).member("indices") },
  ]

  private static func sorted(_ a: CallSite) throws -> Code {
    try a.tensor("input").calling(
      "sorted",
      arguments([
        ("axis", a.integer("dim", default: -1), "-1"),
        ("descending", .flag(a.flag("descending")), "false"),
      ]))
  }

  static let products: [String: Spell] = [
    "matmul": tensor { try product($0, "input", "other") },
    "bmm": tensor { try product($0, "input", "mat2") },
    "mm": tensor { try product($0, "input", "mat2") },
    "outer": tensor {
      let row = try $0.tensor("input").calling("unsqueezed", [Argument(nil, Code("1"))])
      let column = try $0.tensor("vec2").calling("unsqueezed", [Argument(nil, Code("0"))])
      return .infix(row, "*", column, .product, throwing: true)
    },
    "addmm": tensor { try added($0, "mat1", "mat2") },
    "baddbmm": tensor { try added($0, "batch1", "batch2") },
    "einsum": tensor { a in
      .call(
        "Tensor.einsum",
        [Argument(nil, .string(try a.text("equation")))]
          + (try a["operands"].tensors()).map { Argument(nil, $0) }, throwing: true)
    },
    "scaled_dot_product_attention": tensor(attention),
  ]

  /// A product of matrices, where a vector stands for a row or a column.
  static func product(_ a: CallSite, _ first: String, _ second: String) throws -> Code {
    let (x, y) = (try a.shape(first), try a.shape(second))
    guard x.rank > 0, y.rank > 0, x.dtype == y.dtype else { throw a.wrong(second) }
    var (left, right) = (try a.tensor(first), try a.tensor(second))
    if x.rank == 1 { left = left.calling("unsqueezed", [Argument(nil, Code("0"))]) }
    if y.rank == 1 { right = right.calling("unsqueezed", [Argument(nil, Code("1"))]) }
    var result = left.calling("matmul", [Argument(nil, right)])
    if y.rank == 1 { result = result.calling("squeezed", [Argument(nil, Code("-1"))]) }
    guard x.rank == 1 else { return result }
    return result.calling("squeezed", [Argument(nil, Code(y.rank == 1 ? "-1" : "-2"))])
  }

  /// β·input + α·a·b.
  private static func added(_ a: CallSite, _ first: String, _ second: String) throws -> Code {
    func timed(_ x: Code, _ name: String) throws -> Code {
      let value = try a.fixedNumber(name, default: 1)
      return value == 1 ? x : .infix(x, "*", .number(value), .product, throwing: true)
    }
    guard try a.fixedNumber("beta", default: 1) != 0 else { throw a.wrong("beta") }
    return .infix(
      try timed(a.tensor("input"), "beta"), "+", try timed(product(a, first, second), "alpha"),
      .sum, throwing: true)
  }

  private static func attention(_ a: CallSite) throws -> Code {
    guard try a.fixedNumber("dropout_p", default: 0) == 0, try !a.flag("enable_gqa") else {
      throw a.wrong("dropout_p")
    }
    let (q, k, v) = (try a.shape("query"), try a.shape("key"), try a.shape("value"))
    let lead = q.shape.dimensions.dropLast(2)
    let areLed = [k, v].map { $0.shape.dimensions.dropLast(2) == lead }
    let isCausal = try a.flag("is_causal")
    let isNamed = a.isNone("scale") || isCausal || areLed.contains(false)
    let query = isNamed ? a.keep(try a.tensor("query"), as: "queries") : try a.tensor("query")
    /// Keys and values that are the same for several queries.
    func led(_ name: String, _ isLed: Bool) throws -> Code {
      let x = try a.tensor(name)
      guard !isLed else { return x }
      let rank = try a.rank(name)
      let own = try a.shape(name).shape.dimensions.dropLast(2)
      guard rank == q.rank, zip(own, lead).allSatisfy({ $0 == $1 || $0 == 1 }) else {
        throw a.wrong(name)
      }
      let held = a.keep(x, as: name == "key" ? "keys" : "values")
      let extents = (0..<rank).map {
        Code("\(($0 < rank - 2 ? query : held).at(.atom)).shape[\($0)]")
      }
      return held.calling("expanded", [Argument("to", .list(extents))])
    }
    var arguments = [
      Argument("keys", try led("key", areLed[0])), Argument("values", try led("value", areLed[1])),
    ]
    if a.isNone("scale") {
      let width = "Double(\(query.at(.atom)).shape[\(q.rank - 1)])"
      arguments.append(Argument("scale", Code("1 / \(width).squareRoot()", level: .product)))
    } else {
      arguments.append(Argument("scale", try a.number("scale")))
    }
    if !a.isNone("attn_mask") {
      guard !isCausal else { throw a.wrong("attn_mask") }
      arguments.append(Argument("bias", try additive(a, q.dtype)))
    } else if isCausal {
      let keys = a.keep(try a.tensor("key"), as: "keys")
      arguments[0] = Argument("keys", keys)
      let (rows, columns) = (
        Code("\(query.text).shape[\(q.rank - 2)]"), Code("\(keys.text).shape[\(k.rank - 2)]")
      )
      let hidden = triangle(rows, columns, Code("0")).calling("inverted")
      let zeros = Code.call(
        "Tensor.zeros",
        [Argument(nil, .list([rows, columns])), Argument("dtype", query.member("dtype"))],
        throwing: true)
      arguments.append(Argument("bias", masked(zeros, hidden)))
    }
    return query.calling("attention", arguments)
  }

  private static func masked(_ zeros: Code, _ hidden: Code) -> Code {
    zeros.calling("choosing", [Argument(nil, Code("-.infinity")), Argument("where", hidden)])
  }

  /// A mask as what is added to scores; a condition says what is seen.
  private static func additive(_ a: CallSite, _ dtype: DType) throws -> Code {
    let mask = try a.shape("attn_mask")
    guard mask.dtype == .bool else {
      guard mask.dtype == dtype else { throw a.wrong("attn_mask") }
      return try a.tensor("attn_mask")
    }
    let seen = a.keep(try a.tensor("attn_mask"), as: "seen")
    let zeros = Code.call(
      "Tensor.zeros", [Argument(nil, seen.member("shape")), Argument("dtype", a.written(dtype))],
      throwing: true)
    return masked(zeros, seen.calling("inverted"))
  }
}
