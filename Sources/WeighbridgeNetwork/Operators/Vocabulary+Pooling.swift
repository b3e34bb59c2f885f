extension Vocabulary {
  static let pooling: [Function] = [
    .tensor("max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)")
    {
      a in
      let geometry = try maximumPooling(a, isRow: true)
      return try asRow(a) { try $0.pooled(geometry) }
    },
    .tensor("max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)")
    {
      a in
      let geometry = try maximumPooling(a)
      return try batched(a.floating("input"), axes: 3) { try $0.pooled(geometry) }
    },
    .refused(
      "max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)"),
    .tensor("avg_pool1d(input, kernel_size, stride, padding, ceil_mode, count_include_pad)") { a in
      let geometry = try averagePooling(a, isRow: true)
      return try asRow(a) { try $0.pooled(geometry) }
    },
    .tensor(
      "avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, "
        + "divisor_override)"
    ) { a in
      let geometry = try averagePooling(a)
      return try batched(a.floating("input"), axes: 3) { try $0.pooled(geometry) }
    },
    .refused(
      "avg_pool3d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, "
        + "divisor_override)"),
    .refused("lp_pool1d(input, norm_type, kernel_size, stride, ceil_mode)"),
    .refused("lp_pool2d(input, norm_type, kernel_size, stride, ceil_mode)"),
    .tensor("adaptive_avg_pool1d(input, output_size)") { a in
      let size = Pair(1, try a.single("output_size"))
      return try asRow(a) { try $0.adaptiveAveragePooled(to: size) }
    },
    .tensor("adaptive_avg_pool2d(input, output_size)") { a in
      let size = try adaptiveSize(a)
      return try batched(a.floating("input"), axes: 3) { try $0.adaptiveAveragePooled(to: size) }
    },
    .refused("adaptive_avg_pool3d(input, output_size)"),
    .tensor("adaptive_max_pool1d(input, output_size, return_indices)") { a in
      try a.require(!a.flag("return_indices"), "return_indices")
      let size = Pair(1, try a.single("output_size"))
      return try asRow(a) { try $0.adaptiveMaxPooled(to: size) }
    },
    .tensor("adaptive_max_pool2d(input, output_size, return_indices)") { a in
      try a.require(!a.flag("return_indices"), "return_indices")
      let size = try adaptiveSize(a)
      return try batched(a.floating("input"), axes: 3) { try $0.adaptiveMaxPooled(to: size) }
    },
    .refused("max_unpool2d(input, indices, kernel_size, stride, padding, output_size)"),
  ]

  /// [N, C, L] or [C, L] as images of one row.
  private static func asRow(
    _ a: Arguments, _ body: (Tensor) throws -> Tensor
  ) throws -> Tensor {
    try batched(a.floating("input"), axes: 2) { x in
      guard x.rank == 3 else { throw a.wrong("input") }
      return try body(x.unsqueezed(2)).squeezed(2)
    }
  }

  static func maximumPooling(_ a: Arguments, isRow: Bool = false) throws -> PoolingGeometry {
    try a.require(!a.flag("return_indices"), "return_indices")
    var geometry = try self.geometry(a, .maximum, isRow)
    geometry.dilation =
      isRow ? Pair(1, try a.single("dilation", default: 1)) : try a.pair("dilation", default: 1)
    return geometry
  }

  static func averagePooling(_ a: Arguments, isRow: Bool = false) throws -> PoolingGeometry {
    try a.require(a.isNone("divisor_override"), "divisor_override")
    return try geometry(
      a, .average(countIncludePad: a.flag("count_include_pad")), isRow)
  }

  private static func geometry(
    _ a: Arguments, _ kind: PoolingGeometry.Kind, _ isRow: Bool
  ) throws -> PoolingGeometry {
    func pair(_ name: String, _ neutral: Int) throws -> Pair<Int> {
      isRow ? Pair(neutral, try a.single(name)) : try a.pair(name)
    }
    let kernel = try pair("kernel_size", 1)
    let isEmpty = a.isNone("stride") || (try? a.integers("stride"))?.isEmpty == true
    let padding = a.isNone("padding") ? Pair(0) : try pair("padding", 0)
    return PoolingGeometry(
      kind, kernel: kernel, stride: isEmpty ? kernel : try pair("stride", 1),
      padding: Padding(padding.height, padding.width), ceilMode: try a.flag("ceil_mode"))
  }

  /// Height and width, where None keeps the input's, as −1 does here.
  static func adaptiveSize(_ a: Arguments) throws -> Pair<Int> {
    guard case .list(let items) = a["output_size"], items.count == 2 else {
      return try a.pair("output_size")
    }
    let sizes = items.map { item -> Int? in
      if case .none = item { -1 } else { item.asInteger }
    }
    guard let height = sizes[0], let width = sizes[1] else { throw a.wrong("output_size") }
    return Pair(height, width)
  }
}
