import WeighbridgeNetwork

extension Spellings {
  /// Functions of two tensors, and what few networks call.
  static let pairs: [String: Spell] = [
    "mv": tensor { try product($0, "input", "vec") },
    "dot": tensor { try product($0, "input", "other") },
    "cosine_similarity": tensor { a in
      let axis = try a.integer("dim", default: 1)
      let edge = try a.number("eps")
      func unit(_ name: String) throws -> Code {
        let x = a.keep(try a.floating(name), as: name)
        let norm = x.calling("norm", [axes(axis), Argument("keepingAxes", Code("true"))])
          .calling("clamped", [Argument(nil, edge), Argument(nil, Code(".infinity"))])
        return .infix(x, "/", norm, .product, throwing: true)
      }
      return try Code.infix(unit("x1"), "*", unit("x2"), .product, throwing: true)
        .calling("sum", [axes(axis)])
    },
    "cdist": tensor { a in
      let x = try a.floating("x1").calling("unsqueezed", [Argument(nil, Code("-2"))])
      let y = try a.floating("x2").calling("unsqueezed", [Argument(nil, Code("-3"))])
      return Code.infix(x, "-", y, .sum, throwing: true).calling(
        "norm", [Argument("p", try a.number("p", default: 2)), axes(Code("-1"))])
    },
    "bitwise_or": flags { $0.calling("or", [Argument(nil, $1)]) },
    "bitwise_xor": flags(differ),
    "logical_xor": tensor { differ(try $0.condition("input"), try $0.condition("other")) },
    "sinh": tensor { a in
      let growth = a.keep(
        try a.floating("input").calling("mapped", [Argument(nil, Code(".exponentialMinusOne"))]),
        as: "growth")
      let above = growth.calling("affine", [Argument("shift", Code("1"))])
      return half(growth, .infix(growth, "/", above, .product, throwing: true))
    },
    "cosh": tensor { a in
      let growth = a.keep(
        try a.floating("input").calling("mapped", [Argument(nil, Code(".exponential"))]),
        as: "growth")
      return half(growth, growth.calling("mapped", [Argument(nil, Code(".reciprocal"))]))
    },
    "softshrink": tensor { a in
      let (x, edge) = (try plain(a, "input"), try a.fixedNumber("lambd"))
      let size = a.keep(x.calling("mapped", [Argument(nil, Code(".absolute"))]), as: "size")
      let sign = x.calling("mapped", [Argument(nil, Code(".sign"))])
      let above = size.calling("affine", [Argument("shift", .number(-edge))])
      let isSmall = size.calling(
        "compared", [Argument(nil, Code(".lessOrEqual")), Argument(nil, .number(edge))])
      return Code.infix(sign, "*", above, .product, throwing: true).calling(
        "choosing", [Argument(nil, Code("0")), Argument("where", isSmall)])
    },
    "take_along_dim": tensor { a in
      let (x, indices) = (try a.shape("input"), try a.shape("indices"))
      let axis = try a.fixed("dim")
      let place = axis < 0 ? axis + x.rank : axis
      guard x.rank == indices.rank,
        x.shape.indices.allSatisfy({ $0 == place || x.shape[$0] == indices.shape[$0] })
      else { throw a.wrong("indices") }
      return try a.tensor("input").calling(
        "gathered", [Argument(nil, .integer(place)), Argument(nil, a.tensor("indices"))])
    },
  ]

  private static func axes(_ axis: Code) -> Argument { Argument("axes", .list([axis])) }

  private static func differ(_ a: Code, _ b: Code) -> Code {
    a.calling("compared", [Argument(nil, Code(".notEqual")), Argument(nil, b)])
  }

  private static func half(_ a: Code, _ b: Code) -> Code {
    .infix(.infix(a, "+", b, .sum, throwing: true), "*", Code("0.5"), .product, throwing: true)
  }

  /// Bit by bit, of conditions alone.
  private static func flags(_ spell: @escaping @Sendable (Code, Code) -> Code) -> Spell {
    tensor { a in
      guard try a.shape("input").dtype == .bool, try a.shape("other").dtype == .bool else {
        throw a.wrong("input")
      }
      return spell(try a.tensor("input"), try a.tensor("other"))
    }
  }
}
