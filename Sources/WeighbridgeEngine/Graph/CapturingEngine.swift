import WeighbridgeTensors

/// An engine whose operators are noted in the capture of the current task.
struct CapturingEngine: Engine {
  let engine: any Engine

  var name: String { engine.name }

  /// Runs an operator of one result that no other one is joined with.
  private func noted(
    _ operands: [Tensor],
    _ body: @escaping @Sendable (any Engine, [Tensor]) throws -> Tensor
  ) throws -> Tensor {
    let engine = engine
    let operation = AnyOperation { [try body(Engines.logged(engine), $0)] }
    return try Capture.noting(operation, operands, results: { [$0] }) { try body(engine, operands) }
  }

  /// The same with operands that may be missing, in their order behind the others.
  private func noted(
    _ operands: [Tensor], _ optional: [Tensor?],
    _ body: @escaping @Sendable (any Engine, [Tensor], [Tensor?]) throws -> Tensor
  ) throws -> Tensor {
    let (count, isThere) = (operands.count, optional.map { $0 != nil })
    return try noted(operands + optional.compactMap { $0 }) { engine, all in
      var rest = all.dropFirst(count).makeIterator()
      return try body(engine, Array(all.prefix(count)), isThere.map { $0 ? rest.next() : nil })
    }
  }

  private func noted(
    _ operands: [Tensor],
    _ body: @escaping @Sendable (any Engine, [Tensor]) throws -> IndexedValues
  ) throws -> IndexedValues {
    let engine = engine
    let operation = AnyOperation {
      let found = try body(Engines.logged(engine), $0)
      return [found.values, found.indices]
    }
    return try Capture.noting(operation, operands, results: { [$0.values, $0.indices] }) {
      try body(engine, operands)
    }
  }

  private func noted(
    _ layer: LayerOperation.Kernel, _ operands: [Tensor], _ epilogue: Epilogue,
    _ body: () throws -> Tensor
  ) throws -> Tensor {
    let operation = LayerOperation(
      engine: engine, kernel: layer, activation: epilogue.activation,
      hasResidual: epilogue.residual != nil)
    let all = operands + [epilogue.residual].compactMap { $0 }
    return try Capture.noting(operation, all, results: { [$0] }, body)
  }

  func convolution(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry, output: Shape,
    epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    if Capture.isTraced(weight.stored) || Capture.isTraced(bias) {
      return try computedConvolution(x, weight, bias, geometry, output, epilogue)
    }
    let layer = LayerOperation.Convolution(
      weight: weight, bias: bias, geometry: geometry, output: output, cache: cache)
    return try noted(.convolution(layer), [x], epilogue) {
      // Where a norm follows, nobody will use weights that are packed for this run again; those of an
      // earlier run are there.
      try engine.convolution(
        x, weight: weight, bias: bias, geometry: geometry, output: output, epilogue: epilogue,
        cache: weight.rowScale == nil && cache.isEmpty ? OperatorCache() : cache)
    }
  }

  /// A convolution whose weights are computed from the inputs.
  private func computedConvolution(
    _ x: Tensor, _ weight: LayerWeight, _ bias: Tensor?, _ geometry: ConvolutionGeometry,
    _ output: Shape, _ epilogue: Epilogue
  ) throws -> Tensor {
    let (scale, activation) = (weight.rowScale, epilogue.activation)
    return try noted([x, weight.stored], [bias, epilogue.residual]) { engine, all, optional in
      try engine.convolution(
        all[0], weight: LayerWeight(all[1], rowScale: scale), bias: optional[0],
        geometry: geometry, output: output,
        epilogue: Epilogue(residual: optional[1], activation: activation), cache: OperatorCache())
    }
  }

  func linear(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor {
    if Capture.isTraced(weight.stored) || Capture.isTraced(bias) {
      let (scale, activation) = (weight.rowScale, epilogue.activation)
      return try noted([x, weight.stored], [bias, epilogue.residual]) { engine, all, optional in
        try engine.linear(
          all[0], weight: LayerWeight(all[1], rowScale: scale), bias: optional[0],
          epilogue: Epilogue(residual: optional[1], activation: activation),
          cache: OperatorCache())
      }
    }
    return try noted(.linear(weight, bias: bias, cache: cache), [x], epilogue) {
      try engine.linear(x, weight: weight, bias: bias, epilogue: epilogue, cache: cache)
    }
  }

  func batchNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double,
    epilogue: Epilogue
  ) throws -> Tensor {
    if [mean, variance, weight, bias].contains(where: Capture.isTraced) {
      let activation = epilogue.activation
      return try noted(
        [x, mean, variance], [weight, bias, epilogue.residual]
      ) { engine, all, optional in
        try engine.batchNorm(
          all[0], mean: all[1], variance: all[2], weight: optional[0], bias: optional[1],
          epsilon: epsilon, epilogue: Epilogue(residual: optional[2], activation: activation))
      }
    }
    let norm = LayerOperation.Norm(
      mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon)
    return try noted(.batchNorm(norm), [x], epilogue) {
      try engine.batchNorm(
        x, mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon,
        epilogue: epilogue)
    }
  }

  func scaleChannels(_ x: Tensor, by scale: Tensor, epilogue: Epilogue) throws -> Tensor {
    try noted(.scaleChannels, [x, scale], epilogue) {
      try engine.scaleChannels(x, by: scale, epilogue: epilogue)
    }
  }

  func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor {
    let operation = ActivationOperation(engine: engine, activation: activation)
    return try Capture.noting(operation, [x], results: { [$0] }) {
      try engine.activate(x, activation)
    }
  }

  func binary(
    _ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    let note = ArithmeticOperation(engine: engine, operation: operation, output: output)
    return try Capture.noting(note, [a, b], results: { [$0] }) {
      try engine.binary(operation, a, b, output: output)
    }
  }

  func matmul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try noted([a, b]) { try $0.matmul($1[0], $1[1]) }
  }

  func attention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?
  ) throws -> Tensor {
    try noted([q, k, v], [bias]) {
      try $0.attention($1[0], $1[1], $1[2], scale: scale, bias: $2[0])
    }
  }

  func layerNorm(
    _ x: Tensor, axes: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    try noted([x], [weight, bias]) {
      try $0.layerNorm($1[0], axes: axes, weight: $2[0], bias: $2[1], epsilon: epsilon)
    }
  }

  func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    try noted([x], [weight, bias]) {
      try $0.groupNorm($1[0], groups: groups, weight: $2[0], bias: $2[1], epsilon: epsilon)
    }
  }

  func pool(_ x: Tensor, _ geometry: PoolingGeometry, output: Shape) throws -> Tensor {
    let note = PoolOperation(engine: engine, geometry: geometry, output: output)
    return try Capture.noting(note, [x], results: { [$0] }) {
      try engine.pool(x, geometry, output: output)
    }
  }

  func adaptiveAveragePool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    try noted([x]) { try $0.adaptiveAveragePool($1[0], output: output) }
  }

  func softmax(_ x: Tensor, axis: Int, logarithm: Bool) throws -> Tensor {
    let note = SoftmaxOperation(engine: engine, axis: axis, isLogarithm: logarithm)
    return try Capture.noting(note, [x], results: { [$0] }) {
      try engine.softmax(x, axis: axis, logarithm: logarithm)
    }
  }

  func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
    let note = MapOperation(engine: engine, operation: operation)
    return try Capture.noting(note, [x], results: { [$0] }) { try engine.unary(operation, x) }
  }

  func reduce(_ operation: Reduction, _ x: Tensor, axes: [Int]) throws -> Tensor {
    let note = ReductionOperation(engine: engine, reduction: operation, axes: axes)
    return try Capture.noting(note, [x], results: { [$0] }) {
      try engine.reduce(operation, x, axes: axes)
    }
  }

  func affineGrid(_ theta: Tensor, size: Pair<Int>, alignCorners: Bool) throws -> Tensor {
    try noted([theta]) { try $0.affineGrid($1[0], size: size, alignCorners: alignCorners) }
  }

  func gridSample(_ x: Tensor, grid: Tensor, alignCorners: Bool) throws -> Tensor {
    try noted([x, grid]) {
      try $0.gridSample($1[0], grid: $1[1], alignCorners: alignCorners)
    }
  }
}

extension CapturingEngine {
  func interpolate(
    _ x: Tensor, _ interpolation: Interpolation, size: [Int], scales: [Double]?
  ) throws -> Tensor {
    try noted([x]) { try $0.interpolate($1[0], interpolation, size: size, scales: scales) }
  }

  func pad(_ x: Tensor, _ amounts: [AxisPadding], _ mode: PaddingMode) throws -> Tensor {
    try noted([x]) { try $0.pad($1[0], amounts, mode) }
  }

  func transposedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, geometry: TransposedConvolutionGeometry,
    output: Shape, cache: OperatorCache
  ) throws -> Tensor {
    let cache = Capture.isTraced(weight) || Capture.isTraced(bias) ? nil : cache
    return try noted([x, weight], [bias]) {
      try $0.transposedConvolution(
        $1[0], weight: $1[1], bias: $2[0], geometry: geometry, output: output,
        cache: cache ?? OperatorCache())
    }
  }

  func unfold(_ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>) throws -> Tensor {
    try noted([x]) { try $0.unfold($1[0], geometry, counts: counts) }
  }

  func fold(
    _ x: Tensor, _ geometry: WindowGeometry, counts: Pair<Int>, output: Shape
  ) throws -> Tensor {
    try noted([x]) { try $0.fold($1[0], geometry, counts: counts, output: output) }
  }

  func adaptiveMaxPool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    try noted([x]) { try $0.adaptiveMaxPool($1[0], output: output) }
  }

  func index(_ x: Tensor, axis: Int, indices: [Tensor]) throws -> Tensor {
    try noted([x] + indices) {
      try $0.index($1[0], axis: axis, indices: Array($1.dropFirst()))
    }
  }

  func gather(_ x: Tensor, axis: Int, indices: Tensor) throws -> Tensor {
    try noted([x, indices]) { try $0.gather($1[0], axis: axis, indices: $1[1]) }
  }

  func compare(
    _ comparison: Comparison, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try noted([a, b]) { try $0.compare(comparison, $1[0], $1[1], output: output) }
  }

  func choose(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    try noted([condition, a, b]) { try $0.choose($1[0], $1[1], $1[2], output: output) }
  }

  func sort(_ x: Tensor, axis: Int, descending: Bool) throws -> IndexedValues {
    try noted([x]) { try $0.sort($1[0], axis: axis, descending: descending) }
  }

  func extreme(_ extreme: Extreme, _ x: Tensor, axis: Int) throws -> IndexedValues {
    try noted([x]) { try $0.extreme(extreme, $1[0], axis: axis) }
  }

  func cumulativeSum(_ x: Tensor, axis: Int) throws -> Tensor {
    try noted([x]) { try $0.cumulativeSum($1[0], axis: axis) }
  }
}
