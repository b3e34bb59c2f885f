extension Vocabulary {
  /// Sizes, edges and windows of images.
  static let spatial: [Function] = [
    .tensor("pad(input, pad, mode, value)", padded),
    .tensor("unfold(input, kernel_size, dilation, padding, stride)") { a in
      let geometry = try windows(a)
      return try batched(a.floating("input"), axes: 3) { try $0.unfolded(geometry) }
    },
    .tensor("fold(input, output_size, kernel_size, dilation, padding, stride)") { a in
      let (geometry, size) = (try windows(a), try a.pair("output_size"))
      return try batched(a.floating("input"), axes: 2) { try $0.folded(to: size, geometry) }
    },
    .tensor("pixel_shuffle(input, upscale_factor)") { a in
      try batched(a.tensor("input"), axes: 3) {
        try $0.pixelShuffled(a.integer("upscale_factor"))
      }
    },
    .tensor("pixel_unshuffle(input, downscale_factor)") { a in
      try batched(a.tensor("input"), axes: 3) {
        try $0.pixelUnshuffled(a.integer("downscale_factor"))
      }
    },
    .tensor("channel_shuffle(input, groups)") { a in
      let (x, groups) = (try a.tensor("input"), try a.integer("groups"))
      guard x.rank > 2, groups > 0, x.shape[1] % groups == 0 else { throw a.wrong("groups") }
      return try x.unflattened(1, [groups, -1]).transposed(1, 2)
        .reshaped(x.shape.dimensions)
    },
    .tensor(
      "interpolate(input, size, scale_factor, mode, align_corners, recompute_scale_factor, "
        + "antialias)", interpolated),
    .tensor("grid_sample(input, grid, mode, padding_mode, align_corners)") {
      try $0.require($0.text("mode") == "bilinear", "mode")
      try $0.require($0.text("padding_mode") == "zeros", "padding_mode")
      return try $0.floating("input").gridSampled(
        $0.tensor("grid"), alignCorners: $0.flag("align_corners"))
    },
    .tensor("affine_grid(theta, size, align_corners)") { a in
      let size = try a.integers("size")
      guard size.count == 4 else { throw a.wrong("size") }
      return try a.tensor("theta").affineGrid(
        size: Pair(size[2], size[3]), alignCorners: a.flag("align_corners"))
    },
    .tensor("tril(input, diagonal)") { a in
      let x = try a.tensor("input")
      let kept = try triangle(x, a.integer("diagonal", default: 0))
      return try x.choosing(0, where: kept.inverted())
    },
    .tensor("triu(input, diagonal)") { a in
      let x = try a.tensor("input")
      let lost = try triangle(x, a.integer("diagonal", default: 0) - 1)
      return try x.choosing(0, where: lost)
    },
  ]

  private static func triangle(_ x: Tensor, _ diagonal: Int) throws -> Tensor {
    guard x.rank >= 2 else { throw WeighbridgeError(.shape, "\(x.shape) is no matrix") }
    return try triangle(x.shape[x.rank - 2], x.shape[x.rank - 1], diagonal)
  }

  private static func windows(_ a: Arguments) throws -> WindowGeometry {
    WindowGeometry(
      kernel: try a.pair("kernel_size"), stride: try a.pair("stride", default: 1),
      padding: try a.pair("padding", default: 0), dilation: try a.pair("dilation", default: 1))
  }

  private static func padded(_ a: Arguments) throws -> Tensor {
    let (x, numbers) = (try a.tensor("input"), try a.integers("pad"))
    guard numbers.count % 2 == 0 else { throw a.wrong("pad") }
    // PyTorch begins with the last axis.
    let amounts = stride(from: numbers.count - 2, through: 0, by: -2).map {
      AxisPadding(numbers[$0], numbers[$0 + 1])
    }
    let mode: PaddingMode
    switch a.isNone("mode") ? "constant" : try a.text("mode") {
    case "constant":
      let value = try a.number("value", default: 0)
      if x.dtype == .bool {
        return try x.converted(to: .int64).padded(amounts, .constant(value))
          .compared(.notEqual, 0)
      }
      mode = .constant(value)
    case "reflect": mode = .reflect
    case "replicate": mode = .replicate
    case "circular": mode = .circular
    default: throw a.wrong("mode")
    }
    return try x.padded(amounts, mode)
  }

  /// How `interpolate` resizes.
  static func interpolation(_ a: Arguments) throws -> Interpolation {
    let modes: [String: Interpolation.Mode] = [
      "nearest": .nearest, "nearest-exact": .nearestExact, "linear": .linear,
      "bilinear": .linear, "trilinear": .linear, "bicubic": .cubic, "area": .area,
    ]
    guard let mode = try modes[a.text("mode")] else { throw a.wrong("mode") }
    return Interpolation(
      mode, alignCorners: try a.flag("align_corners"), antialias: try a.flag("antialias"))
  }

  /// The size or the factors that `interpolate` resizes to, one for each axis or one for all.
  static func target(_ a: Arguments) throws -> Upsample.Target {
    if !a.isNone("size") { return .size(try a.integers("size")) }
    let factors: [Double]
    switch a["scale_factor"] {
    case .list(let items): factors = items.compactMap(\.asNumber)
    default: factors = [try a.number("scale_factor")]
    }
    return .factors(factors, recomputing: try a.flag("recompute_scale_factor"))
  }

  private static func interpolated(_ a: Arguments) throws -> Tensor {
    let (x, interpolation) = (try a.floating("input"), try interpolation(a))
    let axes = max(0, x.rank - 2)
    switch try target(a) {
    case .size(let size):
      return try x.interpolated(
        to: size.count == 1 ? [Int](repeating: size[0], count: axes) : size, interpolation)
    case .factors(let factors, let recomputing):
      return try x.interpolated(
        by: factors.count == 1 ? [Double](repeating: factors[0], count: axes) : factors,
        interpolation, recomputing: recomputing)
    }
  }
}
