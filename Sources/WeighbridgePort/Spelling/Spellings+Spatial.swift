import WeighbridgeNetwork

extension Spellings {
  static let spatial: [String: Spell] = [
    "pad": tensor(padded),
    "unfold": tensor { a in
      try batched(a, axes: 3, a.floating("input")) {
        $0.calling("unfolded", [Argument(nil, try windows(a))])
      }
    },
    "fold": tensor { a in
      try batched(a, axes: 2, a.floating("input")) {
        $0.calling(
          "folded", [Argument("to", try a.pair("output_size")), Argument(nil, try windows(a))])
      }
    },
    "pixel_shuffle": tensor { a in
      try batched(a, axes: 3, a.tensor("input")) {
        $0.calling("pixelShuffled", [Argument(nil, try a.integer("upscale_factor"))])
      }
    },
    "pixel_unshuffle": tensor { a in
      try batched(a, axes: 3, a.tensor("input")) {
        $0.calling("pixelUnshuffled", [Argument(nil, try a.integer("downscale_factor"))])
      }
    },
    "channel_shuffle": tensor { a in
      let x = try plain(a, "input")
      return x.calling(
        "unflattened",
        [Argument(nil, Code("1")), Argument(nil, Code("[\(try a.integer("groups").text), -1]"))]
      ).calling("transposed", [Argument(nil, Code("1")), Argument(nil, Code("2"))])
        .calling("reshaped", [Argument(nil, x.member("shape").member("dimensions"))])
    },
    "interpolate": tensor(interpolated),
    "grid_sample": tensor { a in
      guard try a.text("mode") == "bilinear", try a.text("padding_mode") == "zeros" else {
        throw a.wrong("mode")
      }
      return try a.floating("input").calling(
        "gridSampled",
        [
          Argument(nil, a.tensor("grid")),
          Argument("alignCorners", .flag(a.flag("align_corners"))),
        ])
    },
    "affine_grid": tensor { a in
      let size = try a.integers("size")
      guard size.count == 4 else { throw a.wrong("size") }
      return try a.tensor("theta").calling(
        "affineGrid",
        [
          Argument("size", a.pair(size[2], size[3])),
          Argument("alignCorners", .flag(a.flag("align_corners"))),
        ])
    },
  ]

  private static func windows(_ a: CallSite) throws -> Code {
    .call(
      "WindowGeometry",
      [Argument("kernel", try a.pair("kernel_size"))]
        + arguments([
          ("stride", try a.pair("stride", default: 1), "1"),
          ("padding", try a.pair("padding", default: 0), "0"),
          ("dilation", try a.pair("dilation", default: 1), "1"),
        ]))
  }

  private static func padded(_ a: CallSite) throws -> Code {
    let (x, numbers) = (try a.tensor("input"), try a.integers("pad"))
    guard numbers.count % 2 == 0, try a.shape("input").dtype != .bool else { throw a.wrong("pad") }
    let amounts = stride(from: numbers.count - 2, through: 0, by: -2).map {
      Code.call("AxisPadding", [Argument(nil, numbers[$0]), Argument(nil, numbers[$0 + 1])])
    }
    let mode: Code
    switch a.isNone("mode") ? "constant" : try a.text("mode") {
    case "constant":
      mode = .call(".constant", [Argument(nil, try a.number("value", default: 0))])
    case "reflect": mode = Code(".reflect")
    case "replicate": mode = Code(".replicate")
    case "circular": mode = Code(".circular")
    default: throw a.wrong("mode")
    }
    return x.calling("padded", [Argument(nil, .list(amounts)), Argument(nil, mode)])
  }

  private static func interpolated(_ a: CallSite) throws -> Code {
    let modes = [
      "nearest": ".nearest", "nearest-exact": ".nearestExact", "linear": ".linear",
      "bilinear": ".linear", "trilinear": ".linear", "bicubic": ".cubic", "area": ".area",
    ]
    guard let mode = try modes[a.text("mode")] else { throw a.wrong("mode") }
    let interpolation = Code.call(
      "Interpolation",
      [Argument(nil, Code(mode))]
        + arguments([
          ("alignCorners", .flag(try a.flag("align_corners")), "false"),
          ("antialias", .flag(try a.flag("antialias")), "false"),
        ]))
    let axes = max(0, try a.rank("input") - 2)
    let x = try a.floating("input")
    if !a.isNone("size") {
      let size = try a.integers("size")
      let all = size.count == 1 ? [Code](repeating: size[0], count: axes) : size
      return x.calling("interpolated", [Argument("to", .list(all)), Argument(nil, interpolation)])
    }
    let factors: [Code]
    switch a["scale_factor"] {
    case .list(let items): factors = try items.map { try $0.number() }
    case .literal(.list(let items)): factors = try items.map { try Held.literal($0).number() }
    case .code(let code, .list(let forms), _):
      factors = try forms.indices.map { try Held.code(code.item($0), forms[$0]).number() }
    default: factors = [try a.number("scale_factor")]
    }
    let all = factors.count == 1 ? [Code](repeating: factors[0], count: axes) : factors
    return x.calling(
      "interpolated",
      [Argument("by", .list(all)), Argument(nil, interpolation)]
        + (try a.flag("recompute_scale_factor") ? [Argument("recomputing", Code("true"))] : []))
  }

  static let made: [String: Spell] = [
    "arange": tensor { a in
      let names = ["start", "end", "step"]
      let isWhole = names.allSatisfy { a[$0].form.asInteger != nil || a.isNone($0) }
      let dtype = try a.dtype() ?? (isWhole ? Code(".int64") : a.dtype)
      guard isWhole else {
        return .call(
          "Tensor.arange",
          [
            Argument("from", try a.number("start", default: 0)),
            Argument("to", try a.number("end")),
            Argument("step", try a.number("step", default: 1)), Argument("dtype", dtype),
          ], throwing: true)
      }
      return .call(
        "Tensor.arange",
        arguments([
          ("from", try a.integer("start", default: 0), "0"), ("to", try a.integer("end"), nil),
          ("step", try a.integer("step", default: 1), "1"), ("dtype", dtype, ".int64"),
        ]), throwing: true)
    },
    "linspace": tensor { a in
      .call(
        "Tensor.linspace",
        [
          Argument("from", try a.number("start")), Argument("to", try a.number("end")),
          Argument("count", try a.integer("steps")), Argument("dtype", try a.dtype() ?? a.dtype),
        ], throwing: true)
    },
    "zeros": tensor { try full($0, $0.array("size"), Code("0")) },
    "ones": tensor { try full($0, $0.array("size"), Code("1")) },
    "empty": tensor { try full($0, $0.array("size"), Code("0")) },
    "full": tensor { try full($0, $0.array("size"), $0.number("fill_value")) },
    "fill": tensor { a in
      if case .tensor(let value) = a["value"].form {
        guard try value.dtype == a.shape("input").dtype else { throw a.wrong("value") }
        return try a.tensor("value").calling(
          "expanded", [Argument("to", a.tensor("input").member("shape"))])
      }
      return try like(a, a.number("value"))
    },
    "zeros_like": tensor { try like($0, Code("0")) },
    "ones_like": tensor { try like($0, Code("1")) },
    "empty_like": tensor { try like($0, Code("0")) },
    "full_like": tensor { try like($0, $0.number("fill_value")) },
    "new_zeros": tensor { try new($0, Code("0")) }, "new_ones": tensor { try new($0, Code("1")) },
    "new_empty": tensor { try new($0, Code("0")) },
    "new_full": tensor { try new($0, $0.number("fill_value")) },
  ]

  private static func full(
    _ a: CallSite, _ size: Code, _ value: Code, dtype: Code? = nil
  ) throws -> Code {
    let dtype = try a.dtype() ?? dtype ?? a.dtype
    let shape = size.text.hasPrefix("[") ? size : Code("Shape(\(size.text))")
    let name = value.text == "0" ? "zeros" : value.text == "1" ? "ones" : "full"
    return .call(
      "Tensor.\(name)",
      [Argument(nil, shape)] + (name == "full" ? [Argument(nil, value)] : [])
        + arguments([("dtype", dtype, ".float32")]), throwing: true)
  }

  private static func like(_ a: CallSite, _ value: Code) throws -> Code {
    let x = try plain(a, "input")
    let size = Code("\(x.at(.atom)).shape.dimensions")
    return try full(a, size, value, dtype: x.member("dtype"))
  }

  private static func new(_ a: CallSite, _ value: Code) throws -> Code {
    let x = try a.tensor("input")
    return try full(a, a.array("size"), value, dtype: a.isNone("dtype") ? x.member("dtype") : nil)
  }
}
