import WeighbridgeNetwork

extension Spellings {
  static let convolutions: [String: Spell] = [
    "conv2d": tensor { a in
      try batched(a, axes: 3, a.floating("input")) {
        try $0.calling("convolved", weights(a) + [Argument("geometry", convolution(a))])
      }
    },
    "conv1d": tensor { a in
      let row = try a.tensor("weight").calling("unsqueezed", [Argument(nil, Code("2"))])
        .calling("contiguous")
      return try batched(a, axes: 2, a.floating("input")) {
        try $0.calling("unsqueezed", [Argument(nil, Code("2"))])
          .calling(
            "convolved",
            [Argument("weight", row)] + weights(a).dropFirst()
              + [Argument("geometry", convolution(a, isRow: true))]
          )
          .calling("squeezed", [Argument(nil, Code("2"))])
      }
    },
    "conv_transpose2d": tensor { a in
      try batched(a, axes: 3, a.floating("input")) {
        try $0.calling(
          "transposedConvolved", weights(a) + [Argument("geometry", transposed(a))])
      }
    },
    "linear": tensor { a in
      guard try a.rank("weight") == 2 else { throw a.wrong("weight") }
      return try a.floating("input").calling("linear", weights(a))
    },
    "embedding": tensor {
      try $0.tensor("weight").calling(
        "indexed", [Argument(nil, Code("0")), Argument("by", $0.tensor("input"))])
    },
  ]

  private static func weights(_ a: CallSite) throws -> [Argument] {
    [Argument("weight", try a.tensor("weight"))]
      + (a.isNone("bias") ? [] : [Argument("bias", try a.tensor("bias"))])
  }

  private static func convolution(_ a: CallSite, isRow: Bool = false) throws -> Code {
    func pair(_ name: String, _ neutral: Int) throws -> Code {
      isRow
        ? a.pair(.integer(neutral), try a.single(name, default: neutral))
        : try a.pair(name, default: neutral)
    }
    var padding: Code
    if case .text(let form)? = a["padding"].fixed {
      guard form == "valid" || form == "same" else { throw a.wrong("padding") }
      padding = Code("0")
      if form == "same" {
        let kernel = try a.shape("weight").shape.dimensions.suffix(2)
        let dilation = try a.fixedIntegers("dilation")
        guard kernel.count == 2, !isRow, !dilation.isEmpty else { throw a.wrong("padding") }
        let total = zip(kernel, dilation.count == 1 ? dilation + dilation : dilation)
          .map { ($0 - 1) * $1 }
        padding = Code(
          "Padding(top: \(total[0] / 2), bottom: \(total[0] - total[0] / 2), "
            + "left: \(total[1] / 2), right: \(total[1] - total[1] / 2))")
      }
    } else {
      padding = paddingCode(try pair("padding", 0), of: a)
    }
    return .call(
      "ConvolutionGeometry",
      arguments([
        ("stride", try pair("stride", 1), isRow ? "Pair(1, 1)" : "1"),
        ("padding", padding, "0"),
        ("dilation", try pair("dilation", 1), isRow ? "Pair(1, 1)" : "1"),
        ("groups", try a.integer("groups", default: 1), "1"),
      ]))
  }

  /// A pair's expression as that of a padding.
  static func paddingCode(_ pair: Code, of a: CallSite) -> Code {
    guard pair.text.hasPrefix("Pair(") else { return pair }
    let inner = String(pair.text.dropFirst(5).dropLast())
    return Code(inner.contains(",") ? "Padding(\(inner))" : "Padding(\(inner), \(inner))")
  }

  private static func transposed(_ a: CallSite) throws -> Code {
    .call(
      "TransposedConvolutionGeometry",
      arguments([
        ("stride", try a.pair("stride", default: 1), "1"),
        ("padding", try a.pair("padding", default: 0), "0"),
        ("outputPadding", try a.pair("output_padding", default: 0), "0"),
        ("dilation", try a.pair("dilation", default: 1), "1"),
        ("groups", try a.integer("groups", default: 1), "1"),
      ]))
  }

  static let norms: [String: Spell] = [
    "batch_norm": tensor { a in
      guard try !a.flag("training"), !a.isNone("running_mean") else { return try ownStatistics(a) }
      return try a.floating("input").calling(
        "batchNormalized",
        [
          Argument("mean", a.tensor("running_mean")), Argument("variance", a.tensor("running_var")),
          Argument("weight", a.optionalTensor("weight")),
          Argument("bias", a.optionalTensor("bias")),
          Argument("epsilon", a.number("eps")),
        ])
    },
    "layer_norm": tensor { a in
      let axes = try a.integers("normalized_shape").count
      return try a.floating("input").calling(
        "layerNormalized",
        (axes == 1 ? [] : [Argument("axes", .integer(axes))]) + [
          Argument("weight", a.optionalTensor("weight")),
          Argument("bias", a.optionalTensor("bias")),
          Argument("epsilon", a.number("eps")),
        ])
    },
    "group_norm": tensor {
      try $0.floating("input").calling(
        "groupNormalized",
        [
          Argument("groups", $0.integer("num_groups")),
          Argument("weight", $0.optionalTensor("weight")),
          Argument("bias", $0.optionalTensor("bias")), Argument("epsilon", $0.number("eps")),
        ])
    },
    "instance_norm": tensor { a in
      guard try a.flag("use_input_stats"), try a.rank("input") > 1 else {
        throw a.wrong("use_input_stats")
      }
      let x = try a.floating("input")
      return try x.calling(
        "groupNormalized",
        [
          Argument("groups", Code("\(x.at(.atom)).shape[1]", isThrowing: x.isThrowing)),
          Argument("weight", a.optionalTensor("weight")),
          Argument("bias", a.optionalTensor("bias")), Argument("epsilon", a.number("eps")),
        ])
    },
    "rms_norm": tensor { a in
      let axes = try a.integers("normalized_shape").count
      let own = Double(Float.ulpOfOne)
      return try a.floating("input").calling(
        "rmsNormalized",
        (axes == 1 ? [] : [Argument("axes", .integer(axes))])
          + (a.isNone("weight") ? [] : [Argument("weight", a.tensor("weight"))])
          + [Argument("epsilon", a.number("eps", default: own))])
    },
    "normalize": tensor {
      try $0.floating("input").calling(
        "normalized",
        arguments([
          ("p", $0.number("p", default: 2), "2"), ("axis", $0.single("dim", default: 1), "1"),
          ("epsilon", $0.number("eps"), "1e-12"),
        ]))
    },
  ]

  /// With each batch's own statistics, which are summed in float64.
  private static func ownStatistics(_ a: CallSite) throws -> Code {
    let (x, rank) = (try plain(a, "input"), try a.rank("input"))
    guard rank >= 2 else { throw a.wrong("input") }
    let wide = a.keep(x.calling("converted", [Argument("to", Code(".float64"))]), as: "wide")
    let axes = Argument("axes", .list(([0] + Array(2..<max(2, rank))).map { .integer($0) }))
    let back = [Argument("to", x.member("dtype"))]
    return x.calling(
      "batchNormalized",
      [
        Argument("mean", wide.calling("mean", [axes]).calling("converted", back)),
        Argument(
          "variance",
          wide.calling("variance", [axes, Argument("correction", Code("0"))])
            .calling("converted", back)),
        Argument("weight", try a.optionalTensor("weight")),
        Argument("bias", try a.optionalTensor("bias")), Argument("epsilon", try a.number("eps")),
      ])
  }

  static let pooling: [String: Spell] = [
    "max_pool2d": tensor { a in
      guard try !a.flag("return_indices") else { throw a.wrong("return_indices") }
      return try pooled(a, ".maximum")
    },
    "avg_pool2d": tensor { a in
      guard a.isNone("divisor_override") else { throw a.wrong("divisor_override") }
      return try pooled(a, ".average(countIncludePad: \(a.flag("count_include_pad")))")
    },
    "adaptive_avg_pool2d": tensor { a in
      try batched(a, axes: 3, a.floating("input")) {
        $0.calling("adaptiveAveragePooled", [Argument("to", try adaptive(a))])
      }
    },
    "adaptive_max_pool2d": tensor { a in
      guard try !a.flag("return_indices") else { throw a.wrong("return_indices") }
      return try batched(a, axes: 3, a.floating("input")) {
        $0.calling("adaptiveMaxPooled", [Argument("to", try adaptive(a))])
      }
    },
    "adaptive_avg_pool1d": tensor { a in
      guard try a.rank("input") == 3 else { throw a.wrong("input") }
      let size = a.pair(Code("1"), try a.single("output_size"))
      return try a.floating("input").calling("unsqueezed", [Argument(nil, Code("2"))])
        .calling("adaptiveAveragePooled", [Argument("to", size)])
        .calling("squeezed", [Argument(nil, Code("2"))])
    },
  ]

  private static func adaptive(_ a: CallSite) throws -> Code {
    if case .list(let items) = a["output_size"], items.count == 2 {
      let sizes = try items.map { $0.isNone ? Code("-1") : try $0.integer() }
      return sizes[0] == sizes[1] && Int(sizes[0].text) != nil
        ? sizes[0] : a.pair(sizes[0], sizes[1])
    }
    return try a.pair("output_size")
  }

  private static func pooled(_ a: CallSite, _ kind: String) throws -> Code {
    let kernel = try a.pair("kernel_size")
    let isEmpty = a.isNone("stride") || (try? a.fixedIntegers("stride"))?.isEmpty == true
    let padding = paddingCode(try a.pair("padding", default: 0), of: a)
    let geometry = Code.call(
      "PoolingGeometry",
      [Argument(nil, Code(kind)), Argument("kernel", kernel)]
        + arguments([
          ("stride", isEmpty ? kernel : try a.pair("stride"), kernel.text),
          ("padding", padding, "0"),
          ("dilation", kind == ".maximum" ? try a.pair("dilation", default: 1) : Code("1"), "1"),
          ("ceilMode", .flag(try a.flag("ceil_mode")), "false"),
        ]))
    return try batched(a, axes: 3, a.floating("input")) {
      $0.calling("pooled", [Argument(nil, geometry)])
    }
  }
}
