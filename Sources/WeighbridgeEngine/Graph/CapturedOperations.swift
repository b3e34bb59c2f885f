import WeighbridgeTensors

/// An operator that no other one is joined with.
struct AnyOperation: CapturedOperation {
  private let body: @Sendable ([Tensor]) throws -> [Tensor]

  init(_ body: @escaping @Sendable ([Tensor]) throws -> [Tensor]) { self.body = body }

  func results(of operands: [Tensor]) throws -> [Tensor] { try body(operands) }
}

/// An activation for itself.
struct ActivationOperation: CapturedOperation {
  let engine: any Engine
  let activation: Activation

  func results(of operands: [Tensor]) throws -> [Tensor] {
    [try Engines.logged(engine).activate(operands[0], activation)]
  }
}

/// Elementwise arithmetic for itself.
struct ArithmeticOperation: CapturedOperation {
  let engine: any Engine
  let operation: BinaryOperation
  let output: Shape

  func results(of operands: [Tensor]) throws -> [Tensor] {
    [
      try Engines.logged(engine).binary(operation, operands[0], operands[1], output: output)
    ]
  }
}

/// A function of each element for itself.
struct MapOperation: CapturedOperation {
  let engine: any Engine
  let operation: UnaryOperation

  func results(of operands: [Tensor]) throws -> [Tensor] {
    [try Engines.logged(engine).unary(operation, operands[0])]
  }
}

/// A softmax for itself.
struct SoftmaxOperation: CapturedOperation {
  let engine: any Engine
  let axis: Int
  let isLogarithm: Bool

  func results(of operands: [Tensor]) throws -> [Tensor] {
    [try Engines.logged(engine).softmax(operands[0], axis: axis, logarithm: isLogarithm)]
  }
}

/// A residual encoding of x [B, N, C] with codewords [K, C] and scale [K]; the points stay as an axis of
/// extent 1.
struct EncodingOperation: CapturedOperation {
  func results(of operands: [Tensor]) throws -> [Tensor] {
    [try operands[0].encoded(codewords: operands[1], scale: operands[2]).unsqueezed(1)]
  }
}

/// Pooling by windows.
struct PoolOperation: CapturedOperation {
  let engine: any Engine
  let geometry: PoolingGeometry
  let output: Shape

  var isMaximum: Bool { if case .maximum = geometry.kind { true } else { false } }

  func results(of operands: [Tensor]) throws -> [Tensor] {
    [try Engines.logged(engine).pool(operands[0], geometry, output: output)]
  }
}

/// A reduction over axes, which stay with extent 1.
struct ReductionOperation: CapturedOperation {
  let engine: any Engine
  let reduction: Reduction
  let axes: [Int]

  func results(of operands: [Tensor]) throws -> [Tensor] {
    [try Engines.logged(engine).reduce(reduction, operands[0], axes: axes)]
  }
}

/// An operator that adds a residual and applies an activation on its way. Its operands are what it
/// computes with beside learned weights, and then the residual.
struct LayerOperation: CapturedOperation {
  enum Kernel: Sendable {
    case convolution(Convolution)
    case linear(LayerWeight, bias: Tensor?, cache: OperatorCache)
    case batchNorm(Norm)
    /// Operands: x, then one factor for each channel of each sample.
    case scaleChannels
  }

  struct Convolution: Sendable {
    var weight: LayerWeight
    var bias: Tensor?
    var geometry: ConvolutionGeometry
    var output: Shape
    var cache: OperatorCache
  }

  struct Norm: Sendable {
    var mean: Tensor
    var variance: Tensor
    var weight: Tensor?
    var bias: Tensor?
    var epsilon: Double
  }

  let engine: any Engine
  var kernel: Kernel
  var activation: Activation?
  var hasResidual = false

  var isGate: Bool { if case .scaleChannels = kernel { true } else { false } }

  func results(of operands: [Tensor]) throws -> [Tensor] {
    let engine = Engines.logged(engine)
    let epilogue = Epilogue(residual: hasResidual ? operands.last : nil, activation: activation)
    switch kernel {
    case .convolution(let layer):
      return [
        try engine.convolution(
          operands[0], weight: layer.weight, bias: layer.bias, geometry: layer.geometry,
          output: layer.output, epilogue: epilogue, cache: layer.cache)
      ]
    case .linear(let weight, let bias, let cache):
      return [
        try engine.linear(
          operands[0], weight: weight, bias: bias, epilogue: epilogue, cache: cache)
      ]
    case .batchNorm(let norm):
      return [
        try engine.batchNorm(
          operands[0], mean: norm.mean, variance: norm.variance, weight: norm.weight,
          bias: norm.bias, epsilon: norm.epsilon, epilogue: epilogue)
      ]
    case .scaleChannels:
      return [try engine.scaleChannels(operands[0], by: operands[1], epilogue: epilogue)]
    }
  }
}
