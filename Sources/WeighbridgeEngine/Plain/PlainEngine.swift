/// The specification: every operator as its definition reads, for float64 and float32.
package struct PlainEngine: Engine {
  package init() {}

  package var name: String { "plain Swift" }

  package func convolution(_ x: Tensor, weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry, output: Shape, epilogue: Epilogue, cache: OperatorCache) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "convolution")
  }

  package func linear(_ x: Tensor, weight: Tensor, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "linear")
  }

  package func matmul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "matmul")
  }

  package func batchNorm(_ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double, epilogue: Epilogue) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "batchNorm")
  }

  package func layerNorm(_ x: Tensor, axes: Int, weight: Tensor?, bias: Tensor?, epsilon: Double) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "layerNorm")
  }

  package func groupNorm(_ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "groupNorm")
  }

  package func pool(_ x: Tensor, _ geometry: PoolingGeometry, output: Shape) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "pool")
  }

  package func adaptiveAveragePool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "adaptiveAveragePool")
  }

  package func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "activate")
  }

  package func softmax(_ x: Tensor, axis: Int, logarithm: Bool) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "softmax")
  }

  package func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, output: Shape) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "binary")
  }

  package func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "unary")
  }

  package func reduce(_ operation: Reduction, _ x: Tensor, axes: [Int]) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "reduce")
  }

  package func affineGrid(_ theta: Tensor, size: Pair<Int>, alignCorners: Bool) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "affineGrid")
  }

  package func gridSample(_ x: Tensor, grid: Tensor, alignCorners: Bool) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "gridSample")
  }

  package func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?) throws -> Tensor {
    throw WeighbridgeError(.unsupported, "attention")
  }
}
