extension Vocabulary {
  /// Convolutions, linear maps and tables.
  static let convolutions: [Function] = [
    .tensor("conv1d(input, weight, bias, stride, padding, dilation, groups)") { a in
      let weight = try a.tensor("weight")
      let geometry = try convolution(a, kernel: [1] + weight.shape.dropFirst(2))
      return try batched(a.floating("input"), axes: 2) {
        try $0.unsqueezed(2).convolved(
          weight: weight.unsqueezed(2).contiguous(), bias: a.optionalTensor("bias"),
          geometry: geometry
        ).squeezed(2)
      }
    },
    .tensor("conv2d(input, weight, bias, stride, padding, dilation, groups)") { a in
      let weight = try a.tensor("weight")
      let geometry = try convolution(a, kernel: Array(weight.shape.dropFirst(2)))
      return try batched(a.floating("input"), axes: 3) {
        try $0.convolved(weight: weight, bias: a.optionalTensor("bias"), geometry: geometry)
      }
    },
    .refused("conv3d(input, weight, bias, stride, padding, dilation, groups)"),
    .tensor(
      "conv_transpose1d(input, weight, bias, stride, padding, output_padding, groups, dilation)"
    ) { a in
      let geometry = try transposedConvolution(a, isRow: true)
      return try batched(a.floating("input"), axes: 2) {
        try $0.unsqueezed(2).transposedConvolved(
          weight: a.tensor("weight").unsqueezed(2), bias: a.optionalTensor("bias"),
          geometry: geometry
        ).squeezed(2)
      }
    },
    .tensor(
      "conv_transpose2d(input, weight, bias, stride, padding, output_padding, groups, dilation)"
    ) { a in
      let geometry = try transposedConvolution(a)
      return try batched(a.floating("input"), axes: 3) {
        try $0.transposedConvolved(
          weight: a.tensor("weight"), bias: a.optionalTensor("bias"), geometry: geometry)
      }
    },
    .refused(
      "conv_transpose3d(input, weight, bias, stride, padding, output_padding, groups, dilation)"),
    .tensor("linear(input, weight, bias)") { a in
      let (x, weight) = (try a.floating("input"), try a.tensor("weight"))
      guard weight.rank == 2 else {
        let result = try product((x, weight))
        return try a.optionalTensor("bias").map { try result + $0 } ?? result
      }
      return try x.linear(weight: weight, bias: a.optionalTensor("bias"))
    },
    .refused("bilinear(input1, input2, weight, bias)"),
    .tensor("embedding(input, weight)") {
      try $0.tensor("weight").indexed(0, by: $0.tensor("input"))
    },
  ]

  /// Runs on a batch where there is none: `axes` is how many a single sample has.
  static func batched(
    _ x: Tensor, axes: Int, _ body: (Tensor) throws -> Tensor
  ) throws -> Tensor {
    x.rank == axes ? try body(x.unsqueezed(0)).squeezed(0) : try body(x)
  }

  /// - Parameter kernel: Height and width.
  static func convolution(_ a: Arguments, kernel: [Int]) throws -> ConvolutionGeometry {
    guard kernel.count == 2 else { throw a.wrong("weight") }
    let isRow = a.function.name == "conv1d"
    func pair(_ name: String, _ neutral: Int) throws -> Pair<Int> {
      isRow
        ? Pair(neutral, try a.single(name, default: neutral)) : try a.pair(name, default: neutral)
    }
    let dilation = try pair("dilation", 1)
    var padding: Padding
    if case .text(let form) = a["padding"] {
      try a.require(form == "same" || form == "valid", "padding")
      padding = 0
      if form == "same" {
        let bound = 1 << 31
        try a.require(
          (0..<bound).contains(dilation.height) && (0..<bound).contains(dilation.width)
            && kernel.allSatisfy { (1..<bound).contains($0) }, "dilation")
        let total = (
          dilation.height * (kernel[0] - 1), dilation.width * (kernel[1] - 1)
        )
        padding = Padding(
          top: total.0 / 2, bottom: total.0 - total.0 / 2, left: total.1 / 2,
          right: total.1 - total.1 / 2)
      }
    } else {
      let amounts = try pair("padding", 0)
      padding = Padding(amounts.height, amounts.width)
    }
    return ConvolutionGeometry(
      stride: try pair("stride", 1), padding: padding, dilation: dilation,
      groups: try a.integer("groups", default: 1))
  }

  static func transposedConvolution(
    _ a: Arguments, isRow: Bool = false
  ) throws -> TransposedConvolutionGeometry {
    func pair(_ name: String, _ neutral: Int) throws -> Pair<Int> {
      isRow
        ? Pair(neutral, try a.single(name, default: neutral)) : try a.pair(name, default: neutral)
    }
    return TransposedConvolutionGeometry(
      stride: try pair("stride", 1), padding: try pair("padding", 0),
      outputPadding: try pair("output_padding", 0), dilation: try pair("dilation", 1),
      groups: try a.integer("groups", default: 1))
  }
}
