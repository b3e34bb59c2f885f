import WeighbridgeTensors

/// An engine whose operators are noted in the log of the current task: what ran, how long, and as what.
struct LoggedEngine: Engine {
  let engine: any Engine

  var name: String { engine.name }

  private func noted(
    _ what: @autoclosure () -> RunLog.Operator, _ body: () throws -> Tensor
  ) rethrows -> Tensor {
    try RunLog.noting(what(), shape: \.shape, body)
  }

  private func noted(_ name: String, _ body: () throws -> IndexedValues) rethrows -> IndexedValues {
    try RunLog.noting(.init([name]), shape: \.values.shape, body)
  }

  func convolution(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry, output: Shape,
    epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    let perOutput = weight.shape.elementCount / max(1, weight.shape[0])
    return try noted(
      .init(["convolution"] + epilogue.parts(bias), products: output.elementCount &* perOutput)
    ) {
      try engine.convolution(
        x, weight: weight, bias: bias, geometry: geometry, output: output, epilogue: epilogue,
        cache: cache)
    }
  }

  func linear(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    try noted(
      .init(["linear"] + epilogue.parts(bias), products: x.elementCount &* weight.shape[0])
    ) { try engine.linear(x, weight: weight, bias: bias, epilogue: epilogue, cache: cache) }
  }

  func matmul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try noted(
      .init(["matmul"], products: a.elementCount &* b.shape[b.rank - 1])
    ) { try engine.matmul(a, b) }
  }

  func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?
  ) throws -> Tensor {
    let (rows, keys) = (q.elementCount / max(1, q.shape[q.rank - 1]), k.shape[k.rank - 2])
    let widths = q.shape[q.rank - 1] + v.shape[v.rank - 1]
    return try noted(
      .init(["attention"] + (bias == nil ? [] : ["mask"]), products: rows &* keys &* widths)
    ) { try engine.attention(q, k, v, scale: scale, bias: bias) }
  }

  func batchNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double,
    epilogue: Epilogue
  ) throws -> Tensor {
    try noted(.init(["batch norm"] + epilogue.parts(nil))) {
      try engine.batchNorm(
        x, mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon,
        epilogue: epilogue)
    }
  }

  func layerNorm(
    _ x: Tensor, axes: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    try noted(.init(["layer norm"])) {
      try engine.layerNorm(x, axes: axes, weight: weight, bias: bias, epsilon: epsilon)
    }
  }

  func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    try noted(.init(["group norm"])) {
      try engine.groupNorm(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
    }
  }

  func scaleChannels(_ x: Tensor, by scale: Tensor, epilogue: Epilogue) throws -> Tensor {
    try noted(.init(["channel gate"] + epilogue.parts(nil))) {
      try engine.scaleChannels(x, by: scale, epilogue: epilogue)
    }
  }

  func pool(_ x: Tensor, _ geometry: PoolingGeometry, output: Shape) throws -> Tensor {
    try noted(.init([geometry.name])) { try engine.pool(x, geometry, output: output) }
  }

  func adaptiveAveragePool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    try noted(.init(["adaptive average pool"])) {
      try engine.adaptiveAveragePool(x, output: output)
    }
  }

  func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor {
    try noted(.init([activation.name])) { try engine.activate(x, activation) }
  }

  func softmax(_ x: Tensor, axis: Int, logarithm: Bool) throws -> Tensor {
    try noted(.init([logarithm ? "log softmax" : "softmax"])) {
      try engine.softmax(x, axis: axis, logarithm: logarithm)
    }
  }

  func binary(
    _ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try noted(.init([operation.rawValue])) {
      try engine.binary(operation, a, b, output: output)
    }
  }

  func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
    try noted(.init([caseName(operation)])) { try engine.unary(operation, x) }
  }

  func reduce(_ operation: Reduction, _ x: Tensor, axes: [Int]) throws -> Tensor {
    try noted(.init([operation.rawValue])) { try engine.reduce(operation, x, axes: axes) }
  }

  func affineGrid(_ theta: Tensor, size: Pair<Int>, alignCorners: Bool) throws -> Tensor {
    try noted(.init(["affine grid"])) {
      try engine.affineGrid(theta, size: size, alignCorners: alignCorners)
    }
  }

  func gridSample(_ x: Tensor, grid: Tensor, alignCorners: Bool) throws -> Tensor {
    try noted(.init(["grid sample"])) {
      try engine.gridSample(x, grid: grid, alignCorners: alignCorners)
    }
  }
}

extension LoggedEngine {
  func interpolate(
    _ x: Tensor, _ interpolation: Interpolation, size: [Int], scales: [Double]?
  ) throws -> Tensor {
    try noted(.init(["interpolate"])) {
      try engine.interpolate(x, interpolation, size: size, scales: scales)
    }
  }

  func pad(_ x: Tensor, _ amounts: [AxisPadding], _ mode: PaddingMode) throws -> Tensor {
    try noted(.init(["pad"])) { try engine.pad(x, amounts, mode) }
  }

  func transposedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: TransposedConvolutionGeometry,
    output: Shape, cache: OperatorCache
  ) throws -> Tensor {
    let perInput = weight.elementCount / max(1, weight.shape[0])
    return try noted(
      .init(
        ["transposed convolution"] + Epilogue.none.parts(bias),
        products: x.elementCount &* perInput)
    ) {
      try engine.transposedConvolution(
        x, weight: weight, bias: bias, geometry: geometry, output: output, cache: cache)
    }
  }

  func unfold(_ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>) throws -> Tensor {
    try noted(.init(["unfold"])) { try engine.unfold(x, geometry, counts: counts) }
  }

  func fold(
    _ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>, output: Shape
  ) throws -> Tensor {
    try noted(.init(["fold"])) { try engine.fold(x, geometry, counts: counts, output: output) }
  }

  func adaptiveMaxPool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    try noted(.init(["adaptive max pool"])) { try engine.adaptiveMaxPool(x, output: output) }
  }

  func index(_ x: Tensor, axis: Int, indices: [Tensor]) throws -> Tensor {
    try noted(.init(["index"])) { try engine.index(x, axis: axis, indices: indices) }
  }

  func gather(_ x: Tensor, axis: Int, indices: Tensor) throws -> Tensor {
    try noted(.init(["gather"])) { try engine.gather(x, axis: axis, indices: indices) }
  }

  func compare(
    _ comparison: Comparison, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try noted(.init(["compare"])) { try engine.compare(comparison, a, b, output: output) }
  }

  func choose(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try noted(.init(["where"])) { try engine.choose(condition, a, b, output: output) }
  }

  func sort(_ x: Tensor, axis: Int, descending: Bool) throws -> IndexedValues {
    try noted("sort") { try engine.sort(x, axis: axis, descending: descending) }
  }

  func extreme(_ extreme: Extreme, _ x: Tensor, axis: Int) throws -> IndexedValues {
    try noted("extreme") { try engine.extreme(extreme, x, axis: axis) }
  }

  func cumulativeSum(_ x: Tensor, axis: Int) throws -> Tensor {
    try noted(.init(["cumulative sum"])) { try engine.cumulativeSum(x, axis: axis) }
  }
}

extension Epilogue {
  /// What runs with an operator, in order.
  fileprivate func parts(_ bias: Tensor?) -> [String] {
    (bias == nil ? [] : ["bias"]) + (residual == nil ? [] : ["residual"])
      + (activation.map { [$0.name] } ?? [])
  }
}

extension Activation {
  /// The function's name without its parameters, for reports.
  package var name: String { caseName(self) }
}

extension PoolingGeometry {
  fileprivate var name: String {
    if case .maximum = kind { "max pool" } else { "average pool" }
  }
}

/// The name of an enumeration's case without what it carries.
func caseName(_ value: some Any) -> String {
  String(String(describing: value).prefix { $0 != "(" })
}
