extension Vocabulary {
  static let norms: [Function] = [
    .tensor(
      "batch_norm(input, running_mean, running_var, weight, bias, training, eps)", batchNorm),
    .tensor("layer_norm(input, normalized_shape, weight, bias, eps)") {
      try $0.floating("input").layerNormalized(
        axes: $0.integers("normalized_shape").count, weight: $0.optionalTensor("weight"),
        bias: $0.optionalTensor("bias"), epsilon: $0.number("eps"))
    },
    .tensor("group_norm(input, num_groups, weight, bias, eps)") {
      try $0.floating("input").groupNormalized(
        groups: $0.integer("num_groups"), weight: $0.optionalTensor("weight"),
        bias: $0.optionalTensor("bias"), epsilon: $0.number("eps"))
    },
    .tensor(
      "instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, eps)"
    ) { a in
      let x = try a.floating("input")
      guard try a.flag("use_input_stats") else { return try batchNorm(a) }
      return try x.groupNormalized(
        groups: x.rank > 1 ? x.shape[1] : 0, weight: a.optionalTensor("weight"),
        bias: a.optionalTensor("bias"), epsilon: a.number("eps"))
    },
    .tensor("rms_norm(input, normalized_shape, weight, eps)") {
      let x = try $0.floating("input")
      let own = x.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
      return try x.rmsNormalized(
        axes: $0.integers("normalized_shape").count, weight: $0.optionalTensor("weight"),
        epsilon: $0.number("eps", default: own))
    },
    .tensor("local_response_norm(input, size, alpha, beta, k)") { a in
      let (x, size) = (try a.floating("input"), try a.integer("size"))
      guard x.rank >= 3, size > 0 else { throw a.wrong("size") }
      let amounts =
        [AxisPadding(size / 2, (size - 1) / 2)]
        + [AxisPadding](repeating: AxisPadding(0, 0), count: x.rank - 2)
      let mean = try x.mapped(.square).padded(amounts, .constant(0))
        .windows(1, size: size, step: 1).mean(axes: [-1])
      return try x
        / mean.affine(scale: a.number("alpha"), shift: a.number("k"))
        .mapped(.power(a.number("beta")))
    },
    .tensor("normalize(input, p, dim, eps)") {
      try $0.floating("input").normalized(
        p: $0.number("p", default: 2), axis: $0.single("dim", default: 1),
        epsilon: $0.number("eps"))
    },
    .tensor("weight_norm(v, g, dim)") { a in
      let v = try a.tensor("v")
      let axis = try v.shape.resolvedAxis(a.integer("dim", default: 0))
      let others = v.shape.indices.filter { $0 != axis }
      return try v * (a.tensor("g") / v.norm(axes: Array(others), keepingAxes: true))
    },
  ]

  /// With running statistics, or with each batch's own, which are summed in float64 as in PyTorch.
  private static func batchNorm(_ a: Arguments) throws -> Tensor {
    let x = try a.floating("input")
    var (mean, variance) = (
      try a.optionalTensor("running_mean"), try a.optionalTensor("running_var")
    )
    let isTraining =
      a.function.parameters.contains("training") ? try a.flag("training") : mean == nil
    if isTraining || mean == nil || variance == nil {
      guard x.rank >= 2 else { throw a.wrong("input") }
      let (wide, axes) = (try x.converted(to: .float64), [0] + Array(2..<x.rank))
      mean = try wide.mean(axes: axes).converted(to: x.dtype)
      variance = try wide.variance(axes: axes, correction: 0).converted(to: x.dtype)
    }
    guard let mean, let variance else { throw a.wrong("running_mean") }
    return try x.batchNormalized(
      mean: mean, variance: variance, weight: a.optionalTensor("weight"),
      bias: a.optionalTensor("bias"), epsilon: a.number("eps"))
  }
}
