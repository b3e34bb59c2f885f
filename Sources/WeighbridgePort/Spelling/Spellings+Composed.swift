import WeighbridgeNetwork

extension Spellings {
  /// Functions that are written as several of the package's.
  static let composed: [String: Spell] = [
    "exp2": tensor { a in
      let x = try plain(a, "input")
      return full(Code("2"), x.member("dtype")).calling(
        "combined", [plainly(".power"), Argument(nil, x)])
    },
    "log10": tensor { a in
      let log = try a.floating("input").calling("mapped", [plainly(".logarithm")])
      return .infix(log, "*", .number(0.4342944819032518277), .product, throwing: true)
    },
    "tan": twice { x in
      .infix(mapped(x, ".sine"), "/", mapped(x, ".cosine"), .product, throwing: true)
    },
    "frac": twice { .infix($0, "-", mapped($0, ".truncated"), .sum, throwing: true) },
    "tanhshrink": twice { .infix($0, "-", activated($0, ".tanh"), .sum, throwing: true) },
    "softsign": twice { x in
      let below = mapped(x, ".absolute").calling("affine", [Argument("shift", Code("1"))])
      return .infix(x, "/", below, .product, throwing: true)
    },
    "isnan": twice { $0.calling("compared", [plainly(".notEqual"), Argument(nil, $0)]) },
    "isinf": once {
      mapped($0, ".absolute").calling("compared", [plainly(".equal"), plainly(".infinity")])
    },
    "isfinite": once {
      mapped($0, ".absolute").calling("compared", [plainly(".less"), plainly(".infinity")])
    },
    "logsigmoid": once { mapped(activated(mapped($0, ".negate"), ".softplus"), ".negate") },
    "selu": once { x in
      let (scale, alpha) = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)
      let inner = activated(x, ".elu(alpha: \(Code.number(alpha).text))")
      return .infix(inner, "*", .number(scale), .product, throwing: true)
    },
    "celu": tensor { a in
      let (x, alpha) = (try plain(a, "input"), try a.fixedNumber("alpha", default: 1))
      var below = mapped(
        x.calling("affine", [Argument("scale", .number(1 / alpha))]), ".exponentialMinusOne")
      if alpha != 1 { below = .infix(below, "*", .number(alpha), .product, throwing: true) }
      let isAbove = x.calling("compared", [plainly(".greater"), plainly("0")])
      return below.calling("choosing", [Argument(nil, x), Argument("where", isAbove)])
    },
    "threshold": tensor { a in
      let x = try plain(a, "input")
      let isBelow = x.calling(
        "compared", [plainly(".lessOrEqual"), Argument(nil, try a.number("threshold"))])
      return x.calling(
        "choosing", [Argument(nil, try a.number("value")), Argument("where", isBelow)])
    },
    "hardshrink": tensor { a in
      let x = try plain(a, "input")
      let isSmall = mapped(x, ".absolute").calling(
        "compared", [plainly(".lessOrEqual"), Argument(nil, try a.number("lambd"))])
      return x.calling("choosing", [plainly("0"), Argument("where", isSmall)])
    },
    "softmin": tensor { a in
      guard a.isNone("dtype") else { throw a.wrong("dtype") }
      return mapped(try a.floating("input"), ".negate").calling(
        "softmax", [Argument("axis", try a.integer("dim", default: -1))])
    },
    "addcdiv": tensor { a in
      let quotient = Code.infix(
        try a.tensor("tensor1"), "/", try a.tensor("tensor2"), .product, throwing: true)
      let value = try a.fixedNumber("value", default: 1)
      let scaled =
        value == 1 ? quotient : .infix(quotient, "*", .number(value), .product, throwing: true)
      return .infix(try a.tensor("input"), "+", scaled, .sum, throwing: true)
    },
    "weight_norm": tensor { a in
      let (v, rank) = (a.keep(try a.tensor("v"), as: "v"), try a.rank("v"))
      let axis = try a.fixed("dim", default: 0)
      let others = (0..<rank).filter { $0 != (axis < 0 ? axis + rank : axis) }
      let norm = v.calling(
        "norm",
        [
          Argument("axes", .list(others.map { .integer($0) })),
          Argument("keepingAxes", Code("true")),
        ])
      return .infix(
        v, "*", .infix(try a.tensor("g"), "/", norm, .product, throwing: true), .product,
        throwing: true)
    },
    "tril": tensor { a in
      let x = a.keep(try a.tensor("input"), as: "square")
      let kept = try triangle(x, a.rank("input"), a.integer("diagonal", default: 0))
      return x.calling("choosing", [plainly("0"), Argument("where", kept.calling("inverted"))])
    },
    "triu": tensor { a in
      let x = a.keep(try a.tensor("input"), as: "square")
      let lost = try triangle(
        x, a.rank("input"), .integer(try a.fixed("diagonal", default: 0) - 1))
      return x.calling("choosing", [plainly("0"), Argument("where", lost)])
    },
    "eye": tensor { a in
      let (n, m) = (try a.integer("n"), a.isNone("m") ? try a.integer("n") : try a.integer("m"))
      let rows = arange(n).calling("unsqueezed", [plainly("1")])
      return rows.calling(
        "compared",
        [plainly(".equal"), Argument(nil, arange(m).calling("unsqueezed", [plainly("0")]))]
      ).calling("converted", [Argument("to", try a.dtype() ?? a.dtype)])
    },
    "tensor": tensor(literal),
    "max_pool1d": tensor { a in
      guard try !a.flag("return_indices") else { throw a.wrong("return_indices") }
      return try row(a, ".maximum")
    },
    "avg_pool1d": tensor {
      try row($0, ".average(countIncludePad: \($0.flag("count_include_pad")))")
    },
  ]

  // Pieces

  private static func plainly(_ text: String) -> Argument { Argument(nil, Code(text)) }

  private static func mapped(_ x: Code, _ operation: String) -> Code {
    x.calling("mapped", [plainly(operation)])
  }

  private static func activated(_ x: Code, _ activation: String) -> Code {
    x.calling("activated", [plainly(activation)])
  }

  private static func full(_ value: Code, _ dtype: Code) -> Code {
    .call(
      "Tensor.full", [plainly("[]"), Argument(nil, value), Argument("dtype", dtype)],
      throwing: true)
  }

  private static func arange(_ count: Code) -> Code {
    .call("Tensor.arange", [Argument("to", count)], throwing: true)
  }

  private static func once(_ spell: @escaping @Sendable (Code) -> Code) -> Spell {
    tensor { spell(try $0.floating("input")) }
  }

  /// A function in which the input stands more than once.
  private static func twice(_ spell: @escaping @Sendable (Code) -> Code) -> Spell {
    tensor { spell(try plain($0, "input")) }
  }

  /// Where column − row ≤ diagonal, of a matrix' shape.
  static func triangle(_ x: Code, _ rank: Int, _ diagonal: Code) throws -> Code {
    guard rank >= 2 else { throw PortLimit("takes a triangle of no matrix") }
    return triangle(
      Code("\(x.text).shape[\(rank - 2)]"), Code("\(x.text).shape[\(rank - 1)]"), diagonal)
  }

  static func triangle(_ rows: Code, _ columns: Code, _ diagonal: Code) -> Code {
    Code.infix(
      arange(columns).calling("unsqueezed", [plainly("0")]), "-",
      arange(rows).calling("unsqueezed", [plainly("1")]), .sum, throwing: true
    ).calling("compared", [plainly(".lessOrEqual"), Argument(nil, diagonal)])
  }

  /// Numbers as a tensor.
  private static func literal(_ a: CallSite) throws -> Code {
    if case .tensor = a["data"].form {
      let x = try a.tensor("data")
      guard case .literal(.dtype(let target)) = a["dtype"] else { return x }
      let own = try a.shape("data").dtype
      return own == target ? x : a.converted(x, own, to: target)
    }
    guard case .tensor(let made) = a.form, made.dtype != .bool else { throw a.wrong("data") }
    let dtype = a.written(made.dtype)
    if made.rank == 0 { return full(try a.number("data"), dtype) }
    let numbers = try Drafting.leafCodes(a["data"])
    guard numbers.count == made.elementCount, numbers.count <= 64 else { throw a.wrong("data") }
    let doubles = numbers.map { Double($0.text) == nil ? Code("Double(\($0.text))") : $0 }
    let shape = Code("[\(made.shape.map(String.init).joined(separator: ", "))]")
    return Code.call(
      "Tensor", [plainly("\(Code.list(doubles).text) as [Double]"), Argument("shape", shape)],
      throwing: true
    ).calling("casted", [Argument("to", dtype)])
  }

  /// A pool of [N, C, L] as one of images of one row.
  private static func row(_ a: CallSite, _ kind: String) throws -> Code {
    guard try a.rank("input") == 3 else { throw a.wrong("input") }
    let kernel = try a.single("kernel_size")
    let isEmpty = a.isNone("stride") || (try? a.fixedIntegers("stride"))?.isEmpty == true
    let stride = isEmpty ? kernel : try a.single("stride")
    func pair(_ x: Code) -> Code { Code("Pair(1, \(x.text))") }
    let geometry = Code.call(
      "PoolingGeometry",
      [plainly(kind), Argument("kernel", pair(kernel)), Argument("stride", pair(stride))]
        + arguments([
          (
            "padding", Code("Padding(0, \(try a.single("padding", default: 0).text))"),
            "Padding(0, 0)"
          ),
          (
            "dilation",
            kind == ".maximum" ? pair(try a.single("dilation", default: 1)) : pair(Code("1")),
            "Pair(1, 1)"
          ),
          ("ceilMode", .flag(try a.flag("ceil_mode")), "false"),
        ]))
    return try a.floating("input").calling("unsqueezed", [plainly("2")])
      .calling("pooled", [Argument(nil, geometry)]).calling("squeezed", [plainly("2")])
  }
}
