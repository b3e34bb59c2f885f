extension Vocabulary {
  /// Activation functions, and what comes to nothing in inference.
  static let activations: [Function] =
    [
      activation("relu(input)", .relu), activation("relu6(input)", .relu6),
      activation("silu(input)", .silu), activation("sigmoid(input)", .sigmoid),
      activation("tanh(input)", .tanh), activation("hardswish(input)", .hardSwish),
      activation("hardsigmoid(input)", .hardSigmoid),
      .tensor("elu(input, alpha)") {
        try $0.floating("input").activated(.elu(alpha: $0.number("alpha", default: 1)))
      },
      .unary("selu") {
        let (scale, alpha) = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)
        return try timed($0.activated(.elu(alpha: alpha)), scale)
      },
      .tensor("celu(input, alpha)") {
        let (x, alpha) = (try $0.floating("input"), try $0.number("alpha", default: 1))
        let below = try timed(x.affine(scale: 1 / alpha).mapped(.exponentialMinusOne), alpha)
        return try below.choosing(x, where: x.compared(.greater, 0))
      },
      .tensor("gelu(input, approximate)") {
        let form = $0.isNone("approximate") ? "none" : try $0.text("approximate")
        try $0.require(form == "none" || form == "tanh", "approximate")
        return try $0.floating("input").activated(form == "tanh" ? .geluTanh : .gelu)
      },
      .unary("mish") { try $0 * $0.activated(.softplus).activated(.tanh) },
      .tensor("hardtanh(input, min_val, max_val)") {
        try $0.floating("input").clamped($0.number("min_val"), $0.number("max_val"))
      },
      .tensor("hardshrink(input, lambd)") {
        let x = try $0.floating("input")
        return try x.choosing(
          0, where: x.mapped(.absolute).compared(.lessOrEqual, $0.number("lambd")))
      },
      .tensor("softshrink(input, lambd)") {
        let (x, edge) = (try $0.floating("input"), try $0.number("lambd"))
        let shrunk = try x.mapped(.sign) * x.mapped(.absolute).affine(shift: -edge)
        return try shrunk.choosing(0, where: x.mapped(.absolute).compared(.lessOrEqual, edge))
      },
      .unary("tanhshrink") { try $0 - $0.activated(.tanh) },
      .tensor("leaky_relu(input, negative_slope)") {
        try $0.floating("input").activated(.leakyReLU(slope: $0.number("negative_slope")))
      },
      .tensor("prelu(input, weight)", prelu),
      .tensor("softplus(input, beta, threshold)", softplus),
      .unary("softsign") { try $0 / $0.mapped(.absolute).affine(shift: 1) },
      .unary("logsigmoid") { try $0.mapped(.negate).activated(.softplus).mapped(.negate) },
      .tensor("threshold(input, threshold, value)") {
        let x = try $0.floating("input")
        return try x.choosing(
          $0.number("value"), where: x.compared(.lessOrEqual, $0.number("threshold")))
      },
      .tensor("glu(input, dim)") {
        let parts = try $0.floating("input").split(2, axis: $0.integer("dim", default: -1))
        return try parts[0] * parts[1].activated(.sigmoid)
      },
      .tensor("softmax(input, dim, dtype)") {
        try entry($0).softmax(axis: $0.integer("dim", default: -1))
      },
      .tensor("softmin(input, dim, dtype)") {
        try entry($0).mapped(.negate).softmax(axis: $0.integer("dim", default: -1))
      },
      .tensor("log_softmax(input, dim, dtype)") {
        try entry($0).logSoftmax(axis: $0.integer("dim", default: -1))
      },
    ]
    + [
      "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
    ].map { name in
      .tensor("\(name)(input, p, training)") {
        guard try !$0.flag("training") || $0.number("p", default: 0.5) == 0 else {
          throw WeighbridgeError(.unsupported, "\(name) in training, which gives chance's results")
        }
        return try $0.tensor("input")
      }
    }

  private static func activation(_ signature: String, _ activation: Activation) -> Function {
    .tensor(signature) { a in
      // Integers stay integers where the function gives such.
      let x = try a.tensor("input")
      if activation == .relu, !x.dtype.isFloatingPoint {
        return try x.combined(.maximum, .full([], 0, dtype: x.dtype))
      }
      return try a.floating("input").activated(activation)
    }
  }

  /// The input in the dtype that is asked for.
  private static func entry(_ a: Arguments) throws -> Tensor {
    let x = try a.floating("input")
    return try a.dtype().map { try x.casted(to: $0) } ?? x
  }

  private static func prelu(_ a: Arguments) throws -> Tensor {
    let (x, weight) = (try a.floating("input"), try a.tensor("weight"))
    let slope =
      weight.elementCount == 1 || x.rank < 2
      ? weight
      : try weight.reshaped([weight.elementCount] + [Int](repeating: 1, count: x.rank - 2))
    return try (x * slope).choosing(x, where: x.compared(.greater, 0))
  }

  private static func softplus(_ a: Arguments) throws -> Tensor {
    let (x, beta) = (try a.floating("input"), try a.number("beta", default: 1))
    let threshold = try a.number("threshold", default: 20)
    guard beta != 1 || threshold != 20 else { return try x.activated(.softplus) }
    let scaled = try x.affine(scale: beta)
    let soft = try scaled.mapped(.exponential).mapped(.logarithmOnePlus).affine(scale: 1 / beta)
    return try soft.choosing(x, where: scaled.compared(.greater, threshold))
  }
}
