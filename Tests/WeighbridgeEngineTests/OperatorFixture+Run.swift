import Testing
import WeighbridgeEngine

extension OperatorFixture {
  /// Runs the operator on inputs in one dtype and layout.
  func run(_ engine: TestedEngine, _ layout: TestedLayout) throws -> Tensor {
    func input(_ name: String) throws -> Tensor? {
      try inputs[name].map { try layout.arrange($0.tensor(engine.dtype)) }
    }
    if let result = try runMore(engine, layout) { return result }
    let x = try #require(try input("x"))
    if let activation = activation { return try x.activated(activation) }
    if let unary = unaryOperation { return try x.mapped(unary) }
    if let binary = BinaryOperation(rawValue: self.operator) {
      return try x.combined(binary, #require(try input("other")))
    }
    if let reduction = reduction {
      return try x.reduced(reduction, axes: integers("axes"), keepingAxes: true)
    }
    switch self.operator {
    case "convolution":
      return try x.convolved(
        weight: #require(try input("weight")), bias: try input("bias"),
        geometry: convolutionGeometry)
    case "linear":
      return try x.linear(weight: #require(try input("weight")), bias: try input("bias"))
    case "matmul":
      return try x.matmul(#require(try input("other")))
    case "batch_norm":
      return try x.batchNormalized(
        mean: #require(try input("mean")), variance: #require(try input("variance")),
        weight: try input("weight"), bias: try input("bias"), epsilon: number("epsilon"))
    case "layer_norm":
      return try x.layerNormalized(
        axes: integer("axes"), weight: try input("weight"), bias: try input("bias"),
        epsilon: number("epsilon"))
    case "group_norm":
      return try x.groupNormalized(
        groups: integer("groups"), weight: try input("weight"), bias: try input("bias"),
        epsilon: number("epsilon"))
    case "max_pool", "avg_pool":
      return try x.pooled(poolingGeometry)
    case "adaptive_avg_pool":
      return try x.adaptiveAveragePooled(to: pair("size"))
    case "softmax":
      return try x.softmax(axis: integer("axis"))
    case "log_softmax":
      return try x.logSoftmax(axis: integer("axis"))
    case "affine_grid":
      return try x.affineGrid(size: pair("size"), alignCorners: flag("align"))
    case "grid_sample":
      return try x.gridSampled(#require(try input("grid")), alignCorners: flag("align"))
    case "attention":
      return try x.attention(
        keys: #require(try input("keys")), values: #require(try input("values")),
        scale: number("scale"), bias: try input("bias"))
    default:
      Issue.record("no operator \(self.operator)")
      return x
    }
  }

  private var convolutionGeometry: ConvolutionGeometry {
    let sides = integers("padding")
    return ConvolutionGeometry(
      stride: pair("stride"),
      padding: Padding(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3]),
      dilation: pair("dilation"), groups: integer("groups"))
  }

  private var poolingGeometry: PoolingGeometry {
    let kind: PoolingGeometry.Kind =
      self.operator == "max_pool" ? .maximum : .average(countIncludePad: flag("include"))
    return PoolingGeometry(
      kind, kernel: pair("kernel"), stride: pair("stride"),
      padding: Padding(pair("padding").height, pair("padding").width), dilation: pair("dilation"),
      ceilMode: flag("ceil"))
  }

  private var activation: Activation? {
    let named: [String: Activation] = [
      "relu": .relu, "relu6": .relu6, "leaky_relu": .leakyReLU(slope: 0.125), "gelu": .gelu,
      "gelu_tanh": .geluTanh, "gelu_quick": .geluQuick, "silu": .silu, "sigmoid": .sigmoid,
      "hard_sigmoid": .hardSigmoid, "hard_swish": .hardSwish, "tanh": .tanh,
      "elu": .elu(alpha: 0.75), "softplus": .softplus,
    ]
    return named[self.operator]
  }

  private var unaryOperation: UnaryOperation? {
    let named: [String: UnaryOperation] = [
      "negate": .negate, "absolute": .absolute, "square": .square, "square_root": .squareRoot,
      "exponential": .exponential, "logarithm": .logarithm, "sine": .sine, "cosine": .cosine,
      "clamp": .clamp(-0.75, 1.25), "affine": .affine(scale: 0.5, shift: 0.25),
    ]
    return named[self.operator]
  }

  private var reduction: Reduction? {
    let named: [String: Reduction] = [
      "sum": .sum, "mean": .mean, "prod": .product, "amax": .maximum, "amin": .minimum,
    ]
    return named[self.operator]
  }
}
